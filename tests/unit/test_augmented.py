"""Examples that are augmented and mixed anew in each epoch."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from understory.audio.features import log_mel
from understory.core import choices
from understory.training.augmentations import frequency_mask, frequency_shift, gain, time_mask, time_roll
from understory.training.averaging import MovingAverage
from understory.training.inputs.augmented import PACKAGE, Augmented, TrainingBatches, mixed_power
from understory.training.inputs.examples import Examples

VALUES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 2)),
    elements=st.floats(-100, 20, width=32),
)
SETTINGS = {"augment": [], "mixup": 0.0, "mixup_of": "values", "mixup_labels": "shares"}


@given(VALUES, st.integers(0, 99))
def test_each_augmentation_keeps_the_shape_and_its_input(values, seed):
    before = values.copy()
    for name in choices.names(PACKAGE):
        found = choices.load(PACKAGE, name).apply(values, np.random.default_rng(seed))
        assert (found.shape, found.dtype) == (values.shape, values.dtype)
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(values, before)


@given(VALUES, st.integers(0, 99))
def test_a_roll_has_the_same_frames_and_reaches_no_further_than_told(values, seed):
    frames = values.shape[1]
    rolled = time_roll.apply(values, np.random.default_rng(seed), max_share=0.3)
    reached = [np.array_equal(rolled, np.roll(values, by, axis=1)) for by in range(-frames, frames + 1)]
    most = round(0.3 * frames)
    assert any(reached[frames - most : frames + most + 1])


def test_rolls_gains_and_shifts_reach_as_far_as_told():
    values, rng = np.arange(100, dtype=np.float32).reshape(1, 100, 1), np.random.default_rng(0)
    rolls = {int(time_roll.apply(values, rng, max_share=0.1)[0, 0, 0]) for _ in range(300)}
    assert rolls == {*range(11), *range(90, 100)}
    levels = [float((gain.apply(values, rng, max_db=3.0) - values).mean()) for _ in range(300)]
    assert (min(levels), max(levels)) == (pytest.approx(-3, abs=0.1), pytest.approx(3, abs=0.1))
    ramp = np.arange(40, dtype=np.float32).reshape(40, 1, 1)
    shifts = [float((ramp - frequency_shift.apply(ramp, rng, max_bands=2.5))[20, 0, 0]) for _ in range(300)]
    assert (min(shifts), max(shifts)) == (pytest.approx(-2.5, abs=0.1), pytest.approx(2.5, abs=0.1))


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(1, 3), st.integers(0, 99))
def test_masks_are_the_mean_and_no_larger_than_told(bands, frames, share, masks, seed):
    values = np.random.default_rng(1).normal(size=(bands, frames, 1)).astype(np.float32)
    for module, axis in ((time_mask, 1), (frequency_mask, 0)):
        found = module.apply(values, np.random.default_rng(seed), masks=masks, max_share=share)
        changed = (found != values).any(axis=(1 - axis, 2))
        assert changed.sum() <= masks * round(share * values.shape[axis])
        assert (found.swapaxes(0, axis)[changed] == values.mean()).all()


BANDS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(st.integers(1, 30), BANDS, st.integers(0, 99))
def test_the_band_of_an_event_stays_as_it_is_and_all_else_is_masked_as_ever(bands, band, seed):
    values = np.random.default_rng(1).normal(size=(bands, 4, 1)).astype(np.float32)

    def masked(**sparing):
        return frequency_mask.apply(values, np.random.default_rng(seed), masks=2, max_share=0.9, **sparing)

    plain, found = masked(), masked(band=band, spare_event=True)
    np.testing.assert_array_equal(masked(band=band), plain)
    # Where the peaks of mel bands are, their neighbours begin and end.
    edges, (low, high) = np.linspace(0, 1, bands + 2), band
    inside = (edges[2:] > low) & (edges[:-2] < high)
    if (low, high) == (0, 1):
        inside[:] = False
    np.testing.assert_array_equal(found[inside], values[inside])
    np.testing.assert_array_equal(found[~inside], plain[~inside])


def test_each_example_is_given_the_band_of_its_own_event():
    steps = [{"frequency_mask": {"masks": 5, "max_share": 1.0, "spare_event": True}}]
    where = np.array([[0, 0.15], [0.85, 1], [0, 1]], np.float32)
    values = np.random.default_rng(1).normal(size=(3, 20, 4, 1)).astype(np.float32)
    source = SimpleNamespace(rows=lambda rows: values[rows].copy(), bands=lambda rows: where[rows])
    rows = np.array([2, 0, 1, 0])
    kept = np.ones((3, 20), bool)
    for seed in range(30):
        found = Augmented(source, steps).rows(rows, np.random.default_rng(seed))
        for row, each in zip(rows, found, strict=True):
            kept[row] &= (each == values[row]).all(axis=(1, 2))
    assert [np.flatnonzero(each).tolist() for each in kept] == [[0, 1, 2, 3], [16, 17, 18, 19], []]


@pytest.mark.parametrize("hertz", [120.0, 700.0, 2500.0, 9000.0])
def test_the_mel_bands_in_which_an_event_is_heard_are_spared(hertz):
    """Of a tone, from its annotation to the bands of its spectrogram."""
    options = {"n_fft": 2048, "hop": 512, "n_mels": 40, "fmin": 84.0, "fmax": 15_056.0}
    wave = np.sin(2 * np.pi * hertz * np.arange(48_000) / 48_000).astype(np.float32)
    shown = log_mel.compute(wave, sample_rate=48_000, scale="power_db", normalise="none", **options)
    index = pd.DataFrame({"example_id": ["tone", "unknown", "below"], "presence": ["present"] * 3})
    index = index.assign(present="x", absent="", f_min=[hertz - 5, 0, 10], f_max=[hertz + 5, np.inf, 20])
    folds = index[["example_id"]].assign(recording_id="a", label="x", fold=0)
    shards = [(variant, np.stack([shown] * 3), index) for variant in (0, 1)]
    band = [options["fmin"], options["fmax"]]
    data = Examples(shards, folds, ["x"], exhaustive=False, band=band)
    steps = [{"frequency_mask": {"masks": 9, "max_share": 1.0, "spare_event": True}}]
    rows = np.flatnonzero(data.index.example_id == "tone")
    assert len(rows) == 2
    for seed in range(20):
        for found in Augmented(data, steps).rows(rows, np.random.default_rng(seed)):
            kept = (found[..., 0] == shown).all(axis=1)
            assert kept[shown.mean(axis=1).argmax()]
            assert seed or kept.sum() < 20
    others = data.bands(np.flatnonzero(data.index.example_id != "tone"))
    np.testing.assert_array_equal(others, [[0, 0], [0, 0], [0, 1], [0, 1]])
    without = [(0, shards[0][1], index.drop(columns=["f_min", "f_max"]))]
    np.testing.assert_array_equal(
        Examples(without, folds, ["x"], exhaustive=False, band=band).bands([0, 1, 2]), [[0, 1]] * 3
    )


def test_there_are_as_many_masks_as_told():
    """Of many draws, some lie apart: as many stretches as masks."""
    values, seen = np.arange(200, dtype=np.float32).reshape(1, 200, 1), set()
    for seed in range(30):
        found = time_mask.apply(values, np.random.default_rng(seed), masks=3, max_share=0.1)
        changed = (found != values).astype(int).ravel()
        seen.add(int(changed[0] + (np.diff(changed) == 1).sum()))
    assert max(seen) == 3


def source(examples=7):
    values = np.random.default_rng(2).normal(size=(examples, 4, 5, 1)).astype(np.float32)
    return SimpleNamespace(rows=lambda numbers: values[numbers].copy())


def test_augmentations_are_applied_in_order_each_with_its_options():
    steps = [{"gain": {"max_db": 0.0}}, {"time_roll": {"max_share": 0.0}}]
    np.testing.assert_array_equal(
        Augmented(source(), steps).rows(np.arange(7), np.random.default_rng(0)), source().rows(np.arange(7))
    )
    steps = [{"gain": {"max_db": 3.0}}, {"time_mask": {"max_share": 1.0}}]
    found = Augmented(source(), steps).rows(np.arange(7), np.random.default_rng(0))
    rng = np.random.default_rng(0)
    for values, example in zip(found, source().rows(np.arange(7)), strict=True):
        example = time_mask.apply(gain.apply(example, rng, max_db=3.0), rng, max_share=1.0)
        np.testing.assert_array_equal(values, example)
    assert len({values.tobytes() for values in found}) == 7


def batches(settings=SETTINGS, epoch=0, **changed):
    targets = np.eye(7, dtype=np.float32)
    return TrainingBatches(
        source(),
        np.arange(7)[::-1],
        3,
        SimpleNamespace(take=lambda rows: targets[rows], shown=lambda rows: targets[rows] > 0),
        settings={**settings, **changed},
        unknown_weight=0.0,
        mixing=np.random.default_rng([1, epoch]) if changed.get("mixup") else None,
        drawing=lambda number: np.random.default_rng([2, epoch, number]),
    )


def test_without_augmentation_or_mixup_the_examples_are_as_they_are():
    found = batches()
    for number in range(3):
        inputs, targets = found[number]
        rows = np.arange(7)[::-1][number * 3 : number * 3 + 3]
        np.testing.assert_array_equal(inputs, source().rows(rows))
        assert targets.argmax(axis=1).tolist() == rows.tolist()


def test_a_batch_depends_on_the_epoch_and_its_number_and_on_nothing_before():
    settings = {"augment": [{"time_roll": {}}, {"gain": {}}], "mixup": 0.5, "mixup_of": "power"}
    whole = [batches(**settings)[number] for number in range(3)]
    later = batches(**settings)[2]
    np.testing.assert_array_equal(later[0], whole[2][0])
    np.testing.assert_array_equal(later[1], whole[2][1])
    other = batches(**settings, epoch=1)[2]
    assert (other[0] != later[0]).any()


@pytest.mark.parametrize(("of", "labels"), [("values", "shares"), ("power", "union")])
def test_mixtures_are_of_both_examples_and_of_their_labels(of, labels):
    found = batches(mixup=1.0, mixup_of=of, mixup_labels=labels)
    rng = np.random.default_rng([1, 0])
    others, weights = rng.permutation(np.arange(7)[::-1]), rng.beta(1.0, 1.0, size=7)
    for number in range(3):
        inputs, targets = found[number]
        for place in range(len(inputs)):
            at = number * 3 + place
            row, other, weight = 6 - at, others[at], weights[at]
            one, two = source().rows([row])[0], source().rows([other])[0]
            if of == "values":
                expected = weight * one + (1 - weight) * two
            else:
                expected = mixed_power(one[None], two[None], np.float32(weight).reshape(1, 1, 1, 1))[0][0]
            np.testing.assert_allclose(inputs[place], expected, atol=1e-5)
            shares = np.zeros(7)
            shares[row] += weight
            shares[other] += 1 - weight
            np.testing.assert_allclose(targets[place], shares > 0 if labels == "union" else shares, atol=1e-6)


@settings(max_examples=50)
@given(st.floats(0.01, 0.99), st.floats(-40, 40), st.floats(-40, 40))
def test_both_sounds_of_a_mixture_are_as_loud_as_their_weights_say(weight, level, other_level):
    """Two sounds in bands of their own: the amplitudes of the mixture have the ratio of the weights, however loud they were."""
    one, two = np.full((1, 2, 3, 1), -200, np.float32), np.full((1, 2, 3, 1), -200, np.float32)
    one[:, 0], two[:, 1] = level, other_level
    mixed = mixed_power(one, two, np.full((1, 1, 1, 1), weight, np.float32))[0][0, :, 0, 0]
    assert mixed[0] - mixed[1] == pytest.approx(20 * np.log10(weight / (1 - weight)), abs=0.01)
    loudness = 10 * np.log10((10 ** (mixed.astype(float) / 10)).mean())
    assert loudness == pytest.approx(weight * level + (1 - weight) * other_level - 10 * np.log10(2), abs=0.01)


def test_silence_is_not_heard_in_a_mixture():
    """Features have zeros for it, which would be the loudest sound of all."""
    own = {"n_fft": 64, "hop": 32, "n_mels": 4, "fmin": 50.0, "fmax": 4000.0}
    own |= {"sample_rate": 8000, "scale": "power_db", "normalise": "none"}
    wave = np.random.default_rng(0).normal(0, 0.01, 800).astype(np.float32)
    sound, silence = (log_mel.compute(each, **own)[None, ..., None] for each in (wave, 0 * wave))
    assert not silence.any()
    for weight in (0.0, 0.3, 1.0):
        weights = np.full((1, 1, 1, 1), weight, np.float32)
        for one, two, heard, share in (
            (sound, silence, sound, 1),
            (silence, sound, sound, 0),
            (silence, silence, silence, weight),
        ):
            mixed, shares = mixed_power(one, two, weights)
            np.testing.assert_allclose(mixed, heard, atol=1e-4)
            # Labels are those of what is heard.
            assert shares.ravel() == np.float32(share)


class Weights:
    """What stands for a model."""

    def __init__(self, *values):
        self.values = [np.array(each, np.float32) for each in values]
        self.trainable_variables = []

    def get_weights(self):
        return [each.copy() for each in self.values]

    def set_weights(self, values):
        self.values = [each.copy() for each in values]


def test_an_average_is_the_one_of_its_definition_and_goes_on_from_its_file(tmp_path):
    history = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)
    average, expected = MovingAverage(0.4), None
    for epoch, values in enumerate(history):
        model = Weights(values, 2 * values)
        share = min(0.4, epoch / (epoch + 9))
        expected = values if epoch == 0 else share * expected + (1 - share) * values
        average.add(model)
        average.save(tmp_path / "average.npz")
        average = MovingAverage(0.4)
        average.load(tmp_path / "average.npz")
        with average.within(model):
            np.testing.assert_allclose(model.values[0], expected, rtol=1e-5)
            np.testing.assert_allclose(model.values[1], 2 * expected, rtol=1e-5)
        np.testing.assert_array_equal(model.values[0], values)
    average.give(model)
    np.testing.assert_allclose(model.values[0], expected, rtol=1e-5)


def test_an_average_of_what_does_not_change_is_the_same_to_the_last_bit():
    average, weights = MovingAverage(0.9), np.random.default_rng(0).normal(size=1000).astype(np.float32)
    for _ in range(30):
        average.add(Weights(weights))
    model = Weights(weights)
    average.give(model)
    assert np.array_equal(model.values[0], weights)


def test_an_average_keeps_the_constraints_of_weights():
    import keras

    layer = keras.layers.Dense(3, use_bias=False, kernel_constraint=keras.constraints.UnitNorm(axis=0))
    model, average = keras.Sequential([keras.layers.Input((4,)), layer]), MovingAverage(0.5)
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32)
        layer.kernel.assign(values / np.linalg.norm(values, axis=0))
        average.add(model)
    average.give(model)
    np.testing.assert_allclose(np.linalg.norm(layer.kernel, axis=0), 1, rtol=1e-6)


def test_without_an_average_the_weights_are_their_own(tmp_path):
    average, model = MovingAverage(None), Weights([1.0])
    average.add(model)
    average.save(tmp_path / "average.npz")
    average.load(tmp_path / "average.npz")
    with average.within(model):
        assert model.values[0] == 1.0
    average.give(model)
    assert model.values[0] == 1.0
    assert not list(tmp_path.iterdir())
