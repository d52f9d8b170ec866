"""What the report says about quarantined recordings, annotations and slices."""

import re

from understory.core.text import counted
from understory.report.results import Results
from understory.report.template import Details, Note, Section, Table

# Rows of the two tables, and rows up to which the longer one is shown unfolded.
QUARANTINED, REASONS, OPEN = 200, 12, 20
# What differs between rows that have the same kind of reason: quoted values and numbers.
VALUE = re.compile(r"""'[^']*'|"[^"]*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?""")


def summary(results: Results) -> str:
    """What is quarantined, in a line; empty where nothing is."""
    table, words, parts = results.quarantine, results.words, []
    for subset, word in (("train", "training"), ("test", "test")):
        for kind in ("recording", "annotation", "slice"):
            if count := int(((table.subset == subset) & (table.kind == kind)).sum()):
                of = f"{count:,}"
                if kind == "recording":
                    of += f" of {count + len(results.usable[subset]):,}"
                one, many = _names(kind, words)
                parts.append(f"{of} {word} {one if of == '1' else many}")
    if not parts:
        return ""
    priors = _priors(results)
    return f"Quarantined: {', '.join(parts)}." + (f" {priors}." if priors else "")


def section(results: Results) -> Section:
    """The reasons, how often each occurs, and each row."""
    table, words, path = results.quarantine, results.words, results.inputs["quarantine"]
    if table.empty:
        return Section("quarantine", "Quarantine", ["Nothing was quarantined."])
    kinds = [counted(count, *_names(kind, words)) for kind, count in table.kind.value_counts().items()]
    text = f"{' and '.join(kinds)} {'was' if len(table) == 1 else 'were'} quarantined and not used."
    if priors := _priors(results):
        text += f" A submission has a row for every test {words.recording}: {priors}."
        text += " These rows count in the score against the truth." if results.truth is not None else ""
    table = table.replace({"kind": {"recording": words.recording}})
    counts = (
        table.assign(reason=_kinds_of(table.reason))
        .groupby(["subset", "kind", "reason"])
        .size()
        .sort_values(ascending=False, kind="stable")
    )
    rows = [[*key, count] for key, count in counts.iloc[:REASONS].items()]
    head = ["subset", "kind", "reason", "count"]
    blocks = [text, Table("Reasons", head, rows, text=3, stacked=True)]
    if len(rest := counts.iloc[REASONS:]):
        note = (
            f"The {REASONS} most frequent of {len(counts)} reasons; {counted(rest.sum(), 'row')} not shown."
        )
        blocks.append(Note(note))
    columns = ["subset", "kind", "recording_id", "place", "reason"]
    rows = table[columns].head(QUARANTINED).to_numpy().tolist()
    head = ["subset", "kind", words.recording, "place", "reason"]
    every = [Table("Each quarantined row", head, rows, text=5, stacked=True)]
    if len(table) > QUARANTINED:
        every.append(Note(f"{len(table) - QUARANTINED:,} more; the whole list is in {path}."))
    blocks.append(Details("All rows", every, unfolded=len(rows) <= OPEN))
    return Section("quarantine", "Quarantine", blocks)


def _names(kind, words):
    """A kind of row, singular and plural."""
    return (words.recording, words.recordings) if kind == "recording" else (kind, f"{kind}s")


def _priors(results):
    """How many test recordings have no predictions of their own, in words."""
    count, words = results.unreadable, results.words
    if not count:
        return ""
    unread = counted(count, f"unreadable test {words.recording}", f"unreadable test {words.recordings}")
    if not results.settings["priors"]:
        return f"{unread} {'has' if count == 1 else 'have'} an empty row"
    return f"{unread} {'has' if count == 1 else 'have'} the class frequencies, scaled below all predictions, instead of predictions"


def _kinds_of(reasons):
    """Each reason without what differs within its kind: what was found, where that holds values, and the values.

    A kind of which all reasons are equal keeps them as they are.
    """

    def expected(reason):
        wanted, _, rest = reason.partition(", found ")
        return wanted if VALUE.search(rest) else reason

    wanted = reasons.map(expected)
    kinds = wanted.map(lambda text: VALUE.sub("…", text))
    shortened = reasons.copy()
    for shorter in (wanted, kinds):
        differ = shortened.groupby(kinds).transform("nunique") > 1
        shortened = shortened.where(~differ, shorter)
    return shortened
