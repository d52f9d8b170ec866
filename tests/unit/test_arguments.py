"""What is checked before Snakemake reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from workflow import ROOT

from understory.core.errors import InputError
from understory.run import arguments


def said(text, tmp_path, *, encoding="utf-8"):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding=encoding)
    with pytest.raises(InputError) as error:
        arguments.check([path], [])
    return str(error.value).replace(f"{path}", "mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml: expected keys with values, such as name: mine, found nothing"),
        ("- a\n", "mine.yaml: expected keys with values, such as name: mine, found other text"),
        ("crop:\n\twindow: 3\n", "mine.yaml, line 2: expected blanks before a key, found a tab"),
        (
            "name: x\ntrain: [a\nseed: 2\n",
            "mine.yaml, line 3: expected YAML; its parser says of what begins in line 2: did not find expected ',' or ']'",
        ),
        (
            "name: a: b\n",
            "mine.yaml, line 1: expected YAML; its parser says: mapping values are not allowed in this context",
        ),
        ("crop: {window: 5, window: 6}\n", "mine.yaml, line 1: window comes twice, first in line 1"),
        (
            "name: 2026-02-30\n",
            "mine.yaml: expected YAML, found a value that cannot be read: day is out of range for month",
        ),
        ("name: x\nname: y\n", "mine.yaml, line 2: name comes twice, first in line 1"),
    ],
)
def test_a_file_that_snakemake_cannot_read_is_said_with_its_line(text, message, tmp_path):
    assert said(text, tmp_path) == message


def test_a_file_that_is_no_utf_8_is_said(tmp_path):
    text = "name: x\nreport: {title: Vögel}\n"
    assert (
        said(text, tmp_path, encoding="latin-1")
        == "mine.yaml, line 2: expected text in UTF-8, found other bytes"
    )


def test_json_may_have_tabs(tmp_path):
    (tmp_path / "mine.json").write_text('{\n\t"name": "x"\n}\n')
    arguments.check([tmp_path / "mine.json"], ["seed=1", "crop={window: 3}", "train=[]"])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("recipes/esc5.yaml", "found none; did you mean esc50?"),
        (
            "recipes/zzz.yaml",
            "found none; there are birdclef2021, birdnet, esc10, esc50, finished_run, herbarium2021, own",
        ),
        ("elsewhere/mine.yaml", "elsewhere/mine.yaml: expected a file of settings, found none"),
        ("recipes", "recipes: expected a file of settings, found a folder"),
    ],
)
def test_a_file_that_is_not_there_is_said(path, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError) as error:
        arguments.check([Path(path)], [])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("crop.window=5", "given crop.window=5; a key in a block is written 'crop={window: 5}'"),
        ("seed", "expected KEY=VALUE, given seed"),
        ("5=3", "expected the name of a key before =, given 5=3"),
    ],
)
def test_a_setting_that_snakemake_cannot_read_is_said(setting, message):
    with pytest.raises(InputError) as error:
        arguments.check([], ["name=x", setting])
    assert str(error.value).endswith(message)


def test_a_home_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"none that can be written; set XDG_CACHE_HOME=FOLDER"):
        arguments.check_cache({"HOME": str(tmp_path / "file")})
    arguments.check_cache({"HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path / "new")})
    arguments.check_cache({"HOME": str(tmp_path)})


def test_the_program_ends_with_one_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "understory.run.arguments",
        "--configfile",
        "nowhere.yaml",
        "--config",
        "a=1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert done.stdout + done.stderr == "nowhere.yaml: expected a file of settings, found none\n"


@pytest.mark.parametrize("target", ["run", "why"])
@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ([], ""),
        (["RECIPE=own"], '--configfile "recipes/own.yaml"'),
        (["DATA=a b"], '--config "data=a b"'),
        (["CONFIG=seed=1 'train=[]'"], "--config seed=1 'train=[]'"),
        (
            ["RECIPE=own", "DATA=x", "CONFIG=seed=1"],
            '--configfile "recipes/own.yaml" --config "data=x" seed=1',
        ),
    ],
)
def test_make_gives_the_same_settings_to_the_check_and_to_snakemake(target, variables, given):
    command = ["make", "--dry-run", "--no-print-directory", target, *variables]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    checked = next(line for line in lines if "understory.run.arguments" in line)
    run = next(line for line in lines if "bin/snakemake" in line)
    assert checked.partition("understory.run.arguments")[2].strip() == given
    options = {"run": "--cores all", "why": "-n"}[target]
    assert run.partition(options)[2].partition("|")[0].strip() == given
