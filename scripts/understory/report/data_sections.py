"""The sections of the report about the examples, about time and memory, and about what ran."""

import numpy as np

from understory.core.text import counted, listed
from understory.data.band import Band
from understory.data.dataset import SEPARATOR
from understory.data.folds import UNVALIDATED
from understory.report import gallery
from understory.report.class_sections import LISTED, of_many
from understory.report.formatting import memory, time
from understory.report.results import Results
from understory.report.template import Code, Details, Examples, Facts, Note, Section, Table


def counts(results: Results) -> Section:
    """Present examples by class and fold."""
    drawn = counts = results.present_counts
    words, notes = results.words, []
    if len(counts) > LISTED:
        drawn, each = counts.iloc[results.drawn], counts.sum(axis=1)
        notes.append(
            f"The table lists {of_many(results)}. A class has {each.min():,} to {each.max():,} present {words.examples}, "
            f"with a median of {int(each.median()):,}."
        )
    if results.index.present.str.contains(SEPARATOR, regex=False).any():
        notes.append(f"Of the labels of one {words.example}, only the one it is centred on is counted.")
    notes += [*_untrained(results), *_long_events(results), *_low_rates(results)]
    head = ["class", *(f"fold {fold}" for fold in results.fold_numbers)]
    head += ["training only"] * (UNVALIDATED in counts) + ["all"]
    rows = [
        [label, *(f"{value:,}" for value in (*values, sum(values)))]
        for label, values in zip(drawn.index, drawn.to_numpy().tolist(), strict=True)
    ]
    table = Table(f"Present {words.examples} of each class by validation fold", head, rows)
    return Section("counts", f"{words.examples.capitalize()} by class and fold", [*notes, table])


def _untrained(results):
    """The classes without an example."""
    if names := results.task.untrained:
        yield (
            f"{counted(len(names), 'class has', 'classes have')} no present {results.words.example} to learn from, and "
            f"probability 0 everywhere: {listed(names)}."
        )


def _long_events(results):
    """How many examples show only part of their event."""
    index, window = results.index, results.settings["crop"]["window"]
    if (
        not {"t_min", "t_max", "start", "stop"} <= set(index)
        or results.settings["crop"]["long_events"] == "cover"
    ):
        return
    # An event without an end reaches to the end of its recording, which is not shown here.
    long = int((np.isfinite(index.t_max) & (index.t_max - index.t_min > window)).sum())
    if long:
        yield (
            f"{counted(long, 'annotation is', 'annotations are')} longer than the window ({window:g} s): the "
            f"{results.words.example} shows the middle. crop.long_events: cover makes as many as cover the event."
        )


def _low_rates(results):
    """How many recordings have nothing in the upper part of the features' band."""
    features = results.settings["features"]
    if "fmax" in features:
        yield from (
            f"{line}."
            for line in Band(features.get("fmin", 0.0), features["fmax"]).low_rates(results.sample_rates)
        )


def examples(results: Results) -> Section:
    """The best and the worst examples of each class that is drawn."""
    heading, drawn, wanted = "Best and worst examples", results.drawn, results.settings["report"]["examples"]
    if not wanted:
        return Section("examples", heading, ["None are shown, as report.examples is 0."])
    most = min(wanted, max(1, gallery.IMAGES // (2 * len(drawn))))
    images = gallery.Gallery(results)
    text = f"{images.lead()}. The number is the out-of-fold prediction of the label."
    if len(drawn) < len(results.task.classes):
        text += f" Shown: {of_many(results)}."
    if most < wanted:
        text += f" Each class has {most} of each kind and not {wanted}, to keep the page small."
    return Section("examples", heading, [text, Examples(gallery.examples(images, results, most=most))])


def costs(table) -> Section:
    """Time and memory by rule."""
    if table.empty:
        text = "There are no measurements: no job has recorded what it used."
        return Section("costs", "Time and memory", [text])
    rows = [
        [row.rule, f"{row.jobs:,}", *map(time, (row.total, row.longest, row.cpu)), memory(row.memory)]
        for row in table.itertuples()
    ]
    head = ["rule", "jobs", "total time", "longest job", "CPU time", "largest memory"]
    note = Note(
        "Times are wall times, of which the total is a sum over jobs that may have run in parallel; memory is that of a "
        "single job. Jobs that finish after this page is written, such as build_report, are missing."
    )
    table = Table("The last run of each job", head, rows)
    return Section("costs", "Time and memory", [table, note])


def what_ran(facts, configuration: str) -> Section:
    """The settings, the code and the packages."""
    table = Facts("Settings, code and packages when this page was written", facts)
    note = "Settings that this run does not use, such as those of models that are not trained, are left out."
    settings = Details("All settings of this run", [Note(note), Code(configuration)])
    return Section("ran", "What ran", [table, settings])
