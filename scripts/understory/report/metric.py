"""What the page does differently from metric to metric: the only module of the report that names metrics."""

from understory.evaluation import metrics, scoring

# What the score of a class is called, and what it is.
CLASS_SCORES = {
    "lwlrap": (
        "per-class lwlrap",
        "the share of present labels among the labels ranked at least as high, averaged over the {rows} with the class.",
    ),
    "accuracy": ("recall", "the share of the class's {rows} whose highest prediction is the class."),
    "row_f1": (
        "F1",
        "2·TP / (2·TP + FP + FN). The row_f1 is computed for each row and is not the mean of these.",
    ),
    "macro_f1": (
        "F1",
        "2·TP / (2·TP + FP + FN), where the highest prediction of each row counts as predicted.",
    ),
}


class Metric:
    """What the page asks of a metric.

    Attributes
    ----------
    decided : bool
        Whether thresholds decide labels before they are scored.
    chance : float or None
        The score of predictions without information, where it does not depend on the labels.
    class_score : (str, str) or None
        The name of a class's score, and what it is, where `{rows}` stands for what is scored.
    class_table : {"precision", "counts"}
        Whether the table of classes lists average precisions, or how many rows have a class and are predicted to.
    figures : tuple of str
        The figures that only some metrics have.
    """

    def __init__(self, name: str):
        self.name, self.decided = name, name in scoring.DECIDED
        self.chance = 0.5 if name == "roc_auc" else None
        self.class_score = CLASS_SCORES.get(name)
        self.class_table = "precision" if name in ("lwlrap", "accuracy") else "counts"
        self.figures = ("separation", "roc") if name == "roc_auc" else ("class_scores", "precision_recall")

    def shuffle_cost(self, labels) -> float:
        """How many cells one shuffle of the predictions looks up."""
        if self.name != "lwlrap":
            return len(labels)
        return (metrics.present_labels(labels).sum(axis=1).astype(float) ** 2).sum()
