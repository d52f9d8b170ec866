from pathlib import Path

import pytest
from packaging import markers

from understory.core import hashing
from understory.core.file_digests import FileDigests
from understory.data.dataset import Annotation, Dataset, Quarantined, Recording
from understory.data.source import Source
from understory.plan import code_digests, table_digests

SOURCES = {
    "job.py": '"""Doc."""\nfrom lib import a\n\ndef main():\n    return a.f(1)  # comment\n',
    "other.py": "import json\n",
    "lib/__init__.py": "",
    "lib/a.py": "import numpy\nfrom lib.b import g\n\ndef f(x):\n    '''Doc.'''\n    return g(x) + 1\n",
    "lib/b.py": "def g(x):\n    return 2 * x\n",
    "lib/unused.py": "def h():\n    pass\n",
    "lib/reader.py": "import pandas\nCLASSES = 3\n",
}


def test_a_line_that_moved_changes_no_digest(tmp_path):
    event = Annotation("a", "x", "present", 1.0, 2.0)

    def digests(place):
        tables = Dataset(("x",), (Recording("a", "a", "train"),), (event,), False, places={event: place})
        source = Source("rfcx", str(tmp_path), "all")
        shard = table_digests.shard(tables, source, "train-0", 1, FileDigests(tmp_path / "index"))
        return tables, table_digests.annotations(tables), shard

    assert digests("t.csv, line 2") == digests("t.csv, line 9")


def digest(folder, extra=(), messages=False, **changed):
    for name, text in {
        **SOURCES,
        **{(key if "/" in key else key.replace("__", "/") + ".py"): value for key, value in changed.items()},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    forget()
    return code_digests.code_of(folder / "job.py", folder, extra, messages=messages)


@pytest.mark.parametrize(
    "changed",
    [
        {"lib__a": SOURCES["lib/a.py"].replace("Doc", "Other words") + "\n# a comment\n"},
        {"lib__b": "def g(x):\n    return (2\n            * x)\n"},
        {"lib__b": 'def g(x):\n    "Said."\n    return 2 * x\n'},
        {"job": '"""Other."""\n' + SOURCES["job.py"].split("\n", 1)[1]},
        {"lib__unused": "def h():\n    return 1\n"},
        {"other": "import csv\n"},
        {"lib__b": "def g(x: int) -> int:\n    return 2 * x\n"},
        {"lib__b": "from lib.unused import h\n\ndef g(x: h) -> list[h]:\n    return 2 * x\n"},
    ],
)
def test_what_changes_nothing_that_runs_changes_no_digest(tmp_path, changed):
    assert digest(tmp_path) == digest(tmp_path, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"job": SOURCES["job.py"].replace("f(1)", "f(2)")},
        {"lib__a": SOURCES["lib/a.py"].replace("+ 1", "+ 2")},
        {"lib__b": "def g(x):\n    return 3 * x\n"},
        {"lib__a": SOURCES["lib/a.py"].replace("import numpy", "import scipy")},
    ],
)
def test_what_changes_the_code_that_runs_changes_the_digest(tmp_path, changed):
    assert digest(tmp_path) != digest(tmp_path, **changed)


def forget():
    for found in (
        code_digests.parsed,
        code_digests.module_files,
        code_digests._installed,
    ):
        found.cache_clear()


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    code_digests.remember(None)
    forget()


def other_version(place, monkeypatch):
    """A numpy of another version, which requires nothing, before the one that is installed."""
    made = place / "numpy-99.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(str(place))
    forget()


def test_what_is_remembered_is_what_is_worked_out(tmp_path, monkeypatch):
    plain = digest(tmp_path)

    def refuse(*_):
        raise AssertionError("it is known")

    for again in (False, True):
        code_digests.remember(tmp_path / ".snakemake" / "code.json")
        if again:
            monkeypatch.setattr(code_digests, "_parsed", refuse)
            monkeypatch.setattr(code_digests, "_required", refuse)
        forget()
        assert digest(tmp_path) == plain
    monkeypatch.undo()
    code_digests.remember(tmp_path / ".snakemake" / "code.json")
    assert digest(tmp_path, lib__b="def g(x):\n    return 3 * x\n") != plain
    other_version(tmp_path / "packages", monkeypatch)
    assert digest(tmp_path) != plain


