"""What models are fed of a sound: log-mel spectrograms, or the magnitudes of one Fourier transform."""

import librosa
import numpy as np
import scipy.fft

from understory.core.errors import InputError


def log_mel(
    wave: np.ndarray,
    *,
    sample_rate: int,
    n_fft: int,
    hop: int,
    n_mels: int,
    fmin: float,
    fmax: float,
    scale: str,
    normalise: str,
    resize: list[int] | None,
) -> np.ndarray:
    """The log-mel spectrogram of one window.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate, fmin, fmax : int or float
        Hz.
    n_fft, hop : int
        Samples of a frame, and between two frames.
    scale : {"power_db", "notebook"}
        `power_db`: 10 log10 of the mel power, at most 80 dB below its peak. `notebook`: 20 log10 of the mel
        power with the same 80 dB floor, hence half the dynamic range, as the public notebook has it.
    normalise : {"min_max", "standard", "none"}
        To [0, 1], or to mean 0 and deviation 1, over the window.
    resize : list of int or None
        Mel bands and frames to stretch the normalised spectrogram to, by skimage's `resize`.

    Returns
    -------
    numpy.ndarray
        float32 of shape (n_mels, 1 + samples // hop), or `resize`. A constant window gives zeros.
    """
    frames = 1 + len(wave) // hop
    if np.ptp(wave) == 0:
        return np.zeros(resize or (n_mels, frames), dtype=np.float32)
    power = librosa.feature.melspectrogram(
        y=wave, sr=sample_rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels, fmin=fmin, fmax=fmax
    )
    decibels = {"power_db": librosa.power_to_db, "notebook": librosa.amplitude_to_db}[scale](
        power, top_db=80.0
    )
    values = NORMALISE[normalise](decibels)
    if resize is not None:
        from skimage.transform import resize as stretch

        values = stretch(values, tuple(resize))
    return values.astype(np.float32)


def _min_max(values):
    span = np.ptp(values)
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def _standard(values):
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 0 else np.zeros_like(values)


NORMALISE = {"min_max": _min_max, "standard": _standard, "none": lambda values: values}


def shape(samples: int, *, hop: int, n_mels: int, resize) -> tuple[int, int]:
    """Mel bands and frames of the spectrogram of a window of `samples`."""
    return tuple(resize) if resize else (n_mels, 1 + samples // hop)


def fft_frames(wave: np.ndarray, *, frames: int) -> np.ndarray:
    """The magnitudes of the first half of a window's Fourier transform, standardised, in rows.

    Row after row they go from 0 Hz up to half the sample rate, which is not among them: a row is a band of
    frequencies over the whole window, not a moment. 5 s at 32 kHz are 160,000 samples, whose 80,000 magnitudes
    the public BirdCLEF 2021 entry lays out in 100 rows of 800. The highest, fewer than `frames`, are left out
    where `frames` does not divide them.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    frames : int
        Rows.

    Returns
    -------
    numpy.ndarray
        float32 of shape (frames, samples // 2 // frames), of mean 0 and deviation 1. A constant window gives
        zeros, as does one whose magnitudes are all alike. No value is beyond the root of their number (283 for
        80,000), so that float16 holds them with an error of 2**-11 of the value, and of 2**-25 near zero.

    Raises
    ------
    InputError
        There are fewer magnitudes than rows.
    """
    shape = fft_shape(len(wave), frames=frames)
    if np.ptp(wave) == 0:
        return np.zeros(shape, dtype=np.float32)
    values = np.abs(scipy.fft.rfft(wave.astype(np.float64)))[: shape[0] * shape[1]]
    # Magnitudes that are all alike differ by what is rounded, which would be blown up to a deviation of 1.
    if values.std() <= 1e-9 * values.mean():
        return np.zeros(shape, dtype=np.float32)
    return _standard(values).reshape(shape).astype(np.float32)


def fft_shape(samples: int, *, frames: int) -> tuple[int, int]:
    """Rows, and magnitudes in each, of `fft_frames` of a window of `samples`."""
    if not 1 <= frames <= samples // 2:
        raise InputError(
            f"features: expected frames from 1 to {samples // 2}, half the samples of a window, found {frames}"
        )
    return frames, samples // 2 // frames


def compute(wave: np.ndarray, *, sample_rate: int, settings: dict) -> np.ndarray:
    """The features of one window, as a block of the configuration's `features` asks.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate : int
        Hz.
    settings : dict
        `kind`, "log_mel" or "fft_frames", and what that function takes.

    Returns
    -------
    numpy.ndarray
        float32 of the shape that `shape_of` tells.
    """
    options = {key: value for key, value in settings.items() if key != "kind"}
    if _kind(settings) == "fft_frames":
        return fft_frames(wave, **options)
    return log_mel(wave, sample_rate=sample_rate, **options)


def shape_of(samples: int, settings: dict) -> tuple[int, int]:
    """Height and width of the features of a window of `samples`, as a block of the configuration's `features` asks."""
    if _kind(settings) == "fft_frames":
        return fft_shape(samples, frames=settings["frames"])
    return shape(samples, hop=settings["hop"], n_mels=settings["n_mels"], resize=settings["resize"])


def _kind(settings):
    if settings["kind"] not in ("log_mel", "fft_frames"):
        raise InputError(
            f"features: expected kind log_mel or fft_frames of a sound, found {settings['kind']}"
        )
    return settings["kind"]
