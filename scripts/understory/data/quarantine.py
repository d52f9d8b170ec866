"""How much of a data set may be quarantined, and the messages about it.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import re
from dataclasses import dataclass

from understory.core.errors import InputError
from understory.core.untracked import Untracked
from understory.data.dataset import SUBSETS, Dataset, Quarantined, Recording


@dataclass(frozen=True, repr=False)
class Limit(Untracked):
    """How much may be quarantined before a run stops.

    It decides whether a job may continue, never what it writes.

    Attributes
    ----------
    on_bad_file : {"quarantine", "fail"}
        Whether the first recording or annotation that cannot be used stops the run.
    max_quarantined : float
        Share of a subset's recordings, and of its annotations, beyond which the run stops.
    ready : str, optional
        The file to delete to have the data made or fetched again; None for a folder of the user.
    """

    on_bad_file: str
    max_quarantined: float
    ready: str | None = None

    def _advice(self, kind):
        higher = f"allow more (--config max_quarantined={min(1.0, 2 * self.max_quarantined or 0.1):g})"
        if self.ready:
            return f"Delete {self.ready} to have the data again, or {higher}"
        left_out = (
            "; subset: available leaves out recordings that are not there" if kind == "recording" else ""
        )
        return f"Mend them, or {higher}{left_out}"

    def check_first(self, quarantined):
        """InputError when something is quarantined and `on_bad_file` is `fail`."""
        if quarantined and self.on_bad_file == "fail":
            raise InputError(
                f"on_bad_file: fail, and {len(quarantined)} cannot be used, first {_line(min(quarantined))}"
            )

    def check(self, tables: Dataset, quarantined):
        """InputError when more recordings or annotations are quarantined than `max_quarantined` allows.

        Parameters
        ----------
        tables : Dataset
            As the reader gave it; what its reader quarantined counts too.
        quarantined : iterable of Quarantined
        """
        self.check_first(quarantined)
        for subset in SUBSETS:
            names = {r.recording_id for r in tables.recordings if r.subset == subset}
            totals = {
                "recording": names,
                "annotation": [a for a in tables.annotations if a.recording_id in names],
            }
            for kind, kept in totals.items():
                bad = [item for item in quarantined if (item.subset, item.kind) == (subset, kind)]
                total = len(kept) + sum(1 for q in tables.quarantined if (q.subset, q.kind) == (subset, kind))
                if len(bad) > self.max_quarantined * total:
                    raise InputError(
                        f"{len(bad)} of {total} {subset} {kind}s cannot be used, more than max_quarantined "
                        f"({self.max_quarantined:g} of them) allows. {self._advice(kind)}:\n"
                        + "\n".join(_lines(bad))
                    )


def check_present(dataset: Dataset, usable: Dataset, quarantined):
    """InputError where no annotation of a present event is left to train on.

    Parameters
    ----------
    dataset, usable : Dataset
        The data set as its reader gave it, and the usable part of it.
    quarantined : iterable of Quarantined
        What is not usable, including what the reader quarantined.
    """
    if any(annotation.presence == "present" for annotation in usable.annotations):
        return
    bad = sorted(item for item in quarantined if item.subset == "train")
    rows = sum(item.kind == "annotation" for item in bad)
    total = len(dataset.annotations) + sum(item.kind == "annotation" for item in dataset.quarantined)
    raise InputError(
        f"no annotation of a present event is left to train on: {rows} of {total} annotations and {len(bad) - rows} training "
        "recordings cannot be used"
        + (f", such as {_line(bad[0])}" if bad else "")
        + ". Add annotations of present events, or repair these"
    )


def _lines(items, most=50):
    """A line for each item, but one for all rows of a table with which the same is wrong but for numbers."""
    groups = {}
    for item in sorted(items, key=_in_order):
        table, row, _ = item.place.partition(", line ")
        like = re.sub(r"\d+(\.\d+)?", "0", item.reason) if row else item.place
        groups.setdefault((table, like), []).append(item)
    for group in list(groups.values())[:most]:
        yield f"  {_line(group[0])}"
        if len(group) > 1:
            yield f"    {len(group) - 1} more like it, to {group[-1].place}"
    if (rest := sum(map(len, list(groups.values())[most:]))) > 0:
        yield f"  and {rest} more"


def _in_order(item):
    """By name and place, in which numbers count by their value."""
    return item.recording_id, [
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", item.place)
    ]


def _line(item: Quarantined):
    name = "" if item.recording_id in item.place else f" ({item.recording_id[:200]!r})"
    return f"{item.place}{name}: {item.reason}"


def missing(recordings: list[Recording], source) -> list[Quarantined]:
    """Quarantine entries, worded as by `inspect`, for recordings without a file at their path; `source` is their Source."""
    return [
        Quarantined(
            r.subset,
            "recording",
            r.recording_id,
            r.path,
            f"expected {source.wanted}, found {source.other(r)}",
        )
        for r in recordings
    ]
