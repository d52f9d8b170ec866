"""How much of a data set may be set aside, and what is said about it.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from dataclasses import dataclass

from understory.core.errors import InputError
from understory.core.untracked import Untracked
from understory.data.dataset import SUBSETS, Dataset, Quarantined, Recording


@dataclass(frozen=True, repr=False)
class Limit(Untracked):
    """How much may be set aside before a run stops.

    It decides whether a job may go on, never what comes out of it.

    Attributes
    ----------
    on_bad_file : {"quarantine", "fail"}
        Whether the first recording or annotation that cannot be used stops the run.
    max_quarantined : float
        Share of a subset's recordings, and of its annotations, beyond which the run stops.
    ready : str, optional
        The file to delete to have the data made or fetched again; None where they are a person's own.
    """

    on_bad_file: str
    max_quarantined: float
    ready: str | None = None

    def _advice(self):
        if self.ready:
            return f"Delete {self.ready} to have the data again, or set a higher one"
        return "Mend them, or set a higher one; subset: available leaves out recordings that are not there"

    def check_first(self, set_aside):
        """InputError when something is set aside and nothing may be."""
        if set_aside and self.on_bad_file == "fail":
            raise InputError(
                f"on_bad_file: fail, and {len(set_aside)} cannot be used, first {_line(min(set_aside))}"
            )

    def check(self, tables: Dataset, set_aside):
        """InputError when more is set aside, of what `tables` held and of what its reader did not take, than may be."""
        self.check_first(set_aside)
        for subset in SUBSETS:
            names = {r.recording_id for r in tables.recordings if r.subset == subset}
            totals = {
                "recording": names,
                "annotation": [a for a in tables.annotations if a.recording_id in names],
            }
            for kind, kept in totals.items():
                bad = sorted(item for item in set_aside if (item.subset, item.kind) == (subset, kind))
                total = len(kept) + sum(1 for q in tables.quarantined if (q.subset, q.kind) == (subset, kind))
                if len(bad) > self.max_quarantined * total:
                    raise InputError(
                        f"{len(bad)} of {total} {subset} {kind}s cannot be used, more than max_quarantined "
                        f"({self.max_quarantined:g} of them) allows. {self._advice()}:\n"
                        + "\n".join(f"  {_line(item)}" for item in bad[:50])
                        + (f"\n  and {len(bad) - 50} more" if len(bad) > 50 else "")
                    )


def check_present(given: Dataset, left: Dataset, set_aside):
    """InputError where no annotation of a present event is left to train on.

    Parameters
    ----------
    given, left : Dataset
        The data set as its reader gave it, and what of it can be used.
    set_aside : iterable of Quarantined
        What cannot, and what the reader did not take.
    """
    if any(annotation.presence == "present" for annotation in left.annotations):
        return
    bad = sorted(item for item in set_aside if item.subset == "train")
    rows = sum(item.kind == "annotation" for item in bad)
    total = len(given.annotations) + sum(item.kind == "annotation" for item in given.quarantined)
    raise InputError(
        f"no annotation of a present event is left to train on (of {total} annotations {rows} set aside, of the training "
        f"recordings {len(bad) - rows}"
        + (f", first {_line(bad[0])}" if bad else "")
        + "). Add annotations of present events, or mend what is set aside"
    )


def _line(item: Quarantined):
    name = "" if item.recording_id in item.place else f" ({item.recording_id[:200]!r})"
    return f"{item.place}{name}: {item.reason}"


def missing(recordings: list[Recording], source) -> list[Quarantined]:
    """Recordings without what is expected at their paths, set aside in the words of `inspect`; `source` is their Source."""
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
