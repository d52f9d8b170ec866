"""Readers: one module a public layout, holding all that is particular to it.

A reader is a module with

- `MEDIUM`: `audio` or `images`;
- `FOLDERS`: True where a recording is a folder, a study with a folder a sequence; may be left out;
- `METRIC`: the name of the module in `understory.evaluation.metrics` that its task is scored by;
- `PARTS`: the named parts of the data set that `subset` may ask for, besides `all` and `available`;
- `UNIT`: what a row of the submission is about, a `recording` or a `window` of one;
- `NONE`: the class of what has no other, where there is one; may be left out;
- `SCORED`: what is scored out of fold, each `example` or each `recording` by the mean of its examples;
- `read(folder, part, *, train)`: its tables as `understory.data.dataset.Dataset`, gathered by `understory.data.builder.DatasetBuilder`,
  which sets rows aside that cannot be used; `part` is one of `PARTS` or None; without `train`, those of the test
  recordings alone, and the other tables need not be there;
- `PRIORS`: False where the row of a recording that could not be read stays empty, instead of the classes' shares; may be left
  out;
- `READS`: what it reads of annotations beside the rest where the configuration asks for it under `labels`, each a keyword of `read`
  that is True then: `song_types`, `confidence`; may be left out;
- `OPTIONS`: the block of the configuration that `read` takes as `options`, with the keys `verdicts` and `reviewed` of the
  configuration and `contents`, the index of what files hold; may be left out;
- `TABLES`: the files that `read` and `submission_template` read, where they read no others and look at no folders: what a plan
  asks of large ones is kept from plan to plan; may be left out;
- `submission_template(folder)`: the columns and ids that a submission has to have, as
  (id column, ids, other columns), None for all recordings or all classes; a reader whose data set has no test recordings leaves it out;
- `submission(template, predictions, decisions)`: the submission as such a table, where the other columns are no classes.
  `predictions` are `understory.data.predictions.Predictions`, or where they are dense the table of them, of the test
  recordings or windows, `decisions` the classes decided for each, as lists of names, or None; where a recording could
  not be read, its one row has neither `start` nor `stop`.

docs/new-dataset.md adds one, in this file's folder and in `recipes/`; nothing else names a reader.

A module of the same name in `understory.synthetic` may have

- `synthesize(folder, truth, settings, seed, processes, clips)`: a synthetic data set in the layout, with the complete
  truth of its test recordings in a file of its own, built from clips (`understory.synthetic.clips.Clips`) or, without
  them, by species of arithmetic. It is a module of its own, so that a change to it concerns synthetic data alone.

Readers import no pandas and no audio library at module level: the Snakefile reads tables through them.
"""

import inspect
import os
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from understory.core import choices, files
from understory.core.errors import InputError, NoTable
from understory.core.text import did_you_mean
from understory.core.untracked import Untracked
from understory.data.band import Band, without_unseen
from understory.data.dataset import Dataset, Recording
from understory.data.task import METRICS

PLACE = "scripts/understory/datasets/"
# Before the path of a recording that lies in the folder of reviewed recordings, and not in the data folder.
ELSEWHERE = "recordings:"
# Readers that have been found complete: they are asked for once a recording.
_CHECKED = set()
# Where readers are.
READERS = "understory.datasets"
# What may be read of annotations beside the rest, and the keys of the configuration, under `labels`, that ask for it.
LABELS = {"song_types": "song_types", "confidence": "confidence_smoothing"}
# What a reader has to have, and the words that it may say.
NEEDS = {
    "MEDIUM": ("audio", "images"),
    "METRIC": None,
    "UNIT": ("recording", "window"),
    "SCORED": ("example", "recording"),
    "PARTS": None,
    "read": None,
}


def names() -> list[str]:
    """The readers there are: every module in the folder of data sets."""
    return choices.names(READERS)


