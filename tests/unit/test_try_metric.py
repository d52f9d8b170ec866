"""The trial of a metric."""

import sys
import types

import numpy as np
import pytest
from workflow import ROOT

from understory.core import choices
from understory.core.errors import InputError
from understory.data import source
from understory.data.dataset import Dataset
from understory.data.task import METRICS
from understory.evaluation import metrics, trials

SCORE = "def score(labels, predictions):\n    return 0.5\n"


def tried(monkeypatch, metric, *, classes=5, exhaustive=False, top_k=None):
    monkeypatch.setattr(trials.datasets, "reader", lambda name: types.SimpleNamespace(METRIC=metric))
    tables = Dataset(tuple(map(str, range(classes))), (), (), exhaustive) if classes else None
    trials.try_metric(tables, source.Source("mine", "folder", "all"), top_k=top_k)


@pytest.fixture
def written(monkeypatch, tmp_path):
    """A function that tries a metric of this text."""
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])

    def write(text, **options):
        (tmp_path / "mine.py").write_text("import numpy as np\n" + text)
        tried(monkeypatch, "mine", **options)

    yield write
    sys.modules.pop(f"{METRICS}.mine", None)


@pytest.mark.parametrize("name", choices.names(METRICS))
@pytest.mark.parametrize("exhaustive", [True, False])
def test_every_metric_passes(monkeypatch, name, exhaustive):
    for top_k in (None, 3):
        for classes in (None, 2) if name == "roc_auc" else (None, 1, 2, 3, 60):
            tried(monkeypatch, name, classes=classes, exhaustive=exhaustive, top_k=top_k)


def test_a_metric_that_the_data_set_has_too_many_classes_for_is_said(monkeypatch):
    with pytest.raises(InputError, match="roc_auc: expected two classes, found 3"):
        tried(monkeypatch, "roc_auc", classes=3)


def test_a_metric_may_need_many_classes_where_nobody_knows_how_many_there_are(written):
    top = "def score(labels, predictions):\n    np.partition(predictions, -9, axis=1)\n    return 0.5\n"
    written(top, classes=None)
    written(top, classes=60)
    with pytest.raises(InputError, match="score"):
        written(top, classes=5)


def test_the_trial_has_classes_that_are_present_and_absent_and_one_that_never_is(written, monkeypatch):
    seen = []
    monkeypatch.setattr(np, "seen", seen, raising=False)
    written(
        "from understory.evaluation.label_matrices import dense\n"
        "def score(labels, predictions):\n    np.seen.append(dense(labels))\n    return float('nan')\n"
    )
    first, last = seen[0], seen[-1]
    assert (first == 1).any(axis=0).tolist() == [True] * 4 + [False]
    assert {-1.0, 0.0, 1.0} == set(first.ravel())
    assert not (last == 1).any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "def score(labels):\n    return 0.0\n",
            r"mine.py: score\(labels, predictions\) failed in a trial with",
        ),
        ("def score(labels, predictions):\n    return labels.nothing\n", "AttributeError"),
        (
            "def score(labels, predictions):\n    assert (labels if isinstance(labels, np.ndarray) else labels.take([0])).max() > 0\n"
            "    return 0.0\n",
            "failed in a trial without a present label: AssertionError",
        ),
        ("def score(labels, predictions):\n    return None\n", "to return a number, or NaN .*, found None"),
        (
            "def score(labels, predictions):\n    return np.zeros(3)\n",
            "to return a number, or NaN .*, found array",
        ),
        ("def score(labels, predictions):\n    return float('inf')\n", "found inf"),
        (
            "def score(labels, predictions):\n    return float(isinstance(labels, np.ndarray))\n",
            r"score of labels as a matrix to be score\(labels, predictions\), 0, found 1",
        ),
        (
            SCORE + "def weighted(labels, predictions):\n    return lambda w: 0.4\n",
            r"weighted.*\(ones\) to be",
        ),
        (
            SCORE + "def weighted(labels, predictions):\n    return lambda w: 0.5 if w.max() == 1 else 0.6\n",
            r"weighted\(…\) of rows that count twice to be",
        ),
        (
            SCORE + "def weighted(labels, predictions):\n    return 0.5\n",
            r"weighted\(…\)\(ones\) failed .*not callable",
        ),
        (
            SCORE + "def shuffled(labels, predictions):\n    return lambda o: 0.1\n",
            "of rows in their order to be",
        ),
        (SCORE + "def shuffle_cost(labels):\n    return 'much'\n", "shuffle_cost.* found 'much'"),
        (SCORE + "CHANCE = 'half'\n", "expected CHANCE to be a number, found 'half'"),
        (SCORE + "CLASS_TABLE = 'recall'\n", "CLASS_TABLE to be precision or counts, found 'recall'"),
        (
            SCORE + "def batch_sums(ops, labels, predictions):\n    return {}\n",
            "batch_sums and score_of_sums or neither",
        ),
        (
            SCORE + "FIGURES = ('class_scores', 'precision_recall')\nCLASS_SCORE = 'recall'\n"
            "def class_scores(labels, predictions):\n    return np.zeros(5)\n",
            "CLASS_SCORE to be a name and a sentence, found 'recall'",
        ),
        (
            SCORE + "FIGURES = ('class_scores', 'precision_recall')\nCLASS_SCORE = ('recall', 'how many')\n"
            "def class_scores(labels, predictions):\n    return np.zeros(4)\n",
            "a number for each of 5 classes, found float64 of shape",
        ),
    ],
)
def test_mistakes_are_said_before_any_job(written, text, said):
    with pytest.raises(InputError, match=said):
        written(text)


def test_a_run_tries_its_metric_before_the_first_job():
    hook = (ROOT / "rules/hooks.smk").read_text()
    assert hook.index("trials.try_metric(") < hook.index("progress.show(")
