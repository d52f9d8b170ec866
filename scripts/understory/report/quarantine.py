"""What the report says of what was quarantined."""

import re

import pandas as pd

from understory.report.formatting import Words, counted

# Rows of the tables that grow with what went wrong.
QUARANTINED, REASONS = 200, 12
# What tells one row's reason from another's of its kind: quoted values and numbers.
PARTICULAR = re.compile(r"""'[^']*'|"[^"]*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?""")


def section(
    table: pd.DataFrame, path: str, usable: dict, unread: int, *, words: Words, with_truth: bool
) -> dict | None:
    """What the page says of a quarantine; None where nothing was set aside.

    Parameters
    ----------
    table : pandas.DataFrame
        `subset, kind, recording_id, place, reason`, all text.
    path : str
        Where the whole of it is.
    usable : dict of list of str
        The ids of the recordings that were read, by subset.
    unread : int
        Test recordings that were not.
    words : Words
    with_truth : bool
        Whether predictions are scored against a truth.
    """
    if table.empty:
        return None
    called = {"recording": (words.recording, words.recordings)}
    shares = ""
    if unread:
        shares = (
            f"{counted(unread, f'test {words.recording}', f'test {words.recordings}')} {'has' if unread == 1 else 'have'} "
            "the classes' shares of the present examples instead of predictions"
        )
    head = []
    for subset, word in (("train", "training"), ("test", "test")):
        for kind in ("recording", "annotation", "slice"):
            if count := int(((table.subset == subset) & (table.kind == kind)).sum()):
                one, many = called.get(kind, (kind, f"{kind}s"))
                of = f"{count:,} of {count + len(usable[subset]):,}" if kind == "recording" else f"{count:,}"
                head.append(f"{of} {word} {one if of == '1' else many}")
    total = " and ".join(
        counted(count, *called.get(kind, (kind, None))) for kind, count in table.kind.value_counts().items()
    )
    total += (" was" if len(table) == 1 else " were") + " set aside. Nothing of what is listed here was used."
    if shares:
        total += f" A submission needs a row for every test {words.recording}, though: {shares}."
        total += " They count in the score against the truth." if with_truth else ""
    table = table.replace({"kind": {"recording": words.recording}})
    counts = (
        table.assign(reason=_kinds_of(table.reason))
        .groupby(["subset", "kind", "reason"])
        .size()
        .sort_values(ascending=False, kind="stable")
    )
    rest = counts.iloc[REASONS:]
    return {
        "head": f"Set aside: {', '.join(head)}." + (f" {shares}." if shares else ""),
        "total": total,
        "counts": [[*key, count] for key, count in counts.iloc[:REASONS].items()],
        "more_counts": f"The {REASONS} most frequent of {len(counts)} kinds of reason; the others are those of {counted(rest.sum(), 'row')}."
        if len(rest)
        else "",
        "rows": table[["subset", "kind", "recording_id", "place", "reason"]]
        .head(QUARANTINED)
        .to_numpy()
        .tolist(),
        "more": f"{len(table) - QUARANTINED:,} more; the whole list is {path}."
        if len(table) > QUARANTINED
        else "",
    }


def _kinds_of(reasons):
    """Each reason without what only its own row has: what was found, where that holds values, and the values.

    Where all of a kind say the same, it is left as it is.
    """

    def expected(reason):
        wanted, _, found = reason.partition(", found ")
        return wanted if PARTICULAR.search(found) else reason

    wanted = reasons.map(expected)
    kinds = wanted.map(lambda text: PARTICULAR.sub("…", text))
    told = reasons.copy()
    for other in (wanted, kinds):
        apart = told.groupby(kinds).transform("nunique") > 1
        told = told.where(~apart, other)
    return told
