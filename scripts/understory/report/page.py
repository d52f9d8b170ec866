"""The report: one HTML page that needs no other file."""

from typing import NamedTuple

from understory.report import (
    class_sections,
    data_sections,
    detection_sections,
    fold_sections,
    quarantine,
    roc_sections,
)
from understory.report.results import Results
from understory.report.scorecards import Head
from understory.report.template import PAGE


class Page(NamedTuple):
    """The report as HTML, its figures as SVG, by name, and its warnings."""

    html: str
    figures: dict[str, bytes]
    warnings: list[str]


def build(results: Results, *, costs, facts, configuration: str) -> Page:
    """The report and its figures.

    Parameters
    ----------
    results : Results
    costs : pandas.DataFrame
        Time and memory by rule, as `provenance.costs` gives them.
    facts : list of (str, str)
        What ran.
    configuration : str
        The settings as YAML.
    """
    specific = roc_sections if "roc" in results.metric.figures else class_sections
    sections = [
        fold_sections.fold_scores(results),
        specific.class_scores(results),
        fold_sections.learning_curves(results),
        specific.curves(results),
        class_sections.confusion(results),
        *detection_sections.detections(results),
        data_sections.counts(results),
        data_sections.examples(results),
        quarantine.section(results),
        data_sections.costs(costs),
        data_sections.what_ran(facts, configuration),
    ]
    head = Head(results)
    html = PAGE.render(
        title=results.settings["report"]["title"],
        name=results.scores["name"],
        head=head,
        quarantined=quarantine.summary(results),
        sections=sections,
    )
    blocks = [block for section in sections for block in section.blocks]
    figures = {block.name: block.svg for block in blocks if getattr(block, "kind", "") == "figure"}
    return Page(html, figures, head.warnings)