def test_another_machine_works_out_what_its_packages_require(tmp_path, monkeypatch):
    other = tmp_path / "packages" / "numpy-99.0.dist-info"
    other.mkdir(parents=True)
    needs = 'Requires-Dist: packaging; platform_machine == "other"'
    (other / "METADATA").write_text(f"Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n{needs}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    code_digests.remember(tmp_path / ".snakemake" / "code.json")
    assert "packaging" not in digest(tmp_path)["packages"]
    there = {**markers.default_environment(), "platform_machine": "other"}
    monkeypatch.setattr(markers, "default_environment", lambda: dict(there))
    monkeypatch.setattr(code_digests.os, "uname", lambda: ("Linux", "node", "6.1", "#1", "other"))
    code_digests.remember(tmp_path / ".snakemake" / "code.json")
    assert "packaging" in digest(tmp_path)["packages"]


@pytest.mark.parametrize("held", ["", "{", "[1]", "3"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path, held):
    plain = digest(tmp_path)
    (tmp_path / "code.json").write_text(held)
    code_digests.remember(tmp_path / "code.json")
    forget()
    assert digest(tmp_path) == plain
    assert (tmp_path / "code.json").read_text() != held


def test_a_memory_that_cannot_be_written_is_none(tmp_path):
    plain = digest(tmp_path)
    code_digests.remember(tmp_path / "job.py" / "code.json")
    forget()
    assert digest(tmp_path) == plain


def test_a_module_chosen_at_run_time_is_added_by_name(tmp_path):
    plain, extra = digest(tmp_path), digest(tmp_path, ["lib.reader"])
    assert plain != extra
    assert extra != digest(tmp_path, ["lib.reader"], lib__reader="import pandas\nCLASSES = 4\n")


def test_a_package_version_is_part_of_the_digest(tmp_path, monkeypatch):
    before = digest(tmp_path)
    other_version(tmp_path / "packages", monkeypatch)
    assert digest(tmp_path) != before
    assert code_digests.version("numpy") == "99.0"


STARTING = {
    "understory/__init__.py": "",
    "understory/run/__init__.py": "",
    "understory/run/lock.py": "HELD = 1\n",
}
STARTED = "from understory.run.job import run\n" + SOURCES["job.py"] + "\nrun(main)\n"


def test_what_only_starts_a_job_changes_no_digest(tmp_path):
    starter = "from understory.run import lock\n\ndef run(main):\n    main()\n"
    before = digest(tmp_path, job=STARTED, understory__run__job=starter, **STARTING)
    assert set(before["code"]) == {"job.py", "lib/__init__.py", "lib/a.py", "lib/b.py"}
    changed = {**STARTING, "understory/run/lock.py": "HELD = 2\n"}
    assert digest(tmp_path, job=STARTED, understory__run__job=starter + "SAID = 1\n", **changed) == before
    # What the script imports by another way counts.
    other = STARTED.replace("import run\n", "import run\nfrom understory.run import lock\n", 1)
    assert "understory/run/lock.py" in digest(tmp_path, job=other, **changed)["code"]


RAISING = "def g(x):\n    if x < 0:\n        raise ValueError({})\n    return 2 * x\n"


def test_the_words_of_an_error_count_only_where_a_script_writes_them(tmp_path):
    words = ['"negative"', 'f"expected more, found {x}"', '"expected " + str(x)', '"a" if x else "b"']
    for messages, count in ((False, 1), (True, len(words))):
        digests = [str(digest(tmp_path, messages=messages, lib__b=RAISING.format(each))) for each in words]
        assert len(set(digests)) == count
    plain = digest(tmp_path, lib__b=RAISING.format(words[0]))
    for other in (
        RAISING.replace("ValueError", "KeyError").format(words[0]),
        RAISING.format("x"),
        RAISING.replace("x < 0", "x < 1").format(words[0]),
        RAISING.replace("raise ValueError", "print").format(words[0]),
    ):
        assert digest(tmp_path, lib__b=other) != plain


def test_a_module_imported_for_annotations_only_is_not_followed(tmp_path):
    def followed(text):
        return "lib/unused.py" in digest(tmp_path, lib__b=text)["code"]

    used = "from lib import unused\n\ndef g(x: unused.T) -> unused.T:\n    return 2 * x\n"
    assert not followed(used)
    assert followed(used + "\nTHING = unused.h\n")
    assert followed(used.replace("return 2 * x", "y: unused.T = 2 * x\n    return y"))
    # It may register something.
    assert followed("import lib.unused\n" + SOURCES["lib/b.py"])


def test_a_folder_without_init_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"deep: expected a package with an __init__\.py"):
        digest(tmp_path, lib__deep__c="", lib__b="from lib.deep.c import g\n")


def test_relative_imports_are_refused(tmp_path):
    with pytest.raises(ValueError, match="absolute imports"):
        digest(tmp_path, lib__a="from . import b\n")


def test_every_third_party_package_of_ours_has_a_version():
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    names = {name.split(".")[0] for file in scripts.rglob("*.py") for name in code_digests.imports(file)}
    found = code_digests.versions(names - {"understory", "snakemake"})
    assert {"numpy", "scikit-learn", "keras", "tensorflow", "scikit-image"} <= set(found)
    # Optional: they are asked for where a frozen model or an export has their format.
    absent = {name for name, version in found.items() if version == "not installed"}
    assert absent <= {"onnx", "onnxruntime", "tf2onnx"}


def test_order_of_keys_does_not_matter():
    assert repr(hashing.ordered({"b": 1, "a": (1, 2)})) == repr(hashing.ordered({"a": [1, 2], "b": 1}))
    assert hashing.digest({"b": 1, "a": 2}) == hashing.digest({"a": 2, "b": 1})


def test_what_a_package_requires_counts_as_well():
    found = code_digests.versions({"librosa", "json"})
    assert {"librosa", "numba", "scipy", "soundfile"} <= set(found)
    assert "json" not in found
    assert "tensorflow" not in found


def test_lines_of_rows_set_aside_do_not_count():
    def tables(line, reason="expected each annotation once, found the one of train_tp.csv, line 2 again"):
        item = Quarantined("train", "annotation", "a", f"train_tp.csv, line {line}", reason)
        return Dataset(("x",), (), (), False, None, (item,))

    assert table_digests.rows(tables(3)) == table_digests.rows(tables(9))
    assert table_digests.rows(tables(3)) != table_digests.rows(tables(3, "expected something else"))
