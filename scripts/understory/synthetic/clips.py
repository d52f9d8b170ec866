"""Sound clips for synthetic recordings: their classes, and which are for testing.

Plain Python only: the Snakefile imports this module each time it is parsed. `understory.synthetic.clip_songs` reads the audio.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from understory.core import files
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest, stable_hash
from understory.core.text import did_you_mean
from understory.core.untracked import Untracked
from understory.data.dataset import SUBSETS
from understory.datasets import esc50

# Of the block `synthetic`, what tells who sings.
KEYS = ("clips", "background")
# Share of a class's clips that sing in test recordings alone, where the data set has no folds.
TEST_SHARE = 0.2
# What files are called whose kinds libsndfile calls otherwise.
OTHER_SUFFIXES = {".aif", ".aifc", ".oga", ".opus", ".snd", ".mpga"}


class Catalogue(NamedTuple):
    """The classes that are labels and those that are not, by name, and what there is of each.

    `files[subset][number]` are the clips' paths, relative to the folder, of class `number`; those of the
    background are numbered on from the labels.
    """

    classes: tuple[str, ...]
    background: tuple[str, ...]
    files: dict[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, repr=False)
class Clips(Untracked):
    """Where clips lie, and which of their classes are no labels. What they hold is tracked by a digest of them."""

    folder: str
    background: tuple[str, ...] = ()

    def read(self) -> Catalogue:
        """The clips of every class and subset.

        Raises
        ------
        InputError
            There are no clips, or too few of a class, or too few classes, or a class of the background is none.
        """
        folder = Path(self.folder)
        if not os.path.isdir(folder):
            found = files.other(folder) or "a file"
            raise InputError(f"synthetic.clips: expected a folder, found {found} at {folder.absolute()}")
        try:
            parts = _esc50(folder) if os.path.lexists(folder / esc50.TABLE) else _folders(folder)
        except OSError as error:
            raise InputError(
                f"{error.filename}: expected a folder of clips, found that it cannot be read ({error.strerror})"
            ) from None
        if not parts:
            raise InputError(
                f"{folder}: expected a folder of clips a class, or meta/esc50.csv and audio/, found no folder; "
                "if the clips of one class lie here, give the folder above"
            )
        for name in self.background:
            if name not in parts:
                raise InputError(
                    f"synthetic.background: expected classes of the clips ({', '.join(parts)}), given {name}"
                    + did_you_mean(name, parts)
                )
        classes = tuple(name for name in parts if name not in self.background)
        if len(classes) < 2:
            raise InputError(
                f"{folder}: expected at least two classes that are not synthetic.background, found {', '.join(classes) or 'none'}"
            )
        for name, each in parts.items():
            for subset, other in zip(SUBSETS, reversed(SUBSETS), strict=True):
                if not each[subset]:
                    raise InputError(
                        f"{folder}: expected clips of {name} to train with and others to test with, "
                        f"found {len(each[other])}, none of them for the {subset} recordings"
                    )
        background = tuple(name for name in parts if name in self.background)
        return Catalogue(
            classes,
            background,
            {
                subset: tuple(tuple(parts[name][subset]) for name in (*classes, *background))
                for subset in SUBSETS
            },
        )

    def digest(self, contents: FileDigests) -> str:
        """What the clips are called, what they hold, and what each is for: never where they lie."""
        found = self.read()
        paths = sorted({path for parts in found.files.values() for each in parts for path in each})
        identities = contents.identities(Path(self.folder, path) for path in paths)
        return digest([found, dict(zip(paths, identities, strict=True))])

    def singers(self):
        """Who sings in the recordings, as `understory.synthetic.soundscapes.make_recordings` wants it."""
        from understory.synthetic import clip_songs

        found = self.read()
        return clip_songs.singers(
            len(found.classes),
            {
                subset: tuple(tuple(Path(self.folder, path) for path in each) for each in parts)
                for subset, parts in found.files.items()
            },
        )


def given(settings: dict) -> Clips | None:
    """The clips that the block `synthetic` of the configuration names, which are there; None without any."""
    if settings["clips"] is None:
        return None
    clips = Clips(str(Path(settings["clips"]).expanduser()), tuple(settings["background"]))
    clips.read()
    return clips


def _esc50(folder):
    """The clips of each class, by subset: those of the last fold are for testing."""
    tables = esc50.read(folder)
    for item in tables.quarantined:
        raise InputError(f"{folder / item.place}: {item.reason}")
    absent = {r.path: found for r in tables.recordings if (found := files.other(folder / r.path))}
    if absent:
        raise InputError(
            f"{folder}: expected {len(tables.recordings)} clips, {len(absent)} are missing, such as "
            + ", ".join(f"{path} (found {absent[path]})" for path in list(absent)[:3])
        )
    last = max(tables.folds.values())
    parts = {name: {subset: [] for subset in SUBSETS} for name in tables.classes}
    labels = {annotation.recording_id: annotation.label for annotation in tables.annotations}
    for recording in tables.recordings:
        subset = "test" if tables.folds[recording.recording_id] == last else "train"
        parts[labels[recording.recording_id]][subset].append(recording.path)
    return parts


def _folders(folder):
    """The clips of each class, by subset: a share of them, picked by their names alone, is for testing."""
    parts = {}
    for place in sorted(path for path in folder.iterdir() if os.path.isdir(path) and _visible(path)):
        inside = sorted(path for path in place.iterdir() if _visible(path))
        names = [path.name for path in inside if not os.path.isdir(path)]
        if len(names) < 2:
            below = (
                f" beside {len(inside) - len(names)} folders; if those are the classes, give {place}"
                if len(inside) > len(names)
                else ""
            )
            raise InputError(f"{place}: expected at least two clips, found {len(names)}{below}")
        _check_clips(place, names)
        test = set(sorted(names, key=stable_hash)[: max(1, round(TEST_SHARE * len(names)))])
        parts[place.name] = {
            "train": [f"{place.name}/{name}" for name in names if name not in test],
            "test": [f"{place.name}/{name}" for name in names if name in test],
        }
    return parts


def _check_clips(place, names):
    """InputError where a file has no name of an audio file, or is no regular file: neither is passed over in silence."""
    from soundfile import available_formats

    suffixes = {f".{kind.lower()}" for kind in available_formats()} | OTHER_SUFFIXES
    other = [name for name in names if Path(name).suffix.lower() not in suffixes]
    if other:
        raise InputError(
            f"{place}: expected audio files, such as 1.wav or 1.flac, found {', '.join(map(repr, other[:5]))}"
            f"{' and more' if len(other) > 5 else ''}: move what is no clip away"
        )
    for name in names:
        if found := files.other(place / name):
            raise InputError(
                f"{place / name}: expected an audio file, found {found}: mend it, or move it away"
            )


def _visible(path):
    """Whether a file or folder is not hidden; InputError where its name is no text."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise InputError(f"{path.parent}: expected names in UTF-8, found {path.name!a}") from None
    return files.visible(path.name)
