"""Scores of the windows slid over one recording, by the combined models of a run.

A recording is decoded, transformed and scored batch by batch: neither its sound nor its features are ever in memory as a
whole, or on disk. Scores are kept in a cache, a chunk of a fixed grid at a time, so that a job that was interrupted
goes on where it was. Batches never hold windows of two recordings, so that the scores of a recording depend on nothing but it.
Several threads score several chunks at once; how many makes no difference to the scores.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from understory.audio import read
from understory.core import choices, files

FEATURES = "understory.audio.features"
# The kind of features that a frozen model gives, and where that is loaded.
EMBEDDING, EMBEDDINGS = "embedding", "understory.inference.embeddings"
# Windows that the models are given at once.
BATCH = 32
# Seconds of sound, more or less, whose scores are kept together.
CHUNK = 300
# The lowest score in a mean of logarithms.
FLOOR = 1e-7


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
        `combined` takes them.
    cache : Cache, optional
        What it has is not computed again.
    compute : callable, optional
        What is computed of the windows of a chunk in the place of `of_windows`, which has its parameters.

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
        scores = _chunk(number, starts, path, models, settings, cache, compute)
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
            if self._cached(number, starts):
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

    def _cached(self, number, starts):
        scores = self._cache.read(number)
        return scores is not None and len(scores) == len(starts)


def _grid(path, settings):
    """The first samples of the windows of a recording, a list for each chunk."""
    rate = settings["sample_rate"]
    samples, hop = round(settings["window"] * rate), round(settings["hop"] * rate)
    # None is made before it is needed: a damaged header may tell of any length.
    starts = read.sliding(duration=read.length(path, rate), samples=samples, hop=hop)
    size = max(1, round(CHUNK / settings["hop"] / BATCH)) * BATCH
    while part := list(islice(starts, size)):
        yield part


def _chunk(number, starts, path, models, settings, cache, compute):
    """The scores of the windows of a chunk, from the cache or for it."""
    scores = cache.read(number) if cache else None
    if scores is None or len(scores) != len(starts):
        scores = _scores(path, starts, models, settings, compute)
        if cache:
            cache.write(number, scores)
    return scores


def _scores(path, starts, models, settings, compute):
    """The scores of the windows of a chunk: float32 (windows, classes)."""
    samples = round(settings["window"] * settings["sample_rate"])
    waves = read.read_windows(path, starts, samples=samples, sample_rate=settings["sample_rate"])
    return (compute or of_windows)(waves, len(starts), models, settings)


def of_windows(waves, windows: int, models, settings: dict) -> np.ndarray:
    """The scores of some windows.

    Parameters
    ----------
    waves : iterator of numpy.ndarray
        float32 of shape (samples,).
    windows : int
        Their number.
    models, settings
        As for `chunks`.

    Returns
    -------
    numpy.ndarray
        float32 (windows, classes).
    """
    rate, blocks = settings["sample_rate"], settings["features"]
    blocks = [blocks] * len(models) if isinstance(blocks, dict) else blocks
    # Models that are fed the same share it.
    fed = [blocks.index(block) for block in blocks]
    batches = _batches(waves, windows, {of: _kind(blocks[of], rate) for of in set(fed)}, rate)
    parts = []
    for count, batch in batches:
        members = [_compiled(model)(batch[of])[:count] for model, of in zip(models, fed, strict=True)]
        parts.append(combined(members, settings["combine"], settings["folds"], settings.get("weights")))
    return np.concatenate(parts)


def _batches(waves, windows, kinds, rate):
    """The number of windows of each batch, and for each kind of features what models are fed."""
    for first in range(0, windows, BATCH):
        count = min(BATCH, windows - first)
        rows = {of: [] for of in kinds}
        for _ in range(count):
            wave = read.to_float(read.to_int16(next(waves)))
            for of, found in rows.items():
                kind, options = kinds[of]
                # Rounded to float16, as features on disk are.
                found.append(kind.compute(wave, sample_rate=rate, **options).astype(np.float16))
        yield count, {of: _batch(found) for of, found in rows.items()}


def _batch(rows):
    """The features of some windows with a channel axis, float32; zeros fill it up to a power of two."""
    # So that there are few shapes to compile for.
    batch = np.zeros((1 << (len(rows) - 1).bit_length(), *rows[0].shape, 1), dtype=np.float32)
    batch[: len(rows), ..., 0] = rows
    return batch


def _kind(block, rate):
    """What computes a block of features: a module of `FEATURES`, or a frozen model; and its options."""
    if block["kind"] == EMBEDDING:
        return choices.load(EMBEDDINGS, "frozen").load(block, rate), {}
    options = {key: value for key, value in block.items() if key != "kind"}
    return choices.load(FEATURES, block["kind"]), options


@lru_cache(maxsize=64)
def _compiled(model):
    """A function from a batch to a model's scores, compiled once for each shape; Keras' `predict` takes longer than small models."""
    import tensorflow as tf

    call = tf.function(lambda batch: model(batch, training=False))
    return lambda batch: call(tf.constant(batch)).numpy()


def combined(members, method: str, folds: int, weights=None) -> np.ndarray:
    """The median over folds of the mean over the models of a fold.

    Thresholds are chosen by the scores of single folds' models, and the median reaches one where half of the folds' models do. Their
    mean would be less extreme than each of them where they differ, and reach a high threshold in fewer places.

    Parameters
    ----------
    members : sequence of numpy.ndarray
        The scores by each model, of the same shape: of each kind of model those of all folds, in the order of the folds.
    method : {"mean", "geometric"}
        `geometric` is the exponential of the mean logarithm, where scores below 1e-7 count as 1e-7.
    folds : int
        Their number.
    weights : sequence of float, optional
        Of each kind of model in the mean, with a sum of 1; None: all the same.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape, computed in float64.
    """
    values = np.stack(members).astype(np.float64)
    values = values.reshape(-1, folds, *values.shape[1:])
    if method == "geometric":
        values = np.log(np.maximum(values, FLOOR))
    means = values.mean(axis=0) if weights is None else np.tensordot(weights, values, 1)
    return np.median(np.exp(means) if method == "geometric" else means, axis=0).astype(np.float32)
