import importlib
import sys

import pytest

from understory import datasets
from understory.core.errors import InputError
from understory.data import source


def test_a_folder_laid_out_otherwise_is_described(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "README.txt").touch()
    with pytest.raises(
        InputError, match=r"is missing.*holds 'README.txt', 'inner': where the tables lie in a folder"
    ):
        source.Source("rfcx", str(tmp_path), "all").read()
    with pytest.raises(InputError, match=r"for another reader than esc50, set dataset"):
        source.Source("esc50", str(tmp_path), "all").read()


READER = """
from understory.data.builder import DatasetBuilder
from understory.data.dataset import Recording

MEDIUM, METRIC, UNIT, SCORED, PARTS = "audio", "lwlrap", "recording", "example", ()


def read(folder, part=None, *, train=True):
    builder = DatasetBuilder(folder)
    builder.add_recording(Recording("a", "a.wav", "test"))
    return builder.build(classes=["frog"], exhaustive=False)


def submission_template(folder):
    return "file", ["a"], ["frog"]
"""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A function that adds a reader of this text, and gives its name."""
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path)])

    def add(text):
        (tmp_path / "mine.py").write_text(text)
        monkeypatch.delitem(sys.modules, "understory.datasets.mine", raising=False)
        importlib.invalidate_caches()
        return "mine"

    yield add
    sys.modules.pop("understory.datasets.mine", None)


def test_a_reader_is_a_file(reader):
    assert "mine" not in source.names()
    name = reader(READER)
    assert name in source.names()
    assert source.reader(name).submission_template("")[1] == ["a"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SCORED, PARTS", "OTHER, PARTS", "with SCORED = 'example' or 'recording', found none"),
        ("def read", "def _read", "expected a reader with read, found none"),
        (
            "part=None, *, train=True",
            "part=None",
            r"expected read\(folder, part=None, \*, train=True\), found",
        ),
        (
            '"lwlrap"',
            '"auc"',
            "expected METRIC to be one of accuracy, lwlrap, .*, found 'auc'; did you mean roc_auc",
        ),
    ],
)
def test_what_a_reader_lacks_is_said(reader, old, new, said):
    name = reader(READER.replace(old, new))
    with pytest.raises(InputError, match=f"^scripts/understory/datasets/mine.py: .*{said}"):
        source.reader(name)


def test_test_recordings_want_the_form_of_a_submission(reader, tmp_path):
    name = reader(READER.replace("submission_template", "submission"))
    with pytest.raises(
        InputError, match=r"submission_template\(folder\), .*; shards.test: 0 leaves them out"
    ):
        source.Source(name, str(tmp_path), "all").read()
    assert not source.Source(name, str(tmp_path), "all", tested=False).read().recordings
