"""Verdicts on detections, as the review page writes them, and the annotations that they become.

Plain Python only: the Snakefile reads tables through it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from understory.annotations.files import Recordings
from understory.core.errors import InputError
from understory.data.builder import number, read_rows, whole_number
from understory.data.source import ELSEWHERE

COLUMNS = ("path", "start", "end", "label", "verdict", "new_label")
WORDS = ("accept", "reject", "relabel", "unsure")
DRAWN = ("stratum", "stratum_events")
# A text that a spreadsheet takes for a formula has an apostrophe before it.
GUARDED = re.compile(r"'[=+\-@\t\r']")


class Verdict(NamedTuple):
    """A verdict on a detection, from `start` to `end` (s) of the recording at `path`; `new_label` of a relabelled one."""

    path: str
    start: float
    end: float
    label: str
    verdict: str
    new_label: str

    @property
    def annotations(self) -> list[tuple[str, str]]:
        """The label and the presence of each annotation that it becomes."""
        presence = {"accept": "present", "unsure": "unknown"}.get(self.verdict, "absent")
        relabelled = [(self.new_label, "present")] if self.verdict == "relabel" else []
        return [(self.label, presence), *relabelled]


def rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows of a file of verdicts, each with its place; also those of detections without a verdict.

    InputError where there is no such file, or it is another table.
    """
    try:
        _, found = read_rows(path, COLUMNS)
    except InputError as error:
        raise InputError(f"verdicts: {error}") from None
    return [
        (f"{path.name}, line {line}", {key: _plain(value) for key, value in row.items()})
        for line, row in found
    ]


def verdict(row: dict[str, str]) -> Verdict | None:
    """The verdict of a row, None where there is none yet; InputError where it cannot be used."""
    if None in row or None in row.values():
        raise InputError("expected as many values as the header has, found another number")
    if (word := row["verdict"].strip()) not in ("", *WORDS):
        raise InputError(f"expected a verdict, {', '.join(WORDS)} or nothing, found {word[:50]!r}")
    new_label = row["new_label"].strip()
    if (word == "relabel") != bool(new_label):
        found = repr(new_label[:50]) if new_label else "none"
        raise InputError(
            f"expected a new label of what is relabelled, and of nothing else, found {found} of {word!r}"
        )
    made = Verdict(row["path"], number(row, "start"), number(row, "end"), row["label"], word, new_label)
    return made if word else None


class Sampled(NamedTuple):
    """A detection that was drawn for a review: who is asked what the sample says needs those without a verdict as well.

    `inclusion` is the probability with which it was drawn, of `stratum_events` detections in its `stratum`; `review` names
    the page.
    """

    path: str
    start: float
    end: float
    label: str
    verdict: str
    inclusion: float
    stratum: int
    stratum_events: int
    review: str


def sampled(path: Path) -> Iterator[Sampled]:
    """The detections of a file of verdicts that were drawn at random; rows that cannot be used are printed."""
    for place, row in rows(path):
        try:
            judged = verdict(row)
            if row.get("inclusion"):
                numbers = number(row, "inclusion"), *(whole_number(row, key) for key in DRAWN)
                event = row["path"], number(row, "start"), number(row, "end"), row["label"]
                yield Sampled(*event, judged.verdict if judged else "", *numbers, row.get("review", ""))
        except InputError as error:
            print(f"{place}: {error}")


def _plain(value):
    return value[1:] if isinstance(value, str) and GUARDED.match(value) else value


class Reviewed:
    """Where the recordings lie that verdicts are about.

    Parameters
    ----------
    data : Path
        The data folder.
    sounds : sequence of str
        The recordings in it, relative to it.
    others : str or None
        The folder that the paths of verdicts are relative to; None for the data folder.
    """

    def __init__(self, data: Path, sounds, others: str | None):
        self._inside = Recordings(sounds)
        self._data = os.path.realpath(data)
        self._others = self._data if others is None else os.path.realpath(os.path.expanduser(others))

    def find(self, path: str) -> str:
        """The id of the recording at a path of a verdict: its path in the data folder, or that in the other folder after
        `recordings:`, so that neither depends on where the folders lie. InputError where there is none.
        """
        inside = os.path.relpath(os.path.join(self._others, path), self._data)
        if not inside.startswith(".."):
            return self._inside.of_path(inside)
        if ".." in path.split("/") or not os.path.isfile(os.path.join(self._others, path)):
            raise InputError(
                f"expected a recording of this path in the folder of recordings, found none: {path!r}"
            )
        return f"{ELSEWHERE}{path}"
