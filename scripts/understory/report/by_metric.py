"""What the page does differently from metric to metric: the only place of the report that names metrics."""

from understory.data.task import Task
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
        "F1 = 2·TP / (2·TP + FP + FN). The row_f1 is computed for each row and is not the mean of these.",
    ),
    "macro_f1": (
        "F1",
        "F1 = 2·TP / (2·TP + FP + FN), where the highest prediction of each row counts as predicted.",
    ),
}


def is_roc_auc(task: Task) -> bool:
    """Whether two classes are scored by one curve; otherwise, each class has a score."""
    return task.metric == "roc_auc"


def by_threshold(task: Task) -> bool:
    """Whether thresholds decide labels before they are scored."""
    return task.metric in scoring.DECIDED


def ranks_labels(task: Task) -> bool:
    """Whether classes have an average precision; otherwise, a number of predictions and of correct ones."""
    return task.metric in ("lwlrap", "accuracy")


def chance(task: Task) -> float | None:
    """The score that random predictions are expected to have, where that is known."""
    return 0.5 if task.metric == "roc_auc" else None


def class_score(task: Task, rows: str) -> tuple[str, str]:
    """The name of a class's score, and what it is; `rows` are what is scored, such as examples."""
    name, meaning = CLASS_SCORES[task.metric]
    return name, meaning.format(rows=rows)


def cost(task: Task, labels, count: int) -> float:
    """Cells that one computation of the score of `count` rows looks up."""
    if task.metric == "lwlrap":
        return float((metrics.present_labels(labels).sum(axis=1).astype(float) ** 2).sum())
    return count
