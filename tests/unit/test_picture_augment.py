"""Augmentation of images: of any channels and depth, with draws that can be replayed."""

import colorsys
import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.core.errors import InputError
from understory.core.rng import Stage, stream
from understory.data import transforms
from understory.images.transforms import colour_jitter
from understory.images.transforms.colour_jitter import ColourJitter
from understory.images.transforms.horizontal_flip import HorizontalFlip
from understory.images.transforms.random_resized_crop import RandomResizedCrop
from understory.images.transforms.rotation import Rotation
from understory.images.transforms.vertical_flip import VerticalFlip

DEFAULT = [
    {"RandomResizedCrop": {"min_area": 0.5, "max_aspect": 1.5}},
    {"HorizontalFlip": {"p": 0.5}},
    {"VerticalFlip": {"p": 0.5}},
    {
        "OneOf": {
            "transforms": [{"Rotation": {"max_angle": 30, "border": "zero"}}, {"Rotation": {"max_angle": 5}}]
        }
    },
    {"ColourJitter": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.3, "hue": 0.1}},
]


def build(chain):
    return transforms.build(chain, "understory.images.transforms")


def image(channels=3, dtype=np.uint8, height=20, width=30, number=0):
    rng = np.random.default_rng(number)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True).astype(dtype)


def drawn(transform, number=0):
    return transform.draw(np.random.default_rng(number))


