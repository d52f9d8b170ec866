"""Log-mel spectrograms."""

import librosa
import numpy as np


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


def compute(wave: np.ndarray, *, sample_rate: int, settings: dict) -> np.ndarray:
    """The features of one window, by `kind` of their settings."""
    options = {key: value for key, value in settings.items() if key != "kind"}
    return KINDS[settings["kind"]][0](wave, sample_rate=sample_rate, **options)


def shape_of(samples: int, settings: dict) -> tuple[int, int]:
    """The shape of the features of a window of so many samples."""
    return KINDS[settings["kind"]][1](samples, settings)


KINDS = {
    "log_mel": (
        log_mel,
        lambda samples, mel: shape(samples, hop=mel["hop"], n_mels=mel["n_mels"], resize=mel["resize"]),
    ),
}
