"""The architecture and the loss that docs/new-architecture.md adds, from the page as it is to a trained model."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from workflow import ROOT

from understory.plan import code_digests
from understory.plan import config as configuration

PAGE = (ROOT / "docs/new-architecture.md").read_text(encoding="utf-8")
# The path of each file, and its content in the block that follows.
FILES = dict(re.findall(r"`([\w/]+\.\w+)`[^`\n]*:\n\n```\w+\n(.*?)```", PAGE, flags=re.S))
TRAIN = """
import json, sys
from pathlib import Path
import keras, numpy as np, pandas as pd
from understory.evaluation.metrics import lwlrap
from understory.training import fit, predict, saving
from understory.training.inputs import examples
from understory.training.metrics import metric

settings, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
names, labels = [f"e{n}" for n in range(12)], list("xyz") * 4
index = pd.DataFrame({"example_id": names, "recording_id": names, "label": labels, "present": labels})
index = index.assign(presence="present", absent="")
folds = index[["example_id", "recording_id", "label"]].assign(fold=np.arange(12) // 3 % 2)
array = np.random.default_rng(0).random((12, 16, 20)).astype(np.float16)
data = examples.Examples([(0, array, index)], folds, list("xyz"), exhaustive=False)
given = {"fold": 0, "name": "crnn", "settings": settings, "seed": 1, "control": "none"}
model, best, history = fit.train(data, metric=metric(lwlrap), state=folder / "state", **given)
saving.save(model, folder / "last.keras")
rows = data.validation_rows(0)
expected = model.predict(data.rows(rows), verbose=0)
found = predict.predict(predict.load(folder / "last.keras"), data, rows, batch_size=settings["batch_size"])
np.testing.assert_array_equal(found, expected)
# A training that was interrupted finds the loss again.
again, _, _ = fit.train(data, metric=metric(lwlrap), state=folder / "state", **given)
np.testing.assert_array_equal(again.predict(data.rows(rows), verbose=0), expected)
print(len(history), model.name, type(again.loss).__name__, again.loss.get_config()["gamma"], expected.shape)
"""


def digest(scripts, *modules):
    for known in (code_digests.parsed, code_digests.module_files):
        known.cache_clear()
    return code_digests.code_of(
        scripts / "train_fold.py", scripts, [f"understory.training.{name}" for name in modules]
    )


@pytest.fixture
def copy(tmp_path):
    """The path of a copy of the scripts; nothing is remembered of it afterwards."""
    ignored = shutil.ignore_patterns("__pycache__")
    yield shutil.copytree(ROOT / "scripts", tmp_path / "source/scripts", ignore=ignored)
    for known in (code_digests.parsed, code_digests.module_files):
        known.cache_clear()


def add(copy):
    for name, text in FILES.items():
        path = copy.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_the_page_adds_three_short_files():
    assert [name.rpartition("/")[0] for name in FILES] == [
        "scripts/understory/training/architectures",
        "scripts/understory/training/losses",
        "recipes",
    ]
    assert all(len(text.splitlines()) <= 30 for text in FILES.values())
    assert not any((ROOT / name).exists() for name in FILES)


def test_what_the_page_adds_retrains_no_other_model(copy):
    sed_cnn = "architectures.sed_cnn", "losses.binary_crossentropy"
    before = digest(copy, *sed_cnn)
    add(copy)
    assert digest(copy, *sed_cnn) == before
    crnn = digest(copy, "architectures.crnn", "losses.categorical_focal")
    assert set(crnn["code"]) - set(before["code"]) == {
        name.removeprefix("scripts/") for name in FILES if name.endswith(".py")
    } | {"understory/training/blocks.py"}


@pytest.mark.slow
def test_the_page_trains_as_it_is_written(copy, tmp_path):
    add(copy)
    recipe = yaml.safe_load(FILES["recipes/crnn.yaml"])
    default = configuration.checked(yaml.safe_load((ROOT / "config.yaml").read_text()))["models"]["sed_cnn"]
    assert recipe["train"] == list(recipe["models"])
    model = recipe["models"]["crnn"]
    assert set(model) <= set(default)
    settings = {**default, **model, "epochs": 1}
    program = [sys.executable, "-c", TRAIN, json.dumps(settings), str(tmp_path)]
    done = subprocess.run(
        program, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(copy)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 crnn CategoricalFocalCrossentropy 1.5 (6, 3)"
