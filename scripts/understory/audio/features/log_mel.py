"""Log-mel spectrograms."""

from typing import Literal

from understory.core.options import FrameLength, MelBands, NonNegative, Positive, Samples, Size


def shape(samples: int, *, hop: int, n_mels: int, resize=None, **others) -> tuple[int, int]:
    """Mel bands and frames of the spectrogram of a window of `samples`."""
    return tuple(resize) if resize else (n_mels, 1 + samples // hop)


def compute(
    wave,
    *,
    sample_rate: int,
    n_fft: FrameLength,
    hop: Samples,
    n_mels: MelBands,
    fmin: NonNegative,
    fmax: Positive,
    scale: Literal["power_db", "notebook"],
    normalise: Literal["min_max", "standard", "none"],
    resize: Size | None = None,
):
    """The log-mel spectrogram of one window.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate : int
        Hz.
    n_fft, hop : int
        Samples of a frame, and between the starts of two frames.
    n_mels : int
        Mel bands.
    fmin, fmax : float
        Lowest and highest frequency, Hz.
    scale : {"power_db", "notebook"}
        `power_db`: 10 log10 of the mel power, at most 80 dB below its peak. `notebook`: 20 log10 of the mel
        power with the same 80 dB floor, hence half the dynamic range, as the public notebook has it.
    normalise : {"min_max", "standard", "none"}
        Each window to [0, 1], or to mean 0 and deviation 1.
    resize : list of int, optional
        Mel bands and frames that the normalised spectrogram is resized to, by skimage's `resize`.

    Returns
    -------
    numpy.ndarray
        float32 of shape (n_mels, 1 + samples // hop), or `resize`. A constant window gives zeros.
    """
    return compute_shifted(
        wave,
        0,
        sample_rate=sample_rate,
        n_fft=n_fft,
        hop=hop,
        n_mels=n_mels,
        fmin=fmin,
        fmax=fmax,
        scale=scale,
        normalise=normalise,
        resize=resize,
    )


def compute_shifted(wave, steps: int, *, scale, normalise, resize=None, **options):
    """The log-mel spectrogram of one window whose pitch is shifted by `steps` semitones in the mel bands.

    The other parameters and what is returned are those of `compute`.
    """
    import numpy as np

    from understory.audio import mel

    if np.ptp(wave) == 0:
        return np.zeros(
            shape(len(wave), hop=options["hop"], n_mels=options["n_mels"], resize=resize), dtype=np.float32
        )
    power = mel.power(wave, steps=steps, **options)
    # As librosa's `power_to_db` and its `amplitude_to_db`, which takes the power for an amplitude.
    factor, least = {"power_db": (10, 1e-10), "notebook": (20, 1e-5)}[scale]
    decibels = factor * np.log10(np.maximum(power, least))
    decibels = np.maximum(decibels, decibels.max() - 80)
    values = _normalised(decibels, normalise)
    if resize is not None:
        from skimage.transform import resize as stretch

        values = stretch(values, tuple(resize))
    return values.astype(np.float32)


def _normalised(values, how):
    import numpy as np

    if how == "none":
        return values
    start, span = (values.min(), np.ptp(values)) if how == "min_max" else (values.mean(), values.std())
    return (values - start) / span if span > 0 else np.zeros_like(values)
