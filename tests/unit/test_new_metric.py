"""The metric that docs/new-metric.md adds, from the page as it is to a score, its intervals and a training."""

import re
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import balanced_accuracy_score
from workflow import ROOT

from understory.core import choices
from understory.core.errors import InputError
from understory.data.labels import Labels
from understory.data.task import METRICS
from understory.evaluation import metric as evaluation_metric
from understory.evaluation import metrics
from understory.evaluation.intervals import bootstrap_interval, chance_interval
from understory.evaluation.metric import Metric
from understory.training.metrics import metric

PAGE = (ROOT / "docs/new-metric.md").read_text(encoding="utf-8")
NAME, CODE = re.search(
    r"`scripts/understory/evaluation/metrics/(\w+).py`:\n\n```python\n(.*?)```", PAGE, flags=re.S
).groups()


@pytest.fixture(params=["the page's", "a score alone"])
def added(request, tmp_path, monkeypatch):
    """The module of the page beside the others, as it is or with nothing but its score."""
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{METRICS}.{NAME}", raising=False)
    code = CODE
    if request.param == "a score alone":
        code = re.sub(r"^[A-Z_]+ = .*\n", "", CODE, flags=re.M).replace("class_scores(", "_recalls(")
    (tmp_path / f"{NAME}.py").write_text(code)
    yield request.param
    sys.modules.pop(f"{METRICS}.{NAME}", None)


def cases(rows=60):
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=rows)
    predictions = rng.random((rows, 3)) + 0.4 * np.eye(3)[truth]
    return truth, np.eye(3)[truth], predictions


def test_the_page_adds_a_metric_in_one_short_file():
    assert len(CODE.splitlines()) <= 30
    assert not (ROOT / f"scripts/understory/evaluation/metrics/{NAME}.py").exists()


def test_the_page_and_the_library_list_the_same_names():
    table = re.findall(r"^\| (`.*?) \|", PAGE, flags=re.M)
    names = {name for cell in table for name in re.findall(r"`(\w+)", cell)}
    documented = re.findall(r"^- (`.*?):", evaluation_metric.__doc__, flags=re.M)
    assert names == {name for entry in documented for name in re.findall(r"`(\w+)", entry)}
    assert {"score", "DECIDED", "batch_sums", "score_of_sums"} <= names


def test_it_is_scored_and_bootstrapped(added):
    truth, labels, predictions = cases()
    it = Metric(NAME)
    assert NAME in choices.names(METRICS)
    expected = balanced_accuracy_score(truth, predictions.argmax(axis=1))
    assert it.score(labels, predictions) == pytest.approx(expected)
    text = Labels(pd.DataFrame({"present": truth.astype(str)}), ["0", "1", "2"], exhaustive=True)
    groups, intervals = np.arange(60) // 2, set()
    for known, values in ((labels, predictions), (text, sparse.csr_array(predictions))):
        intervals.add(bootstrap_interval(it, known, values, groups, seed=1, resamples=40))
        low, high = chance_interval(it, known, values, seed=1, permutations=40)
        assert low < 1 / 3 < high < expected
    (interval,) = intervals
    assert interval.low < expected < interval.high
    scores = it.class_scores(labels, predictions)
    if added == "the page's":
        assert it.figures == ("class_scores", "precision_recall")
        assert scores.mean() == pytest.approx(expected)
    else:
        assert (it.figures, it.class_score) == (("precision_recall",), None)
        assert np.isnan(scores).all()


def test_it_is_watched_while_a_model_trains(added, tmp_path):
    _, labels, predictions = cases()
    module = choices.load(METRICS, NAME)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=[metric(module)], jit_compile=False)
    report = model.fit(
        predictions[:40],
        labels[:40],
        batch_size=16,
        validation_data=(predictions[40:], labels[40:]),
        verbose=0,
    ).history
    expected = module.score(labels[40:], model.predict(predictions[40:], verbose=0))
    assert report[f"val_{NAME}"] == [pytest.approx(expected)]
    assert 0 < report[NAME][0] < 1
    model.save(tmp_path / "a.keras")
    resumed = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    again = resumed.evaluate(predictions[40:], labels[40:], verbose=0, return_dict=True)
    assert again[NAME] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def other(): pass", "expected a metric with score, found no score"),
        (
            'FIGURES = ("class_scores",)',
            r"expected FIGURES = \('precision_recall',\) or .*, found \('class_scores',\)",
        ),
        (
            'FIGURES = ("class_scores", "precision_recall")\ndef score(): pass',
            "with CLASS_SCORE and class_scores and score, found no CLASS_SCORE",
        ),
    ],
)
def test_a_metric_that_lacks_something_is_named_before_any_job(tmp_path, monkeypatch, text, said):
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    (tmp_path / "incomplete.py").write_text(text)
    with pytest.raises(InputError, match=f"^{METRICS}.incomplete: .*{said}"):
        evaluation_metric.figures("incomplete")
