"""The sections of the report about the examples, about time and memory, and about what ran."""

from understory.data.examples import SEPARATOR
from understory.data.folds import UNVALIDATED
from understory.report import gallery
from understory.report.class_sections import LISTED, of_many
from understory.report.formatting import memory, time
from understory.report.results import Results
from understory.report.template import Section, Table


def counts(results: Results) -> Section:
    """Present examples by class and fold."""
    counts, examples, notes = results.present_counts, results.words.examples, []
    part = counts
    if len(counts) > LISTED:
        part, each = counts.iloc[results.drawn], counts.sum(axis=1)
        notes.append(
            f"The table lists {of_many(results)}. A class has {each.min():,} to {each.max():,} present {examples}, with a "
            f"median of {int(each.median()):,}."
        )
    if results.index.present.str.contains(SEPARATOR, regex=False).any():
        an = "An" if results.words.example[0] in "aeiou" else "A"
        notes.append(
            f"{an} {results.words.example} with several labels counts only for the one it is centred on."
        )
    head = ["class", *(f"fold {fold}" for fold in results.fold_numbers)]
    head += ["training only"] * (UNVALIDATED in counts) + ["all"]
    rows = [
        [label, *(f"{value:,}" for value in (*values, sum(values)))]
        for label, values in zip(part.index, part.to_numpy().tolist(), strict=True)
    ]
    table = Table(f"Present {examples} of each class by validation fold", head, rows)
    heading = f"{examples.capitalize()} by class and fold"
    return Section("counts", heading, [*(("text", note) for note in notes), ("table", table)])


def examples(results: Results) -> Section:
    """The best and the worst examples of each class that is drawn."""
    wanted = results.settings["report"]["examples"]
    heading, drawn = "Best and worst examples", results.drawn
    if not wanted:
        return Section("examples", heading, [("text", "None are shown, as report.examples is 0.")])
    most = min(wanted, max(1, gallery.IMAGES // (2 * len(drawn))))
    images = gallery.Gallery(results)
    text = f"{images.lead()}. The number is the out-of-fold prediction of the label."
    if len(drawn) < len(results.task.classes):
        text += f" Shown: {of_many(results)}."
    if most < wanted:
        text += f" Each class has {most} of each kind and not {wanted}, to keep the page small."
    shown = gallery.examples(images, results, most=most)
    return Section("examples", heading, [("text", text), ("examples", shown)])


def costs(table) -> Section:
    """Time and memory by rule."""
    heading = "Time and memory"
    if table.empty:
        return Section(
            "costs", heading, [("text", "There are no measurements: the benchmark files are missing.")]
        )
    rows = [
        [row.rule, f"{row.jobs:,}", *map(time, (row.total, row.longest, row.cpu)), memory(row.memory)]
        for row in table.itertuples()
    ]
    head = ["rule", "jobs", "total time", "longest job", "CPU time", "largest memory"]
    note = (
        "Times are wall times, of which the total is a sum over jobs that may have run in parallel; memory is that of a "
        "single job. “Not measured”: the job finished too quickly to be measured. Jobs that finish after this page is "
        "written, such as build_report, are missing."
    )
    caption = "The last run of each job, as measured by Snakemake"
    return Section("costs", heading, [("table", Table(caption, head, rows)), ("note", note)])


def what_ran(facts, configuration: str) -> Section:
    """The settings, the code and the packages."""
    caption = "Settings, code and packages when this page was written"
    note = "Settings that this run does not use, such as those of models that are not trained, are left out."
    settings = "All settings of this run", [("note", note), ("code", configuration)]
    return Section("ran", "What ran", [("facts", (caption, facts)), ("details", settings)])