def reader(name: str):
    """The reader's module, one of `names`.

    Raises
    ------
    InputError
        It lacks a name that a reader has to have, or one of them says something else than it may.
    """
    module = import_module(f"{READERS}.{name}")
    if module in _CHECKED:
        return module
    for wanted, words in NEEDS.items():
        if wanted == "METRIC":
            said = f", one of {', '.join(choices.names(METRICS))}"
        else:
            said = f" = {' or '.join(map(repr, words))}" if words else ""
        if not hasattr(module, wanted):
            raise InputError(f"{PLACE}{name}.py: expected a reader with {wanted}{said}, found none")
        if words and (given := getattr(module, wanted)) not in words:
            raise InputError(f"{PLACE}{name}.py: expected {wanted}{said}, found {given!r}")
    if module.METRIC not in (metrics := choices.names(METRICS)):
        raise InputError(
            f"{PLACE}{name}.py: expected METRIC to be one of {', '.join(metrics)}, the modules of {METRICS}, "
            f"found {module.METRIC!r}{did_you_mean(module.METRIC, metrics)}"
        )
    try:
        inspect.signature(module.read).bind(Path(), None, train=True)
    except TypeError as error:
        raise InputError(
            f"{PLACE}{name}.py: expected read(folder, part=None, *, train=True), found another signature ({error})"
        ) from None
    _CHECKED.add(module)
    return module


def source(config: dict, folder: str, band: Band | None = None, contents: Path | None = None) -> "Source":
    """The data set of a checked configuration, which lies in `folder`; `band` is that of the features, if it matters, and
    `contents` the index of what files hold."""
    reviewed = config["reviewed"] or config["recordings"]
    options = None
    if hasattr(module := reader(config["dataset"]), "OPTIONS"):
        options = {**config[module.OPTIONS], "verdicts": verdict_files(config), "reviewed": reviewed}
        options["contents"] = contents
    found = Source(
        config["dataset"],
        folder,
        config["subset"],
        tested=config["shards"]["test"] != 0,
        trained=config["models_from"] is None,
        sequences=tuple(config["images"]["sequences"]),
        band=band,
        options=options,
        reviewed=reviewed,
        reads=asked(config) if config["models_from"] is None else (),
    )
    found.check()
    return found


def asked(config: dict) -> tuple[str, ...]:
    """What a configuration asks to be read of annotations beside the rest."""
    return tuple(name for name, key in LABELS.items() if config["labels"][key])


def verdict_files(config: dict) -> list[str]:
    """The files of verdicts that a configuration names."""
    named = config["verdicts"]
    return list(map(os.path.expanduser, [named] if isinstance(named, str) else named or ()))


class Part(NamedTuple):
    """The shard, of `count`, that a job is about, and the file where a plan keeps its rows, or None."""

    shard: str
    count: int
    rows: Path | None


