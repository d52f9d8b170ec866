"""Build the HTML report of a run, and its figures as separate files."""

from importlib import import_module
from pathlib import Path

from understory.core.files import replacing
from understory.report import page
from understory.report.results import Results
from understory.run import provenance
from understory.run.job import run


def main(job):
    settings = job.params.settings
    used = settings["used"]
    report = page.build(
        Results(dict(job.input.items()), settings, import_module(settings["store"]).read),
        costs=provenance.costs(Path(used["results"]), rules=used["rules"], names=used["names"]),
        facts=[*settings["facts"], *provenance.facts()],
        configuration=job.params.configuration.text,
    )
    for name, content in report.figures.items():
        with replacing(getattr(job.output, name)) as path:
            path.write_bytes(content)
    texts = {"report": report.html, "warnings": "".join(f"{line}\n" for line in report.warnings)}
    for name, text in texts.items():
        with replacing(getattr(job.output, name)) as path:
            path.write_text(text, encoding="utf-8")


run(main, globals().get("snakemake"))
