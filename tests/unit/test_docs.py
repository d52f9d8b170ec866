"""The commands that the pages show, held to the configuration that they ask for."""

import re
import shlex

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.utils import update_config
from workflow import ROOT

from understory.plan.config import checked

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What a page adds to the tree, or what stands for a person's own file.
ELSEWHERE = re.compile(r"marsh|mine\.yaml|[A-Z]{4}")


def commands():
    """Every `snakemake` command of every page, with the files that the page wrote before it."""
    for page in PAGES:
        files = {}
        for line in page.read_text(encoding="utf-8").splitlines():
            if written := re.fullmatch(r" +printf '(.*)' > (\S+)", line):
                files[written[2]] = yaml.safe_load(written[1].replace(r"\n", "\n"))
            for command in re.findall(r"(?:^ {4}|`)(snakemake [^`]*)", line):
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
    return checked(config)


@pytest.mark.parametrize(("command", "files"), list(commands()))
def test_a_command_asks_for_a_configuration_that_there_is(command, files):
    config = configured(command, files)
    assert config["train"] or config["models_from"]


def test_runs_that_are_compared_have_names_of_their_own():
    """One would replace the other's results."""
    page = (ROOT / "docs/competitions.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\|.*\| `(snakemake [^`]*)` \|$", page, flags=re.M)
    files = {param.values[0]: param.values[1] for param in commands()}
    names = [configured(command, files[command])["name"] for command in shown]
    assert len(names) == 8
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_names_of_files_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    named = re.findall(r"`((?:scripts|tests|recipes|rules|docs|benchmarks|schemas|envs)/[\w./]*\w)`", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [name for name in named if not ELSEWHERE.search(name) and not (ROOT / name).exists()] == []