@dataclass(frozen=True, repr=False)
class Source(Untracked):
    """Where a data set lies, and how to read it. What it holds is tracked by digests of its content."""

    dataset: str
    folder: str
    subset: str
    tested: bool = True
    trained: bool = True
    sequences: tuple[str, ...] = ()
    part: Part | None = None
    band: Band | None = None
    options: dict | None = None
    reviewed: str | None = None
    reads: tuple[str, ...] = ()

    def check(self):
        """InputError where `subset` (all, available, or a part) is none that the reader has, or where it does not read what is asked."""
        if others := sorted(set(self.reads) - set(getattr(reader(self.dataset), "READS", ()))):
            raise InputError(
                f"labels.{LABELS[others[0]]}: expected the default, as the annotations of dataset {self.dataset} do not say it"
            )
        valid = ("all", "available", *reader(self.dataset).PARTS)
        if self.subset not in valid:
            raise InputError(
                f"subset: expected one of {', '.join(valid)} for dataset {self.dataset}, given {self.subset}"
            )

    def path(self, recording: Recording) -> Path:
        """The file of a recording, or its folder."""
        return Path(self.place(recording.path))

    def place(self, path: str) -> str:
        """Where what a recording's path names lies: in the data folder, or in that of reviewed recordings."""
        if self.reviewed and path.startswith(ELSEWHERE):
            return os.path.join(os.path.expanduser(self.reviewed), path.removeprefix(ELSEWHERE))
        return os.path.join(self.folder, path)

    @property
    def wanted(self) -> str:
        """What is expected at a recording's path."""
        module = reader(self.dataset)
        if getattr(module, "FOLDERS", False):
            return "a folder with the sequences of a study"
        return {"audio": "an audio file", "images": "an image"}[module.MEDIUM]

    def other(self, recording: Recording) -> str | None:
        """What lies at a recording's path, in words that follow "found"; None where it is what is expected."""
        found = files.other(self.place(recording.path))
        if not getattr(reader(self.dataset), "FOLDERS", False):
            return found
        return None if found == files.FOLDER else found or "a file"

    def files(self, recording: Recording) -> list[str]:
        """The files of a recording, relative to the data folder: of a folder, those of the sequences that are wanted."""
        if not getattr(reader(self.dataset), "FOLDERS", False):
            return [recording.path]
        found = []
        for sequence in self.sequences:
            place = os.path.join(self.folder, recording.path, sequence)
            with suppress(OSError):
                found += [f"{recording.path}/{sequence}/{name}" for name in sorted(os.listdir(place))]
        return found

    def read(self) -> Dataset:
        """The tables of the data set, as far as `subset` asks; without `tested`, those of the training recordings, and
        without `trained`, those of the test recordings.

        Raises
        ------
        InputError
            A table is missing or cannot be read. A row that cannot be used is quarantined instead.
        """
        tables, module = self.whole(), reader(self.dataset)
        if not self.tested:
            tables = tables.of({r.recording_id for r in tables.recordings if r.subset == "train"})
        elif not hasattr(module, "submission_template") and any(
            r.subset == "test" for r in tables.recordings
        ):
            raise InputError(
                f"{PLACE}{self.dataset}.py: expected a reader with submission_template(folder), as its data set has test "
                "recordings, found none; shards.test: 0 leaves them out"
            )
        if self.subset != "available":
            return tables
        # What may not be read is there: it is said, and not passed over.
        absent = [r for r in self.missing(tables) if self.other(r) != files.DENIED]
        kept = tables.of({recording.recording_id for recording in set(tables.recordings) - set(absent)})
        unscored = [recording.recording_id for recording in absent if recording.subset == "test"]
        if unscored and any(recording.subset == "test" for recording in kept.recordings):
            raise InputError(
                f"{self.folder}: expected all test recordings or none, as a submission needs every one; "
                f"{len(unscored)} are missing, such as {', '.join(unscored[:3])}"
            )
        if not kept.recordings:
            raise InputError(
                f"{self.folder}: expected recordings such as {absent[0].path}, found none of {len(absent)}"
            )
        return kept

    def whole(self) -> Dataset:
        """As `read`, with test recordings and with those that are not there, whatever is asked for."""
        self.check()
        if not os.path.isdir(self.folder):
            found = files.other(self.folder) or "a file"
            raise InputError(f"data: expected a folder, found {found} at {Path(self.folder).absolute()}")
        module = reader(self.dataset)
        try:
            part = self.subset if self.subset in module.PARTS else None
            options = {} if self.options is None else {"options": self.options}
            options |= dict.fromkeys(self.reads, True)
            tables = module.read(Path(self.folder), part, train=self.trained, **options)
            return without_unseen(tables, self.band) if self.band else tables
        except NoTable as error:
            raise NoTable(f"{error}. {self._layout()}") from None

    def read_part(self) -> Dataset:
        """The tables of the shard that a job is about, as `Dataset.part` gives them.

        They are those of the plan that the job is of where it keeps them, as reading large tables in every job takes
        long; otherwise all tables are read.
        """
        shard, count, rows = self.part
        if rows is not None:
            # Not whole, or in the way of another plan.
            with suppress(OSError, ValueError, TypeError):
                return Dataset.part_of_text(rows.read_text(encoding="utf-8"))
        return self.read().part(shard, count)

    def _layout(self):
        """What the folder holds instead, and what may be meant."""
        names = sorted(os.listdir(self.folder))
        shown = ", ".join(repr(name) for name in names[:8]) + (", …" if len(names) > 8 else "")
        return (
            f"The folder {self.folder} holds {shown or 'nothing'}: where the tables lie in a folder within, give that one "
            f"(--config data=FOLDER); where it is laid out for another reader than {self.dataset}, set dataset"
        )

    def missing(self, tables: Dataset) -> list[Recording]:
        """The recordings without what is expected at their paths."""
        return [recording for recording in tables.recordings if self.other(recording)]
