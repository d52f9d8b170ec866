"""The pages and the site that they make: links, navigation, figures, and what each page has to cover."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from xml.etree import ElementTree

import pytest
import yaml
from workflow import ROOT

from understory.core import choices

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
INDEX = (ROOT / "docs/index.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def prose(page):
    """A page's text without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def anchors(page):
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page):
    """The links of a page that lead to no file, or to no heading in it."""
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page)) + re.findall(r'src="([^"]+)"', prose(page))
    for link in links:
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_a_file_and_a_heading(page):
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    """Or are written by the page itself, as examples."""
    added = re.findall(r"`([\w/]+\.\w+)`[^`\n]*:\n\n```", page.read_text(encoding="utf-8"))
    named = re.findall(
        r"`((?:scripts|tests|recipes|rules|docs|benchmarks|schemas|envs|profiles)/[\w./]*\w)`", prose(page)
    )
    named = {name for name in named if not re.search("[A-Z]{4}", name)} - set(added)
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_check_of_links_sees_mistakes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](#one) [b](#two) [c](lost.md) [d](page.md#one) [e](page.md#on)\n", encoding="utf-8"
    )
    assert list(broken(page)) == ["#two", "lost.md", "page.md#on"]


def test_every_page_is_in_the_navigation_once():
    toctrees = re.findall(r"^```\{toctree\}\n(.*?)^```", INDEX, flags=re.M | re.S)
    entries = [line for block in toctrees for line in block.splitlines() if line and not line.startswith(":")]
    assert sorted(entries) == sorted(page.stem for page in DOCS if page.stem != "index")


def test_the_readme_fits_two_screens_and_leads_to_the_pages():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert "    make run " in text
    assert "    make test " in text
    linked = set(re.findall(r"\]\(docs/([\w-]+)\.md", text))
    assert {page.stem for page in DOCS} - linked <= {
        "index",
        *(p.stem for p in DOCS if p.stem.startswith("new-")),
    }


def test_pages_show_the_same_summary_of_the_demo():
    """In the README and in the quickstart, and with the scores of the table of what was measured."""
    shown = [
        re.findall(r"^    (?:folds|out-of-fold|truth) .*$", page.read_text(), flags=re.M) for page in PAGES
    ]
    (one, other) = (lines for lines in shown if lines)
    assert one == other
    truth = one[-1].split()[-1]
    assert f"| {truth}, " in (ROOT / "docs/performance.md").read_text()


def edges(figure):
    """The arrows of a graph that Graphviz drew, by the names of rules."""
    root = ElementTree.parse(figure).getroot()
    groups = {kind: [g for g in root.iter(f"{SVG}g") if g.get("class") == kind] for kind in ("node", "edge")}
    names = {g.find(f"{SVG}title").text: g.find(f"{SVG}text").text for g in groups["node"]}
    return {tuple(names[end] for end in g.find(f"{SVG}title").text.split("->")) for g in groups["edge"]}


@pytest.mark.slow
def test_the_figure_shows_the_rule_graph_as_it_is(run_snakemake, tmp_path):
    """With all that can be asked for of sound; images have the same arrows, without those of detections."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.wav").touch()
    (tmp_path / "verdicts.csv").write_text("path,start,end,label,verdict,new_label\n")
    every = {"recordings": str(tmp_path / "new"), "verdicts": str(tmp_path / "verdicts.csv")}

    def drawn(*targets, **options):
        done = run_snakemake(tmp_path, "--rulegraph", *targets, **options)
        names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', done.stdout, flags=re.M))
        return {(names[a], names[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", done.stdout, flags=re.M)}

    shown = edges(ROOT / "docs/figures/rulegraph.svg")
    assert shown == drawn("--", "all", "export", "review", config=every)
    of_images = drawn(recipe="herbarium2021")
    assert of_images < shown
    assert len(of_images) > 15


def test_the_page_of_the_workflow_has_every_rule():
    rules = [
        name
        for path in (ROOT / "rules").glob("*.smk")
        for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)
    ]
    shown = re.findall(r"^\| `(\w+)`", (ROOT / "docs/workflow.md").read_text(), flags=re.M)
    assert set(shown) == set(rules)


def test_the_page_of_the_report_has_every_figure_and_metric():
    text = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    figures = {path.stem for path in (ROOT / "report").glob("*.rst")} - {
        "report",
        "scores",
        "submission",
        "workflow",
    }
    assert {name for name in figures if f"`{name}`" not in text} == set()
    shown = re.findall(r"^\| `(\w+)` \|", text.split("## Metrics")[1].split("## Sections")[0], flags=re.M)
    assert set(shown) == set(choices.names("understory.evaluation.metrics"))


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (str(citation["version"]), citation["license"]) == (project["version"], project["license"])
    assert citation["abstract"].startswith(project["description"])


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("sphinx"), reason="Sphinx is not installed; make docs installs it")
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    options = [
        "--builder",
        "html",
        "--fail-on-warning",
        "--nitpicky",
        "--quiet",
        "--doctree-dir",
        tmp_path / "trees",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ROOT / "docs", tmp_path / "site"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for page in DOCS:
        html = (tmp_path / "site" / f"{page.stem}.html").read_text(encoding="utf-8")
        assert re.findall(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(?:https?:)?//[^"]*"', html) == []
