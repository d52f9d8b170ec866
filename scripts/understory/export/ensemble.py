"""The models of a run as one Keras model: from the waveform of a window to scores, and to probabilities where there are any."""

import re

import keras
import numpy as np
from keras import layers, ops

from understory.export import log_mel, request
from understory.inference.score import FLOOR


def build(models, settings: dict, *, silent=(), calibrations=None) -> keras.Model:
    """One model of some models, which computes what `understory.inference.score` does of a window.

    Parameters
    ----------
    models : sequence of keras.Model
        Of the same classes. They become parts of the result, under other names.
    settings : dict
        `sample_rate` (Hz), `window` (s), `features` (a block of the configuration for each model) `combine`, `folds` and, where there
        are any, `weights`, as `understory.inference.recording_scores.chunks` takes them.
    silent : sequence of int
        The classes that nothing was learned of: they have the score 0.
    calibrations : sequence of ClassCalibration or None, optional
        One for each class, None where there is none.

    Returns
    -------
    keras.Model
        From `waveform`, float32 of shape (batch, samples), to a dictionary of `scores`, float32 of shape (batch, classes), and
        with `calibrations` `probabilities` of the same shape, NaN for a class without a calibration.

    Raises
    ------
    InputError
        A model is fed other features than log-mel spectrograms.
    """
    rate, blocks = settings["sample_rate"], settings["features"]
    request.check_kinds({block["kind"] for block in blocks})
    waves = keras.Input((round(settings["window"] * rate),), name="waveform")
    # As windows on disk are.
    rounded = ops.clip(ops.round(waves * 32768.0), -32768.0, 32767.0) / 32768.0
    fed = []
    for number, block in enumerate(blocks):
        options = {key: value for key, value in block.items() if key != "kind"}
        first = blocks.index(block)
        fed.append(
            fed[first]
            if first < number
            else log_mel.features(rounded, sample_rate=rate, name=f"features{number}", **options)
        )
    members = []
    for number, (model, inputs) in enumerate(zip(models, fed, strict=True)):
        member = _in_float32(model)
        member.name = f"member{number}"
        members.append(member(inputs, training=False))
    outputs = {"scores": _combined(members, settings["combine"], settings["folds"], settings.get("weights"))}
    if silent:
        mask = np.ones(outputs["scores"].shape[-1], dtype=np.float32)
        mask[list(silent)] = 0
        outputs["scores"] = outputs["scores"] * mask
    if calibrations:
        outputs["probabilities"] = _probabilities(outputs["scores"], calibrations)
    return keras.Model(waves, outputs, name="understory")


def _in_float32(model):
    """A model that computes in float32, as LiteRT's own operations do, also where its training was of mixed precision."""
    text = model.to_json()
    plain = re.sub(r'"mixed_b?float16"', '"float32"', text)
    if plain == text:
        return model
    other = keras.models.model_from_json(plain)
    other.set_weights(model.get_weights())
    return other


def _combined(members, method, folds, weights):
    """As `understory.inference.score.combined`."""
    if method == "geometric":
        members = [ops.log(ops.maximum(each, FLOOR)) for each in members]
    if weights is None:
        means = [_mean(members[fold::folds]) for fold in range(folds)]
    else:
        means = [_weighted(members[fold::folds], weights) for fold in range(folds)]
    return _median([ops.exp(mean) for mean in means] if method == "geometric" else means)


def _mean(values):
    return layers.Average()(values) if len(values) > 1 else values[0]


def _weighted(values, weights):
    return sum(value * weight for value, weight in zip(values, weights, strict=True) if weight)


def _median(values):
    """The median of some tensors, element by element, by a network of comparisons: neighbours are exchanged until all are in order."""
    for step in range(len(values)):
        for first in range(step % 2, len(values) - 1, 2):
            low, high = values[first : first + 2]
            values[first], values[first + 1] = ops.minimum(low, high), ops.maximum(low, high)
    return _mean(values[(len(values) - 1) // 2 : len(values) // 2 + 1])


def _probabilities(scores, calibrations):
    """As `understory.data.calibration.probability`: the sum of the rises between knots, each as far as it is reached."""
    most = max(2, *(len(each.scores) if each else 0 for each in calibrations))
    start = np.full(len(calibrations), np.nan)
    knots, widths, rises = np.zeros((3, len(calibrations), most - 1))
    widths += 1
    for row, each in enumerate(calibrations):
        if each is None or each.method == "none":
            continue
        start[row], count = each.probabilities[0], len(each.scores) - 1
        knots[row, :count] = each.scores[:-1]
        widths[row, :count] = np.diff(each.scores)
        rises[row, :count] = np.diff(each.probabilities)
    reached = (ops.expand_dims(scores, -1) - knots.astype(np.float32)) / widths.astype(np.float32)
    rise = ops.sum(ops.clip(reached, 0.0, 1.0) * rises.astype(np.float32), axis=-1)
    return rise + start.astype(np.float32)
