"""A metric: one module of `understory.evaluation.metrics`, completed by slower substitutes for what it leaves out.

A module has

- `score(labels, predictions)`: a float, higher for better; NaN where it is not defined. Labels and predictions come in the
  forms that `understory.evaluation.label_matrices` describes.

and where there is something to say

- `DECIDED`: True where `score` takes decisions (bool) instead of probabilities;
- `CHANCE`: the score of predictions without information, where it does not depend on the labels;
- `class_scores(labels, predictions)`: float64 (classes,), NaN where a class has none;
- `CLASS_SCORE`: what a class's score is called, and its definition in a sentence, where `{rows}` stands for what is scored;
- `FIGURES`: the figures of the report besides those of every metric: `class_scores` and `precision_recall`, or `separation`
  and `roc`, which are of two classes;
- `CLASS_TABLE`: `precision`, so that the table of classes lists average precisions, or `counts`, so that it lists how many
  rows have the class and are taken for it;
- `weighted(labels, predictions)`: a function of the rows' weights (float64, whole numbers): the score where each row counts
  that often;
- `shuffled(labels, predictions)`: a function of a permutation of the rows: the score of the predictions in that order;
- `shuffle_cost(labels)`: how many cells one shuffle takes, where these are not as many as rows;
- `batch_sums(ops, labels, predictions)` and `score_of_sums(ops, sums)`: its form while training, in the operations of
  `keras.ops`: a dict of arrays that are summed over batches, and the score, a scalar, of these sums.
"""

from understory.core import choices
from understory.core.errors import InputError
from understory.data.task import METRICS

FIGURES = (("precision_recall",), ("class_scores", "precision_recall"), ("separation", "roc"))


def figures(name: str) -> tuple[str, ...]:
    """The figures that a metric asks for. The Snakefile calls this while it is parsed, so nothing is imported for it.

    InputError where the metric lacks what it has to have.
    """
    figures = choices.constant(METRICS, name, "FIGURES", default=FIGURES[0])
    place = f"{METRICS}.{name}"
    if figures not in FIGURES:
        valid = " or ".join(map(repr, FIGURES))
        raise InputError(f"{place}: expected FIGURES = {valid}, found {figures!r}")
    needed = {"score", *(("CLASS_SCORE", "class_scores") if "class_scores" in figures else ())}
    if missing := sorted(needed - choices.defined(METRICS, name)):
        raise InputError(
            f"{place}: expected a metric with {' and '.join(sorted(needed))}, found no {missing[0]}"
        )
    return figures


class Metric:
    """A metric by its name, with all that a module may have; `class_score` and `chance` are None where it has none."""

    def __init__(self, name: str):
        self.name, self._module = name, choices.load(METRICS, name)
        self.score = self._module.score
        self.decided = self._get("DECIDED", False)
        self.chance = self._get("CHANCE", None)
        self.class_score = self._get("CLASS_SCORE", None) if "class_scores" in figures(name) else None
        self.class_table = self._get("CLASS_TABLE", "precision")
        self.figures = figures(name)
        self.class_scores = self._get("class_scores", _no_class_scores)
        self.weighted = self._get("weighted", self._repeated)
        self.shuffled = self._get("shuffled", self._permuted)
        self.shuffle_cost = self._get("shuffle_cost", len)

    def _get(self, name, default):
        return getattr(self._module, name, default)

    def _repeated(self, labels, predictions):
        import numpy as np

        from understory.evaluation.label_matrices import take

        def score(weights):
            rows = np.repeat(np.arange(len(weights)), weights.astype(int))
            return self.score(take(labels, rows), predictions[rows])

        return score

    def _permuted(self, labels, predictions):
        return lambda order: self.score(labels, predictions[order])


def _no_class_scores(labels, predictions):
    import numpy as np

    return np.full(predictions.shape[1], np.nan)
