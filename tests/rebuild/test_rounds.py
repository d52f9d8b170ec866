"""A run with a round of pseudo-labels: no model knows what its fold holds out, and what changes rerun."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from changes import SPLIT, copies, correct_annotation, inspection, spectrograms, windows
from workflow import planned
from world import World

from understory.data import store
from understory.data.labels import Labels
from understory.inference.finished_runs import provenance

pytestmark = pytest.mark.slow

FOLDS = (0, 1)
AFTER = {("ensemble_folds", ""), ("write_submission", ""), ("build_report", "")}
VALIDATED = {("validate_fold", f"model=sed_cnn, fold={fold}") for fold in FOLDS}
PREDICTED = VALIDATED | {("predict_fold", f"model=sed_cnn, fold={fold}") for fold in FOLDS} | AFTER
FIRST = {("train_fold", f"model=sed_cnn, fold={fold}") for fold in FOLDS}


def retrained(number):
    """The jobs of a round."""
    rules = ("compute_pseudo_labels", "train_round")
    return {(rule, f"round={number}, model=sed_cnn, fold={fold}") for rule in rules for fold in FOLDS}


def configuration(small, data):
    # A model of one epoch is sure of nothing: by quantiles there are pseudo-labels in any case.
    pseudo = {"rounds": 1, "unlabelled": "test", "by": "quantile", "high": 0.9, "low": 0.5}
    return small(data=str(data), pseudo_labels=pseudo, report={"examples": 0})


@pytest.fixture(scope="session")
def taught(made_once, first, folder, small, run_snakemake):
    """The folder of the first run, with a round of pseudo-labels added: it trains one more time, and nothing before it."""

    def make(place):
        shutil.copytree(first, place)
        done = run_snakemake(place, config=configuration(small, folder))
        assert planned(done.stdout + done.stderr) == retrained(1) | PREDICTED

    return made_once("taught", make)


@pytest.fixture
def world(taught, folder, small, run_snakemake, tmp_path):
    shutil.copytree(taught, tmp_path / "run")
    shutil.copytree(folder, tmp_path / "data")
    yield World(tmp_path, run_snakemake, configuration(small, tmp_path / "data"))
    for name in ("run", "data"):
        shutil.rmtree(tmp_path / name)


def test_no_model_of_any_round_knows_what_its_fold_holds_out(taught):
    """By the written tables: told by content, models were trained with nothing of it, and no pseudo-label is of it."""
    out = taught / "results/small"
    contents = pd.read_csv(out / "contents.csv", dtype=str).set_index("recording_id").content
    folds = pd.read_csv(out / "folds.csv", dtype={"example_id": str, "recording_id": str})
    index = pd.concat([store.read_table(path) for path in sorted(out.glob("windows/train-*.csv"))])
    classes = list(pd.read_csv(out / "submission.csv", nrows=0).columns[1:])
    for fold in FOLDS:
        held = set(contents[folds.recording_id[folds.fold == fold].unique()])
        own = set(contents[folds.recording_id[folds.fold != fold].unique()])
        soft, table = store.read(
            *(out / f"round1/pseudo_labels/sed_cnn/fold{fold}.{kind}" for kind in ("npy", "csv"))
        )
        first, last = (
            provenance.read(out / f"{place}models/sed_cnn/fold{fold}/trained_on.txt")
            for place in ("", "round1/")
        )
        assert first == own
        assert last == own | set(table.content)
        assert held
        assert not held & last
        # Examples that the fold trains with, and windows of test recordings.
        labelled = table[table.subset == "train"]
        assert set(labelled.example_id) <= set(folds.example_id[folds.fold != fold])
        assert set(labelled.content) <= own
        assert set(table.recording_id[table.subset == "test"]) <= set(
            pd.read_csv(out / "submission.csv").recording_id
        )
        # Nothing that is known has a pseudo-label; of what is unknown, six in ten have one, and both quantiles of a class.
        known = Labels(index.set_index("example_id").loc[labelled.example_id], classes, exhaustive=False)
        given, unknown = ~np.isnan(soft), np.ones(soft.shape, dtype=bool)
        unknown[: len(labelled)] = known.take(np.arange(len(labelled))) < 0
        assert not given[~unknown].any()
        share = 0.6 + 1.4 / unknown.sum(axis=0).mean()
        assert given[unknown].mean() == pytest.approx(share, abs=0.02)
        assert (out / f"round1/models/sed_cnn/fold{fold}/oof.csv").is_file()
        weights = [
            (out / f"{place}models/sed_cnn/fold{fold}/last.keras").read_bytes() for place in ("", "round1/")
        ]
        assert weights[0] != weights[1]
    page = (out / "report.html").read_text()
    assert "rounds of pseudo-labels" in page
    assert "Models were trained on the test recordings as well" in page


def one_model_of_another_fold(world):
    """The file that tells what it was trained with is the right one's."""
    old, new = 'model=ROUNDS.before("last.keras")', 'model=f"{OUT}/models/sed_cnn/fold1/last.keras"'
    world.edit("rules/pseudo_labels.smk", old, new)
    return "compute_pseudo_labels", r"trained_on.txt: expected a model that was trained with no recording"


