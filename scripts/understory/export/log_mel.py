"""Log-mel spectrograms of waveforms as layers of a Keras model: what `understory.audio.features.log_mel` computes.

Everything is a product with a fixed matrix, or an operation that every runtime has. The Fourier transform of a frame of
N = N1 * N2 samples is two products, one of each factor, with the turns in between folded into the second (J. W. Cooley and
J. W. Tukey, "An Algorithm for the Machine Calculation of Complex Fourier Series", Mathematics of Computation 19, 1965): a
tenth of the arithmetic of one product with a matrix of N rows.
"""

import math

import numpy as np
from keras import layers, ops

from understory.audio import mel, stft

LN10 = math.log(10)


def features(waves, *, sample_rate: int, scale, normalise, name: str = "features", resize=None, **options):
    """The features of waveforms.

    Parameters
    ----------
    waves : keras.KerasTensor
        float32 of shape (batch, samples).
    sample_rate : int
        Hz.
    name : str
        With which the names of layers begin.
    scale, normalise, resize, **options
        Those of `understory.audio.features.log_mel.compute`.

    Returns
    -------
    keras.KerasTensor
        float32 of shape (batch, bands, frames, 1), rounded to float16 as features on disk are.
    """
    power = ops.transpose(_power(waves, name, sample_rate=sample_rate, **options), (0, 2, 1))
    factor, least = {"power_db": (10, 1e-10), "notebook": (20, 1e-5)}[scale]
    decibels = ops.log(ops.maximum(power, least)) * (factor / LN10)
    decibels = ops.maximum(decibels, ops.max(decibels, axis=(1, 2), keepdims=True) - 80)
    values = _normalised(decibels, normalise)
    if resize is not None:
        values = _resized(values, resize, name)
    # A constant waveform gives zeros.
    sound = ops.max(waves, axis=1, keepdims=True) - ops.min(waves, axis=1, keepdims=True)
    values = values * ops.expand_dims(ops.cast(sound > 0, "float32"), -1)
    # Two casts next to each other are none to tf2onnx, which would leave out the rounding.
    return ops.cast(ops.expand_dims(ops.cast(values, "float16"), -1), "float32")


def _normalised(values, how):
    if how == "none":
        return values
    axes = {"axis": (1, 2), "keepdims": True}
    if how == "min_max":
        start = ops.min(values, **axes)
        span = ops.max(values, **axes) - start
    else:
        start = ops.mean(values, **axes)
        span = ops.sqrt(ops.mean(ops.square(values - start), **axes))
    # Where there is no span, each value is the start.
    return (values - start) / ops.maximum(span, 1e-30)


def _resized(values, shape, name):
    """As skimage's `resize`, which is linear, and one axis after the other."""
    from skimage.transform import resize

    for axis in (1, 2):
        size = values.shape[axis]
        weights = resize(np.eye(size), (shape[axis - 1], size)).T
        values = ops.swapaxes(values, axis, 2)
        values = _product(values, weights, f"{name}_resize{axis}")
        values = ops.swapaxes(values, axis, 2)
    return values


def _power(waves, name, *, sample_rate, n_fft, hop, n_mels, fmin, fmax):
    """The power of waveforms in mel bands: (batch, frames, n_mels)."""
    weights = mel.filters(sample_rate, n_fft, n_mels, fmin, fmax)
    first, second, bins = transform(n_fft, int(np.flatnonzero(weights.any(axis=0)).max(initial=0)))
    columns, rows = first.shape[0], n_fft // first.shape[0]
    framed = _frames(waves, n_fft, hop) * stft.window(n_fft)
    count = framed.shape[1]
    # Sample n of a frame is that in row n // rows and column n % rows of a table; each column is transformed.
    framed = ops.transpose(ops.reshape(framed, (-1, count, columns, rows)), (0, 1, 3, 2))
    framed = _product(framed, first, f"{name}_columns")
    # Real parts, then imaginary parts of each row, which is transformed by a matrix of its own.
    parts = ops.reshape(framed, (-1, count, rows, 2, len(second)))
    parts = ops.reshape(ops.transpose(parts, (0, 4, 1, 3, 2)), (-1, len(second), count, 2 * rows))
    spectra = _fixed(
        layers.EinsumDense("abfi,bij->abfj", (len(second), count, second.shape[2]), name=f"{name}_rows"),
        parts,
        second,
    )
    squared, half = ops.square(spectra), second.shape[2] // 2
    squared = ops.transpose(squared[..., :half] + squared[..., half:], (0, 2, 1, 3))
    squared = ops.reshape(squared, (-1, count, bins.size))
    return _product(squared, weights[:, bins.ravel()].T, f"{name}_mel")


def _frames(waves, size, hop):
    """The frames of waveforms as `understory.audio.stft.frames` cuts them: (batch, frames, size)."""
    samples, half = waves.shape[1], size // 2
    count = 1 + (samples + 2 * half - size) // hop
    parts = math.ceil(size / hop)
    after = max((count + parts - 1) * hop - samples - half, half)
    padded = ops.pad(waves, ((0, 0), (half, after)))
    steps = [
        ops.reshape(padded[:, part * hop : (part + count) * hop], (-1, count, hop)) for part in range(parts)
    ]
    return ops.concatenate(steps, axis=-1)[:, :, :size]


def transform(size: int, highest: int):
    """The matrices of the Fourier transform of frames, up to a bin.

    Parameters
    ----------
    size : int
        Samples of a frame.
    highest : int
        The highest bin that is wanted, at most `size` // 2.

    Returns
    -------
    first : numpy.ndarray
        float64 (N1, 2 * K): cosines, then sines, of the columns.
    second : numpy.ndarray
        float64 (K, 2 * N2, 2 * M): from real and imaginary parts of row k to those of the bins `bins[k]`.
    bins : numpy.ndarray
        int (K, M): the bin of each, from 0 to `size` // 2: the power at bin b is that at `size` - b. Rows that have fewer than M
        bins are filled with columns of zeros.
    """
    columns = max(n for n in range(1, math.isqrt(size) + 1) if size % n == 0)
    rows, kept = size // columns, columns // 2 + 1
    turns = np.outer(np.arange(columns), np.arange(kept)) / columns
    first = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    every = np.arange(kept)[:, None] + columns * np.arange(rows)
    return first, *_rows_of(every, rows, size, highest)


def _rows_of(every, rows, size, highest):
    """`second` and `bins` of `transform`; each bin is taken of the first row that has it."""
    folded, seen, chosen = np.minimum(every, size - every), set(), []
    for line in folded:
        found, first = np.unique(line, return_index=True)
        new = [bin not in seen and bin <= highest for bin in found.tolist()]
        seen.update(found.tolist())
        chosen.append(first[new])
    width = max(map(len, chosen))
    bins = np.zeros((len(every), width), dtype=int)
    second = np.zeros((len(every), 2 * rows, 2 * width))
    for row, own in enumerate(chosen):
        angle = 2 * np.pi * np.outer(np.arange(rows), every[row, own]) / size
        cosine, sine = np.cos(angle), np.sin(angle)
        second[row, :, : len(own)] = np.concatenate([cosine, sine])
        second[row, :, width : width + len(own)] = np.concatenate([-sine, cosine])
        bins[row, : len(own)] = folded[row, own]
    return second, bins


def _product(values, weights, name):
    """The product with a fixed matrix."""
    return _fixed(layers.Dense(weights.shape[1], use_bias=False, name=name), values, weights)


def _fixed(layer, values, weights):
    layer.trainable = False
    result = layer(values)
    layer.set_weights([np.asarray(weights, dtype=np.float32)])
    return result
