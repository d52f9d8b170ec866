"""The commands that the pages show, held to the configuration that they ask for."""

import re
import shlex
from importlib.util import find_spec

import pytest
import yaml
from snakemake.cli import get_argument_parser, parse_config
from snakemake.utils import update_config
from workflow import ROOT

from understory.plan.config import checked, with_train

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What a page adds to the tree, or what stands for a person's own file.
ELSEWHERE = re.compile(r"marsh|crnn|mine\.yaml|[A-Z]{4}")
# A shell's words that end a command.
ENDS = {"|", "||", "&&", ";", "&", ">", "<"}
RULES = {
    name
    for path in (ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk"))
    for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)
}


def simple_commands(text):
    """The words of each command of a line, without the variables set before it; of a line of output, none."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command = []
    for word in [*words, ";"]:
        if word not in ENDS:
            command += [word] * (word != "…" and bool(command or not re.match(r"[A-Z_]+=", word)))
            continue
        if command and command[0] in CHECKS:
            yield command
        command = []


def code(page):
    """The lines of a page's indented code, joined where they continue, and its code within sentences."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        if line.startswith("    "):
            yield line.strip().removeprefix("$ ")
        else:
            yield from re.findall(r"`([^`]+)`", line)


def commands():
    """Every `snakemake` command of every page, with the files that the page wrote before it."""
    for page in PAGES:
        files = {}
        for line in code(page):
            if written := re.fullmatch(r"printf '(.*)' > (\S+)", line):
                files[written[2]] = yaml.safe_load(written[1].replace(r"\n", "\n"))
            for command in re.findall(r"^(?:[A-Z_]+=\S* )*(snakemake [^|]*)", line):
                yield pytest.param(command, dict(files), id=f"{page.name}: {command}")


def configured(command, files):
    """The configuration that a command asks for."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    given, words = {}, iter(shlex.split(command, comments=True))
    option = None
    for word in words:
        if word.startswith("-"):
            option = word
        elif option == "--configfile" and not ELSEWHERE.search(word):
            update_config(config, files[word] if word in files else yaml.safe_load((ROOT / word).read_text()))
        elif option == "--config":
            update_config(given, parse_config([word]))
    update_config(config, given)
    return checked(with_train(config, given))


@pytest.mark.parametrize(("command", "files"), list(commands()))
def test_a_command_asks_for_a_configuration_that_there_is(command, files):
    config = configured(command, files)
    assert config["train"] or config["models_from"]


def snakemake_fault(words):
    """Why Snakemake would not take a command; None where it would."""
    try:
        options = get_argument_parser().parse_args(words)
    except SystemExit:
        return "Snakemake knows no such options"
    targets = [*options.targets, *(options.until or ())]
    unknown = [name for name in targets if "/" not in name and "." not in name and name not in RULES]
    # A name in capitals stands for one of the reader's.
    own = [name for name in options.profile or () if not name.isupper()]
    unknown += [name for name in own if not (ROOT / "profiles" / name).is_dir()]
    return f"no such rules or profile: {unknown}" if unknown else None


def make_fault(words):
    """Why Make would not take a command."""
    targets = re.findall(r"^([\w.]+):", (ROOT / "Makefile").read_text(), re.M)
    for word in words:
        name, given, value = word.partition("=")
        if given and name not in ("CONFIG", "DATA", "GPU", "RECIPE", "RUN", "TARGET"):
            return f"no variable {name}"
        if name == "RECIPE" and not (ROOT / "recipes" / f"{value}.yaml").exists():
            return f"no recipe {value}"
        if name == "TARGET" and value not in RULES:
            return f"no rule {value}"
        if not given and name not in targets:
            return f"no target {name}"
    return None


def python_fault(words):
    """Why Python would not find what a command runs, or what it is given."""
    if not words or words[0] == "-c":
        return None
    if words[0] != "-m":
        source = (ROOT / words[0]).read_text() if (ROOT / words[0]).exists() else ""
        unknown = [word for word in words[1:] if word.startswith("--") and f'"{word[2:]}"' not in source]
        unknown = [word for word in unknown if f'"{word}"' not in source]
        return f"no {words[0]}, or no options {unknown}" if unknown or not source else None
    return (
        pytest_fault(words[2:]) if words[1] == "pytest" else None if find_spec(words[1]) else f"no {words[1]}"
    )


def pytest_fault(words):
    """Which of the tests that a command names there are not."""
    paths = [word.partition("::")[0] for word in words if word.startswith("tests/")]
    lost = [path for path in paths if not (ROOT / path).exists()]
    return f"no {lost}" if lost else None


CHECKS = {
    "snakemake": snakemake_fault,
    "make": make_fault,
    "python": python_fault,
    ".venv/bin/python": python_fault,
    "pytest": pytest_fault,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_can_be_given(page):
    shown = [command for line in code(page) for command in simple_commands(line)]
    faults = {" ".join(command): CHECKS[command[0]](command[1:]) for command in shown}
    assert {command: fault for command, fault in faults.items() if fault} == {}


def test_the_check_of_commands_sees_mistakes():
    lines = [
        "snakemake --core-count all",
        "snakemake --profile lsf",
        "snakemake --until crop_window",
        "make wy",
        "make run RECIPE=esc51",
        "PYTHONPATH=scripts python -m understory.run.locks && snakemake -n",
        "python benchmarks/plan_time.py FOLDER --round 3",
        ".venv/bin/python -m pytest tests/unit/test_fold.py  # a comment",
    ]
    faults = [
        CHECKS[command[0]](command[1:]) is not None for line in lines for command in simple_commands(line)
    ]
    assert faults == [True, True, True, True, True, True, False, True, True]


def test_runs_that_are_compared_have_names_of_their_own():
    """One would replace the other's results."""
    page = (ROOT / "docs/competitions.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\|.*\| `(snakemake [^`]*)` \|$", page, flags=re.M)
    files = {param.values[0]: param.values[1] for param in commands()}
    names = [configured(command, files[command])["name"] for command in shown]
    assert len(names) == 8
    assert len(set(names)) == len(names)
