"""The window scores of the new recordings of a shard, of which those that were scored before are taken from a cache."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from understory.audio import inspect, read
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.inference import score, window_scores


class Scorer(NamedTuple):
    """What scores recordings.

    Attributes
    ----------
    models : sequence of keras.Model
    settings : dict
        As `score.chunks` takes them.
    cache : Path
        The folder of the cache.
    key : str
        A digest of all that scores depend on, besides the recording.
    contents : FileDigests
        What recordings hold.
    ahead : bool
        As `score.chunks` takes it.
    """

    models: list
    settings: dict
    cache: Path
    key: str
    contents: FileDigests
    ahead: bool = False


def write(
    scorer: Scorer, folder: Path, names, writer: window_scores.Writer, silent=()
) -> list[tuple[str, str]]:
    """Write the window scores of recordings, in the order of their paths; a bad one is left out.

    Parameters
    ----------
    scorer : Scorer
    folder : Path
        That of the recordings.
    names : sequence of str
        Their paths within it.
    writer : window_scores.Writer
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
        cache = score.Cache(scorer.cache, digest([scorer.key, identity]))
        try:
            length = _fill(scorer, folder / name, cache)
        except InputError as error:
            # The path is in the table already.
            failed.append((name, str(error).removeprefix(f"{folder / name}: ")))
            print(f"{name!r}: {error}", flush=True)
            continue
        for starts, scores in score.chunks(folder / name, scorer.models, scorer.settings, cache):
            scores = scores.copy()
            scores[:, list(silent)] = 0
            writer.add(name, starts, np.minimum(starts + scorer.settings["window"], length), scores)
    return failed


def _fill(scorer, path, cache):
    """Score all of a recording, as far as the cache does not have it; the length of the recording, s."""
    if cache.read(0) is None:
        inspect.inspect_file(path)
    chunks = score.chunks(path, scorer.models, scorer.settings, cache, ahead=scorer.ahead)
    windows = sum(len(scores) for _, scores in chunks)
    rate = scorer.settings["sample_rate"]
    length = read.length(path, rate) / rate
    print(f"{path.name!r}: {length:.1f} s, {windows} windows", flush=True)
    return length