def model_of_another_fold(world):
    world.edit(
        "scripts/understory/inference/pseudo_labels/rounds.py",
        "/fold{wildcards.fold}/{file}",
        "/fold{1 - int(wildcards.fold)}/{file}",
    )
    return "compute_pseudo_labels", r"trained_on.txt: expected a model that was trained with no recording"


def held_out_examples(world):
    world.edit(
        "scripts/compute_pseudo_labels.py",
        "data.training_rows(fold, centred=False)",
        "data.validation_rows(fold)",
    )
    return "compute_pseudo_labels", r"fold0.csv: expected pseudo-labels of no recording"


def labels_of_another_fold(world):
    world.edit(
        "rules/pseudo_labels.smk",
        'soft_index=f"{PSEUDO_LABELS}.csv"',
        'soft_index=f"{PSEUDO_LABELS}.csv".replace("{fold}", "1")',
    )
    world.edit(
        "rules/pseudo_labels.smk",
        'soft=f"{PSEUDO_LABELS}.npy",\n            soft_index',
        'soft=f"{PSEUDO_LABELS}.npy".replace("{fold}", "1"),\n            soft_index',
    )
    return "train_round", r"fold1.csv: expected pseudo-labels of no recording"


@pytest.mark.parametrize(
    "leak", [one_model_of_another_fold, model_of_another_fold, held_out_examples, labels_of_another_fold]
)
def test_a_leak_stops_the_job(leak, world):
    world.copy_source()
    rule, said = leak(world)
    world.targets = ["results/small/round1/models/sed_cnn/fold0/last.keras"]
    done = world.snakemake(check=False)
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode
    assert re.search(
        f"ERROR in {rule}: [^ ]*{said} that fold 0 holds out, found \\d+ of its \\d+ recordings", text
    ), text
    assert "Traceback" not in text


def to(**changes):
    return lambda world: world.config["pseudo_labels"].update(changes)


def of_a_shard(shard):
    """What follows from a label: the jobs of its shard, and every training."""
    jobs = inspection(shard) | windows(shard) | copies(shard) | spectrograms(shard)
    return jobs | SPLIT | FIRST | retrained(1) | PREDICTED


ROWS = [
    ("nothing", lambda world: None, set()),
    ("one more round", to(rounds=2), retrained(2) | PREDICTED),
    ("no round", to(rounds=0), PREDICTED - VALIDATED),
    ("the least prediction that becomes a pseudo-label", to(high=0.8), retrained(1) | PREDICTED),
    ("test recordings no longer trained on", to(unlabelled="none"), retrained(1) | PREDICTED),
    ("select of the model", lambda world: world.set("models.sed_cnn.select", "best"), PREDICTED),
    ("an annotation's time corrected", correct_annotation, of_a_shard),
    ("epochs of the model", lambda world: world.set("models.sed_cnn.epochs", 2), FIRST | retrained(1) | PREDICTED),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_follows_from_a_change_is_planned_and_nothing_else(change, expected, world):
    given = change(world)
    done = world.snakemake("--dry-run")
    assert planned(done.stdout + done.stderr) == (expected(given) if callable(expected) else expected)
