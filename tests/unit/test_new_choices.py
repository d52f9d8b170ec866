"""The transform, the augmentation and the features that pages of docs/ add, in a copy of the library."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workflow import ROOT

from understory.core import choices
from understory.core.words import WORDS
from understory.plan import code_digests
from understory.report import gallery

# What a program prints of a second of noise at 8 kHz.
TRANSFORM = """
import json
import numpy as np
from understory.data import transforms
chain = transforms.build([{"LowPass": {"cutoff": 500}}], "understory.audio.transforms")
wave = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
drawn = json.loads(json.dumps(chain.draw(np.random.default_rng(1), len(wave), 8000)))
out = chain.apply(wave, drawn, 8000)
high = lambda wave: float(np.square(np.abs(np.fft.rfft(wave))[2000:]).sum())
print(json.dumps([drawn["each"][0]["cutoff"], str(out.dtype), len(out), high(out) / high(wave)]))
"""
FEATURES = """
import json
import numpy as np
import pandas as pd
from understory.audio import compute
from understory.core import choices
from understory.plan.job_settings import Medium
options = {"bands": 4, "frame": 1000}
block = {"crop": {"window": 1.0, "sample_rate": 8000}, "features": {"own": {"kind": "band_power", **options}}}
tone = (8000 * np.sin(2 * np.pi * 3500 * np.arange(8000) / 8000)).astype(np.int16)
windows = compute.stored(np.stack([tone, tone]), pd.DataFrame({"example_id": ["a", "b"]}))
found, _ = compute.compute(windows, choices.load("understory.audio.features", "band_power"), options, block)
rows = np.stack(list(found.items)).astype(found.dtype)
from understory.plan.checks import contradictions
model = {"mixup": 0, "shifts": 2, "augment": [{"frequency_mask": {"spare_event": SPARED}} for SPARED in (True, False)]}
wrong = list(contradictions._unfit("models.m", model, block["features"]["own"]))
print(json.dumps([rows.shape, str(rows.dtype), rows[1].argmax(axis=0).tolist(), Medium("audio", block).shape("own"), wrong]))
"""
# What a program prints of two frames that are augmented.
AUGMENTATION = """
import json
import numpy as np
from types import SimpleNamespace
from understory.plan import choice_options
from understory.training.inputs.augmented import Augmented
values = np.arange(6, dtype=np.float32).reshape(1, 3, 2, 1)
source = SimpleNamespace(rows=lambda numbers: values[numbers].copy())
found = [Augmented(source, [{"time_reversal": {"p": p}}]).rows([0], np.random.default_rng(0)) for p in (0.0, 1.0)]
print(json.dumps([each[0, ..., 0].tolist() for each in found] + [*choice_options.block("augmentation", "time_reversal").model_fields]))
"""


def written(page):
    """The file that a page adds, as (path, content)."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    ((path, content),) = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", text, flags=re.S)
    assert not (ROOT / path).exists()
    return path, content


def run(folder, page, program):
    """What a program prints as JSON in a copy of the library with the file that a page adds."""
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    path, content = written(page)
    (folder / path).write_text(content, encoding="utf-8")
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(folder / "scripts")}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_page_adds_a_transform(tmp_path):
    cutoff, dtype, samples, share = run(tmp_path, "new-transform.md", TRANSFORM)
    assert 500 <= cutoff <= 1000
    assert (dtype, samples) == ("float32", 8000)
    assert share < 0.01


def test_the_page_adds_an_augmentation(tmp_path):
    same, reversed_, option = run(tmp_path, "new-augmentation.md", AUGMENTATION)
    assert same == [[0, 1], [2, 3], [4, 5]]
    assert reversed_ == [[1, 0], [3, 2], [5, 4]]
    assert option == "p"


def test_the_page_adds_features(tmp_path):
    shape, dtype, loudest, planned, wrong = run(tmp_path, "new-features.md", FEATURES)
    assert shape == [2, 4, 8] == [2, *planned]
    assert (dtype, loudest) == ("float16", [3] * 8)
    # They have bands, and nothing says which of them an event is in.
    assert wrong == [
        "models.m.augment.0.frequency_mask.spare_event: expected features of mel bands, of kind log_mel, given kind band_power"
    ]


@pytest.mark.parametrize("medium", ["audio", "images"])
def test_a_plan_imports_nothing_heavy_with_features(medium):
    """Neither numpy, which the choices of `shape` must not need while the Snakefile is parsed."""
    program = (
        "import sys\nfrom understory.core import choices\n"
        f"package = 'understory.{medium}.features'\n"
        "for name in choices.names(package): assert callable(choices.load(package, name).shape)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program]
    env = {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert not {"numpy", "scipy", "pandas", "librosa", "cv2"} & set(done.stdout.split())


@pytest.mark.parametrize("medium", ["audio", "images"])
def test_a_choice_has_the_name_of_its_file(medium):
    for path in (ROOT / "scripts/understory" / medium / "transforms").glob("[a-z]*.py"):
        (name,) = re.findall(r"^class (\w+)\(", path.read_text(), flags=re.M)
        assert choices.module_name(name) == path.stem


def test_types_of_options_are_no_part_of_a_digest(tmp_path):
    (tmp_path / "understory/core").mkdir(parents=True)
    for place in ("understory", "understory/core"):
        (tmp_path / place / "__init__.py").write_text("")
    (tmp_path / "understory/core/options.py").write_text("import annotated_types\n")
    (tmp_path / "job.py").write_text(
        "from understory.core.options import Count\n\n\ndef build(*, depth: Count = 1):\n    return depth\n"
    )
    found = code_digests.code_of(tmp_path / "job.py", tmp_path)
    assert set(found["code"]) == {"job.py"}
    assert set(found["packages"]) == {"python"}


def test_the_report_shows_examples_of_features_that_it_does_not_know():
    values = np.random.default_rng(0).normal(size=(1, 4, 8)).astype(np.float16)
    settings = {"features": {"kind": "band_power"}, "model": "net", "sequences": []}
    row = SimpleNamespace(part=0, row=0, recording_id="a", start=0.0, stop=1.0, label="x", present="x")
    results = SimpleNamespace(
        settings=settings, index=pd.DataFrame(), shards=[(values, None)], words=WORDS["recordings"]
    )
    shown = gallery.Gallery(results)
    assert shown.lead() == "What net is fed"
    item = shown.item(row, "best: 0.9")
    assert item["url"].startswith("data:image/webp;base64,")
    assert item["alt"] == "a, 0.0 to 1.0 s"