@given(
    channels=st.sampled_from([1, 2, 3, 4, 7]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    number=st.integers(0, 1000),
)
def test_what_goes_out_is_what_came_in_in_shape_and_type(channels, dtype, size, number):
    chain = build(DEFAULT)
    came = image(channels, dtype, *size)
    before = came.copy()
    draw = drawn(chain, number)
    out = chain.apply(came, draw)
    assert (out.shape, out.dtype) == (came.shape, dtype)
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(came, before)
    again = build(DEFAULT).apply(came, json.loads(json.dumps(draw)))
    np.testing.assert_array_equal(out, again)


def test_sound_is_not_augmented_here():
    with pytest.raises(
        InputError,
        match=r"augment.chain: expected a transform in understory.images.transforms, found PitchShift",
    ):
        build([{"OneOf": {"transforms": [{"PitchShift": {"max_steps": 2}}]}}])


def test_draws_are_of_their_example_and_copy():
    chain = build(DEFAULT)
    draws = [
        chain.draw(stream(27, Stage.AUGMENT, name, variant))
        for name, variant in (("a", 1), ("a", 2), ("b", 1))
    ]
    assert draws[0] == chain.draw(stream(27, Stage.AUGMENT, "a", 1))
    assert draws[0] != draws[1] != draws[2] != draws[0]


def test_probabilities():
    for transform, options in (
        (HorizontalFlip, {}),
        (VerticalFlip, {}),
        (Rotation, {"max_angle": 5}),
        (RandomResizedCrop, {"min_area": 0.5}),
        (ColourJitter, {"hue": 0.1}),
    ):
        built = transform(**options, p=0.25)
        assert 200 < sum(drawn(built, number) is not None for number in range(1000)) < 300
        came = image()
        assert built.apply(came, None) is came
    one = build([{"OneOf": {"transforms": [{"HorizontalFlip": {}}, {"VerticalFlip": {}}]}}])
    assert 150 < sum(drawn(one, number)["each"][0]["choice"] for number in range(400)) < 250


@given(min_area=st.floats(0.01, 1), max_aspect=st.floats(1, 4), number=st.integers(0, 10_000))
def test_a_part_has_the_area_and_the_aspect_that_it_may(min_area, max_aspect, number):
    draw = drawn(RandomResizedCrop(min_area=min_area, max_aspect=max_aspect), number)
    assert min_area - 1e-9 <= draw["height"] * draw["width"] <= 1
    assert 1 / max_aspect - 1e-9 <= draw["width"] / draw["height"] <= max_aspect + 1e-9
    assert 0 <= draw["top"] <= draw["top"] + draw["height"] <= 1 + 1e-9
    assert 0 <= draw["left"] <= draw["left"] + draw["width"] <= 1 + 1e-9


def test_parts_are_of_all_sizes_and_everywhere():
    transform = RandomResizedCrop(min_area=0.2, max_aspect=2.0)
    draws = [drawn(transform, number) for number in range(500)]
    areas = [draw["height"] * draw["width"] for draw in draws]
    aspects = np.log([draw["width"] / draw["height"] for draw in draws])
    assert min(areas) < 0.25 < 0.95 < max(areas)
    assert aspects.min() < -0.6 < 0.6 < aspects.max()
    assert abs(aspects.mean()) < 0.05
    assert max(draw["top"] + draw["height"] / 2 for draw in draws) > 0.65
    assert min(draw["left"] + draw["width"] / 2 for draw in draws) < 0.35


def test_a_part_is_stretched_to_the_whole():
    came = image()
    crop = RandomResizedCrop(min_area=0.1)
    whole = {"top": 0.0, "left": 0.0, "height": 1.0, "width": 1.0}
    np.testing.assert_array_equal(crop.apply(came, whole), came)
    part = crop.apply(came, {"top": 0.25, "left": 0.5, "height": 0.5, "width": 0.5})
    np.testing.assert_array_equal(part, cv2.resize(came[5:15, 15:], (30, 20)))


def test_images_are_mirrored():
    came = image(5, np.uint16)
    flip, turn = HorizontalFlip(), VerticalFlip()
    np.testing.assert_array_equal(flip.apply(came, {}), came[:, ::-1])
    np.testing.assert_array_equal(turn.apply(came, {}), came[::-1])


@pytest.mark.parametrize("channels", [1, 3, 7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_quarter_turn_is_exact(channels, dtype):
    came = image(channels, dtype, 21, 21)
    rotation = Rotation(max_angle=90)
    np.testing.assert_array_equal(rotation.apply(came, {"angle": 90.0}), np.rot90(came))
    np.testing.assert_array_equal(rotation.apply(came, {"angle": 0.0}), came)


def test_corners_are_filled():
    came = np.full((21, 31, 2), 200, np.uint8)
    angles = [drawn(Rotation(max_angle=20), number)["angle"] for number in range(300)]
    assert -20 <= min(angles) < -15 < 15 < max(angles) <= 20
    assert (Rotation(max_angle=20).apply(came, {"angle": 20.0}) == 200).all()
    zero = Rotation(max_angle=20, border="zero").apply(came, {"angle": 20.0})
    assert not zero[0, 0].any()
    assert (zero[10, 15] == 200).all()


def jittered(came, **changes):
    none = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    return ColourJitter(hue=0.5).apply(came, {**none, **changes})


@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (3, np.uint16), (7, np.uint16)]
)
def test_brightness_and_contrast(channels, dtype):
    came = image(channels, dtype) // 3 + 20
    np.testing.assert_array_equal(jittered(came), came)
    brighter = jittered(came, brightness=0.5).astype(float)
    assert np.abs(brighter - 1.5 * came).max() <= 0.51
    lower = jittered(came, contrast=-1.0)
    # Of a photograph, about one grey; of others, each channel about its own.
    levels = np.unique(lower.reshape(-1, channels), axis=0)
    assert len(levels) == 1
    if (channels, dtype) != (3, np.uint8):
        np.testing.assert_allclose(levels[0], came.mean(axis=(0, 1)), atol=1)
    else:
        np.testing.assert_allclose(levels[0], (came @ colour_jitter.GREY).mean(), atol=1)
    twice = jittered(came, contrast=1.0).astype(float).std()
    assert twice == pytest.approx(2 * came.astype(float).std(), rel=0.3)


def test_where_there_is_nothing_there_stays_nothing():
    for dtype, channels in ((np.uint16, 3), (np.uint8, 4)):
        came = image(channels, dtype)
        came[:5] = 0
        out = jittered(came, brightness=0.3, contrast=-0.5, saturation=0.4, hue=0.3)
        assert not out[:5].any()
        np.testing.assert_array_equal(out, jittered(came, brightness=0.3, contrast=-0.5))


def test_saturation_and_hue_of_photographs():
    came = image()
    grey = jittered(came, saturation=-1.0)
    assert np.ptp(grey, axis=2).max() == 0
    np.testing.assert_allclose(grey[..., 0], came @ np.array([0.299, 0.587, 0.114]), atol=0.51)
    for hue in (-0.3, 0.25, 0.5):
        out = jittered(came, hue=hue)
        for one, other in zip(came.reshape(-1, 3), out.reshape(-1, 3), strict=True):
            tone, saturation, value = colorsys.rgb_to_hsv(*(one / 255))
            expected = np.array(colorsys.hsv_to_rgb((tone + hue) % 1, saturation, value)) * 255
            np.testing.assert_allclose(other, expected, atol=1)


def test_draws_stay_within_their_bounds():
    transform = ColourJitter(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.05)
    draws = [drawn(transform, number) for number in range(300)]
    for name, most in (("brightness", 0.1), ("contrast", 0.2), ("saturation", 0.3), ("hue", 0.05)):
        values = [draw[name] for draw in draws]
        assert -most <= min(values) < -0.8 * most < 0.8 * most < max(values) <= most
