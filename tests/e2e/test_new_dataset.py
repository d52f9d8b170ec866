"""The data set that docs/new-dataset.md adds, from the page as it is to scores and a submission."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import ROOT, copy_source

from understory.core import choices
from understory.data import source as datasets
from understory.data.task import METRICS

PAGE = (ROOT / "docs/new-dataset.md").read_text(encoding="utf-8")
# A file's name, and its content in the block that follows.
FILES = dict(re.findall(r"`([\w/]+\.\w+)`:\n\n```\w+\n(.*?)```", PAGE, flags=re.S))
RATE = 22_050
ODD = "odd\tname\n.wav"
TONES = {"bittern": 300.0, "frog": 2500.0}


def test_the_page_adds_a_data_set_in_two_short_files():
    assert [name.rpartition("/")[0] for name in FILES] == ["scripts/understory/datasets", "recipes"]
    assert sum(len(text.splitlines()) for text in FILES.values()) <= 60
    assert not any((ROOT / name).exists() for name in FILES)


def test_the_page_says_what_a_reader_has():
    told = dict(re.findall(r"^\| `(\w+)(?:\([^`]*\))?` \| (.*?) \|", PAGE, flags=re.M))
    optional = {"submission_template", "submission", "NONE", "FOLDERS", "TABLES"}
    assert set(told) == {*datasets.NEEDS, *optional}
    for name, words in datasets.NEEDS.items():
        assert words is None or tuple(re.findall(r"`(\w+)`", told[name])) == words
    assert re.findall(r"`(\w+)`", told["METRIC"]) == choices.names(METRICS)
    for name in told:
        assert f"`{name}" in datasets.__doc__


@pytest.fixture(scope="module")
def marsh(tmp_path_factory):
    """Twenty recordings of 3 s with one call each, one row that cannot be used, and three new recordings."""
    folder, rng = tmp_path_factory.mktemp("marsh"), np.random.default_rng(0)
    rows = ["heron.wav,2,1,frog"]
    for subset, count in (("labelled", 20), ("new", 3)):
        (folder / subset).mkdir()
        for number in range(count):
            name, species = f"{subset}-{number}.wav", sorted(TONES)[number % len(TONES)]
            t = np.arange(3 * RATE) / RATE
            start = round(rng.uniform(0, 2), 2)
            call = np.sin(2 * np.pi * TONES[species] * t) * ((t >= start) & (t < start + 0.8))
            soundfile.write(folder / subset / name, 0.4 * call + rng.normal(0, 0.01, len(t)), RATE)
            if subset == "labelled":
                rows.append(f"{name},{start},{start + 0.8:.2f},{species}")
    # Quarantined, with a row in the submission; and what macOS keeps beside a file on a memory card.
    shutil.copy(folder / "new/new-0.wav", folder / f"new/{ODD}")
    (folder / "new/._new-0.wav").write_bytes(b"resource fork")
    (folder / "annotations.csv").write_text("\n".join(["file,start,end,species", *rows]) + "\n")
    return folder


@pytest.mark.slow
def test_the_page_runs_as_it_is_written(run_snakemake, marsh, tmp_path):
    source = tmp_path / "source"
    copy_source(source)
    for name, text in FILES.items():
        (source / name).write_text(text, encoding="utf-8")
    config = {
        "data": str(marsh),
        "max_quarantined": 0.25,
        "shards": {"train": 1},
        "split": {"n_splits": 2},
        "augment": {"copies": 0},
        "models": {"sed_cnn": {"options": {"filters": [4], "dense": 8}, "epochs": 1}},
    }
    targets = [f"results/marsh/{name}" for name in ("scores.json", "submission.csv", "quarantine.csv")]
    run_snakemake(tmp_path / "run", *targets, recipe="marsh", config=config, source=source)
    out = tmp_path / "run/results/marsh"
    submission = pd.read_csv(out / "submission.csv")
    assert list(submission.columns) == ["file", "species", "probability"]
    assert list(submission.file) == ["new-0.wav", "new-1.wav", "new-2.wav", ODD]
    assert set(submission.species) <= set(TONES)
    assert submission.probability.between(0, 1).all()
    scores = json.loads((out / "scores.json").read_text())
    assert scores["metric"] == "lwlrap"
    assert len(scores["folds"]) == 2
    assert 0 < scores["oof"] <= 1
    set_aside = pd.read_csv(out / "quarantine.csv")
    assert list(set_aside.place) == [repr(f"new/{ODD}"), "annotations.csv, line 2"]
    assert submission.probability[3] <= submission.probability[:3].min()
    assert len(pd.read_csv(out / "folds.csv")) == 20
