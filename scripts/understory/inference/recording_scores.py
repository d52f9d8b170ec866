"""Scores of the windows slid over one recording.

A recording is decoded, transformed and scored a part at a time: neither its sound nor its features are ever in memory as a
whole, or on disk. Scores are kept in a cache, a chunk of a fixed grid at a time, so that a job that was interrupted
goes on where it was. Several threads score several chunks at once; how many makes no difference to the scores.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from understory.audio import read
from understory.core import files
from understory.inference import score

# Seconds of sound, more or less, whose scores are kept together.
CHUNK = 300


class Cache:
    """The chunks of the scores of one recording, a file for each.

    Parameters
    ----------
    folder : Path
        It is made when it is needed; that of many recordings.
    key : str
        Hexadecimal: a digest of all that the scores depend on.
    """

    def __init__(self, folder: Path, key: str):
        self._place = Path(folder, key[:2], key)

    def _path(self, number):
        return self._place.with_name(f"{self._place.name}-{number}.npy")

    def read(self, number: int) -> np.ndarray | None:
        """A chunk; None where it is not there, or not whole."""
        try:
            return np.load(self._path(number), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None

    def write(self, number: int, scores: np.ndarray):
        """Keep a chunk, wholly or not at all; several processes may keep the same."""
        with files.replacing(self._path(number), shared=True) as path, open(path, "wb") as file:
            np.save(file, scores, allow_pickle=False)


def score_recording(
    path: Path, models, settings: dict, cache: Cache | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The scores of all windows of a recording, as `chunks` gives them.

    Returns
    -------
    starts : numpy.ndarray
        float64 (windows,): s.
    scores : numpy.ndarray
        float32 (windows, classes): in [0, 1].
    """
    starts, scores = zip(*chunks(path, models, settings, cache), strict=True)
    return np.concatenate(starts), np.concatenate(scores)


def chunks(
    path: Path, models, settings: dict, cache: Cache | None = None, compute=None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The scores of the windows of a recording, a chunk at a time.

    Windows begin at every hop, and the last ends with the recording; one that is longer than the recording is filled with
    silence. They are decoded, rounded and transformed as those that the models were trained on.

    Parameters
    ----------
    path : Path
        Any file that libsndfile reads; `understory.audio.inspect` tells whether it can be used.
    models : sequence of keras.Model
        Of the same classes.
    settings : dict
        `window` and `hop` (s), `sample_rate` (Hz); `features`: for each model what it is fed, a block of the configuration, or
        one block for all, of embeddings as `model_files.placed` gives it; `combine`, `folds` and, where there are any, `weights`, as
        `score.combined` takes them.
    cache : Cache, optional
        What it has is not computed again.
    compute : callable, optional
        What is computed of the windows of a chunk in the place of `score.of_windows`, which has its parameters.

    Yields
    ------
    (numpy.ndarray, numpy.ndarray)
        Starts in s, float64 (windows,), and scores, float32 (windows, classes).

    Raises
    ------
    InputError
        The file cannot be decoded, or holds samples that are not finite.
    """
    for number, starts in enumerate(_grid(path, settings)):
        scores = _kept(cache, number, starts) if cache else None
        if scores is None:
            scores = _scores(path, starts, models, settings, compute)
            if cache:
                cache.write(number, scores)
        yield np.array(starts) / settings["sample_rate"], scores


def fill(path: Path, models, settings: dict, cache: Cache, *, check, compute=None, threads: int = 1) -> int:
    """Score all chunks of a recording that a cache lacks.

    Parameters
    ----------
    path, models, settings, cache, compute
        As for `chunks`.
    check : callable
        Without parameters; it raises InputError where the recording cannot be used. It is called unless the cache has the first
        chunk, which is kept after it alone.
    threads : int
        Chunks that are scored at once, beside others or the check.

    Returns
    -------
    int
        The number of windows.

    Raises
    ------
    InputError
        As the check does, or as `chunks` does.
    """
    unchecked = cache.read(0) is None
    if threads == 1:
        if unchecked:
            check()
        return sum(len(starts) for starts, _ in chunks(path, models, settings, cache, compute))
    filling = _Filling(path, models, settings, cache, compute, unchecked)
    pool = ThreadPoolExecutor(threads)
    try:
        # The check has this thread, so that an interruption of the job ends it at once.
        jobs = [pool.submit(filling.work) for _ in range(threads - unchecked)]
        if unchecked:
            check()
            filling.checked()
            jobs.append(pool.submit(filling.work))
        return sum(job.result() for job in jobs)
    finally:
        filling.stopped.set()
        pool.shutdown()


class _Filling:
    """The chunks of a recording that several threads score, each of which takes the next one that no other has.

    Parameters
    ----------
    path, models, settings, cache, compute
        As for `fill`.
    unchecked : bool
        Whether the recording is checked beside: then its first chunk waits for that.
    """

    def __init__(self, path, models, settings, cache, compute, unchecked):
        self._path, self._given, self._compute = path, (models, settings), compute
        self._cache, self._unchecked, self._first = cache, unchecked, None
        self._left, self._lock = enumerate(_grid(path, settings)), threading.Lock()
        self.stopped = threading.Event()

    def work(self) -> int:
        """Score chunks until none is left, or one cannot be scored; the number of their windows."""
        try:
            return self._work()
        except BaseException:
            self.stopped.set()
            raise

    def _work(self):
        windows = 0
        while not self.stopped.is_set():
            with self._lock:
                number, starts = next(self._left, (0, ()))
            if not starts:
                break
            windows += len(starts)
            if _kept(self._cache, number, starts) is not None:
                continue
            scores = _scores(self._path, starts, *self._given, self._compute)
            with self._lock:
                if number == 0 and self._unchecked:
                    self._first = scores
                else:
                    self._cache.write(number, scores)
        return windows

    def checked(self):
        """Keep the first chunk, now or when it is there."""
        with self._lock:
            self._unchecked = False
            if self._first is not None:
                self._cache.write(0, self._first)


def _grid(path, settings):
    """The first samples of the windows of a recording, a list for each chunk."""
    rate = settings["sample_rate"]
    samples, hop = round(settings["window"] * rate), round(settings["hop"] * rate)
    # None is made before it is needed: a damaged header may tell of any length.
    starts = read.sliding(duration=read.length(path, rate), samples=samples, hop=hop)
    size = max(1, round(CHUNK / settings["hop"] / score.BATCH)) * score.BATCH
    while part := list(islice(starts, size)):
        yield part


def _kept(cache, number, starts):
    """The scores of the windows of a chunk that the cache has; None where it lacks them."""
    scores = cache.read(number)
    return scores if scores is not None and len(scores) == len(starts) else None


def _scores(path, starts, models, settings, compute):
    """The scores of the windows of a chunk: float32 (windows, classes)."""
    samples = round(settings["window"] * settings["sample_rate"])
    waves = read.read_windows(path, starts, samples=samples, sample_rate=settings["sample_rate"])
    return (compute or score.of_windows)(waves, len(starts), models, settings)
