"""What is computed of the windows of the new recordings of a shard, of which what was computed before is taken from a cache."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from understory.annotations import files as annotation_files
from understory.audio import inspect, read
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.core.text import in_text
from understory.inference import new_recordings, recording_scores, window_scores


class Scorer(NamedTuple):
    """What scores recordings.

    Attributes
    ----------
    models : sequence of keras.Model
    settings : dict
        As `recording_scores.chunks` takes them.
    cache : Path
        The folder of the cache.
    key : str
        A digest of all that scores depend on, besides the recording.
    contents : FileDigests
        What recordings hold.
    compute : callable, optional
    threads : int
        As `recording_scores.fill` takes them.
    """

    models: list
    settings: dict
    cache: Path
    key: str
    contents: FileDigests
    compute: Callable | None = None
    threads: int = 1


def names_of(folder: Path, shard: str, count: int) -> tuple[list[str], list[tuple[str, str]]]:
    """The paths of the recordings of a shard, one of `count`, within their folder; and those that cannot be used, and why."""
    sounds, _ = annotation_files.below(folder)
    names = [name for name in sounds if in_text(name)]
    wrong = "expected a name in UTF-8, found other bytes: rename the file"
    strange = [(ascii(name), wrong) for name in sounds if not in_text(name)]
    own = [name for name in names if new_recordings.shard_of(name, count) == shard]
    return own, strange if shard == "new-0" else []


def write(
    scorer: Scorer, folder: Path, names, writer: window_scores.Writer, silent=()
) -> list[tuple[str, str]]:
    """Write what is computed of the windows of recordings, in the order of their paths; a bad one is left out.

    Parameters
    ----------
    scorer : Scorer
    folder : Path
        That of the recordings.
    names : sequence of str
        Their paths within it.
    writer : window_scores.Writer
        Or another with its method `add`.
    silent : sequence of int
        The classes that nothing was learned of: they have the score 0.

    Returns
    -------
    list of (str, str)
        The recordings that cannot be read, and why.
    """
    failed, names = [], sorted(names)
    held = scorer.contents.identities([folder / name for name in names])
    for name, identity in zip(names, held, strict=True):
        cache = recording_scores.Cache(scorer.cache, digest([scorer.key, identity]))
        try:
            length = _fill(scorer, folder / name, cache)
        except InputError as error:
            # The path is in the table already.
            failed.append((name, str(error).removeprefix(f"{folder / name}: ")))
            print(f"{name!r}: {error}", flush=True)
            continue
        for starts, scores in _chunks(scorer, folder / name, cache):
            scores = scores.copy()
            scores[:, list(silent)] = 0
            writer.add(name, starts, np.minimum(starts + scorer.settings["window"], length), scores)
    return failed


def _chunks(scorer, path, cache):
    return recording_scores.chunks(path, scorer.models, scorer.settings, cache, scorer.compute)


def _fill(scorer, path, cache):
    """Score all of a recording, as far as the cache does not have it; the length of the recording, s."""
    windows = recording_scores.fill(
        path,
        scorer.models,
        scorer.settings,
        cache,
        check=lambda: inspect.inspect_file(path),
        compute=scorer.compute,
        threads=scorer.threads,
    )
    rate = scorer.settings["sample_rate"]
    length = read.length(path, rate) / rate
    print(f"{path.name!r}: {length:.1f} s, {windows} windows", flush=True)
    return length
