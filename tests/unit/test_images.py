"""Photographs: what is read of them, what is refused, and how they are brought to a size."""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from understory.core.errors import InputError
from understory.data import store as tables
from understory.images import codec, photographs, pixels, store
from understory.images.features import picture as picture_features

RNG = np.random.default_rng(0)
PICTURE = cv2.GaussianBlur(RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8), (0, 0), 2)


def jpeg(picture=PICTURE, **options):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def png(picture=PICTURE, mode=None):
    out = io.BytesIO()
    Image.fromarray(picture, mode).save(out, "PNG")
    return out.getvalue()


def read(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    return photographs.read(tmp_path / "a.jpg")


def test_a_photograph_is_red_green_and_blue(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, png()), PICTURE)
    assert np.abs(read(tmp_path, jpeg()).astype(int) - PICTURE).mean() < 4
    grey = PICTURE[..., 0]
    np.testing.assert_array_equal(read(tmp_path, png(grey)), np.stack([grey] * 3, axis=2))
    deep = cv2.imencode(".png", PICTURE[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    np.testing.assert_array_equal(read(tmp_path, deep), PICTURE)
    clear = np.concatenate([PICTURE, np.full((90, 120, 1), 7, np.uint8)], axis=2)
    np.testing.assert_array_equal(read(tmp_path, png(clear)), PICTURE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright_as_its_exif_orientation_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    found = read(tmp_path, data)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1


FORMS = {
    "baseline": jpeg(),
    "progressive": jpeg(progressive=True),
    "grey": jpeg(PICTURE[..., 0]),
    "png": png(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_cut_is_found_out_wherever_it_was(tmp_path, form):
    data = FORMS[form]
    assert read(tmp_path, data).shape == (90, 120, 3)
    for length in [*range(20, len(data), max(1, len(data) // 60)), *range(len(data) - 8, len(data))]:
        with pytest.raises(
            InputError, match=r"expected a whole .* file, found that it is damaged or cut short"
        ):
            read(tmp_path, data[:length])
        # Of a PNG, the last four bytes are the checksum of nothing.
        if form != "png" or length < len(data) - 4:
            with pytest.raises(InputError, match="damaged or cut short"):
                read(tmp_path, data[:length].ljust(len(data), b"\0"))


@pytest.mark.parametrize("form", ["baseline", "progressive", "grey"])
def test_a_file_that_was_cut_and_closed_again_is_found_out(tmp_path, form):
    """Decoders fill in what is missing."""
    data = FORMS[form]
    for length in (len(data) // 3, len(data) // 2, 3 * len(data) // 4):
        with pytest.raises(InputError, match="damaged or cut short"):
            read(tmp_path, data[:length] + b"\xff\xd9")


def test_what_follows_a_whole_photograph_does_no_harm(tmp_path):
    """As telephones put it there."""
    assert read(tmp_path, FORMS["baseline"] + bytes(500)).shape == (90, 120, 3)
    assert read(tmp_path, FORMS["baseline"] * 2).shape == (90, 120, 3)
    # Of a film, bytes may look like the start of a scan without an end.
    assert read(tmp_path, FORMS["progressive"] + b"\xff\xda film").shape == (90, 120, 3)


def test_the_end_of_a_picture_within_a_photograph_is_not_its_own(tmp_path):
    """As that of a preview is, which lies in a segment of its header."""
    data = FORMS["baseline"]
    preview = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    whole = data[:2] + preview + data[2:]
    assert read(tmp_path, whole).shape == (90, 120, 3)
    with pytest.raises(InputError, match="damaged or cut short"):
        read(tmp_path, whole[:-2])


def test_a_changed_byte_of_a_png_is_found_out(tmp_path):
    data = bytearray(FORMS["png"])
    data[len(data) // 2] ^= 1
    with pytest.raises(InputError, match="damaged or cut short"):
        read(tmp_path, bytes(data))


def header(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected an image, found an empty file"),
        (b"<html>404", "expected a JPEG or PNG file, found one that begins with b'<html>404'"),
        (b"GIF89a", "expected a JPEG or PNG file"),
        (b"\xff\xd8\xff", "expected a whole JPEG file"),
        (b"\x89PNG\r\n\x1a\n", "expected a whole PNG file"),
        (header(0, 4), "expected a whole PNG file"),
        (header(40_000, 40_000), f"found one of more than {2**28} pixels"),
    ],
)
def test_what_is_no_photograph(tmp_path, data, said):
    with pytest.raises(InputError, match=said):
        read(tmp_path, data)


def test_what_is_no_regular_file_is_no_photograph(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, found in (("none", "none"), (".", "a folder"), ("pipe", "a pipe, a socket or a device")):
        with pytest.raises(InputError, match=f"expected an image, found {found}"):
            photographs.read(tmp_path / name)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("smooth", [True, False])
def test_channels_are_resized_each_by_itself(channels, dtype, smooth):
    picture = RNG.integers(0, np.iinfo(dtype).max, (13, 17, channels)).astype(dtype)
    for height, width in ((5, 6), (20, 30), (13, 17)):
        found = pixels.resized(picture, height, width, smooth=smooth)
        assert (found.shape, found.dtype) == ((height, width, channels), dtype)
        how = cv2.INTER_AREA if smooth and height < 13 else cv2.INTER_LINEAR
        for channel in range(channels):
            one = cv2.resize(np.ascontiguousarray(picture[..., channel]), (width, height), interpolation=how)
            np.testing.assert_array_equal(found[..., channel], one)


@given(height=st.integers(1, 60), width=st.integers(1, 60), longest=st.integers(1, 60))
def test_no_side_is_longer_than_the_longest(height, width, longest):
    found = pixels.limited(np.ones((height, width, 3), np.uint8), longest).shape
    assert max(found[:2]) == min(longest, max(height, width))
    share = min(1, longest / max(height, width))
    assert abs(found[0] - share * height) <= 1
    assert abs(found[1] - share * width) <= 1


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([1, 3, 5]),
    how=st.sampled_from(["stretch", "pad", "crop"]),
)
def test_what_is_fitted_has_the_size_and_keeps_its_aspect(height, width, size, channels, how):
    picture = np.full((height, width, channels), 200, np.uint8)
    found = pixels.fit(picture, size=size, how=how)
    assert found.shape == (*size, channels)
    seen = found[..., 0] > 0
    if how != "pad":
        assert seen.all()
        return
    share = min(size[0] / height, size[1] / width)
    for axis, side, want in ((1, height, size[0]), (0, width, size[1])):
        filled = np.flatnonzero(seen.any(axis=axis))
        assert abs(len(filled) - max(1, share * side)) <= 0.5 + 1e-9
        before, after = filled[0], want - 1 - filled[-1]
        assert abs(before - after) <= 1
        assert len(filled) == filled[-1] - filled[0] + 1


def test_the_middle_is_cut_out_and_none_of_the_rest():
    picture = np.zeros((10, 30, 1), np.uint8)
    picture[:, 10:20] = 255
    assert (pixels.fit(picture, size=(10, 10), how="crop") == 255).all()
    padded = pixels.fit(picture, size=(30, 30), how="pad")
    assert (padded[10:20, 10:20] == 255).all()
    assert padded.sum() == 255 * 100


def test_a_picture_of_eight_bits():
    deep = RNG.integers(0, 4000, (9, 8, 2)).astype(np.uint16)
    deep[..., 1] = 0
    most = pixels.scaled(deep, how="max")
    np.testing.assert_array_equal(most[..., 0], (deep[..., 0] / np.max(deep[..., 0]) * 255).astype(np.uint8))
    assert not most[..., 1].any()
    window = pixels.scaled(deep, how="window", windows=[(1000.0, 2000.0), (0.0, 0.0)])[..., 0]
    expected = [
        [round(255 * min(max((v - 1000) / 1000, 0), 1)) for v in map(int, row)] for row in deep[..., 0]
    ]
    np.testing.assert_array_equal(window, expected)
    share = pixels.scaled(deep, how="percentile")[..., 0]
    assert (share.min(), share.max()) == (0, 255)
    assert (np.diff(share.ravel()[np.argsort(deep[..., 0].ravel())].astype(int)) >= 0).all()
    # One bright pixel does not make the others dark.
    bright = np.full((100, 100, 1), 100, np.uint16)
    bright[:50] = 0
    bright[60, 60] = 60_000
    assert pixels.scaled(bright, how="percentile")[80, 80, 0] == 255
    assert pixels.scaled(bright, how="max")[80, 80, 0] == 0
    np.testing.assert_array_equal(pixels.scaled(PICTURE, how="none"), PICTURE)
    for picture, how in ((deep, "none"), (PICTURE, "window")):
        with pytest.raises(InputError, match="scale: expected"):
            pixels.scaled(picture, how=how)


def test_the_box_of_what_is_seen():
    picture = np.zeros((100, 50, 2), np.uint16)
    picture[20:60, 10:30, 0] = 1000
    picture[30:70, 15:40, 1] = 30
    picture += RNG.integers(0, 2, picture.shape).astype(np.uint16)
    box = pixels.content_box(picture)
    np.testing.assert_allclose(box, [0.2, 0.7, 0.2, 0.8])
    assert pixels.within(picture, box).shape == (50, 30, 2)
    assert pixels.content_box(np.zeros((9, 9, 1), np.uint16)) is None
    assert pixels.union([None, box, (0.1, 0.3, 0.4, 0.9)]) == (0.1, 0.7, 0.2, 0.9)
    assert pixels.union([None]) is None
    assert pixels.within(picture, None) is picture
    assert pixels.within(picture, (0.5, 0.501, 0.999, 1.0)).shape == (1, 1, 2)


PICTURES = [
    RNG.integers(0, np.iinfo(dtype).max, (5 + number, 7, channels)).astype(dtype)
    for dtype in (np.uint8, np.uint16)
    for number, channels in enumerate((1, 2, 3, 4, 5, 9))
]
TABLE = pd.DataFrame({"example_id": [f"{number:02}" for number in range(len(PICTURES))]})


def test_pictures_come_back_from_the_store_as_they_were(tmp_path):
    paths = (tmp_path / "a.npy", tmp_path / "a.csv")
    store.write(*paths, iter(PICTURES), lambda: TABLE)
    found, index = store.read(*paths)
    assert index.equals(TABLE)
    assert (len(found), found.shape) == (len(PICTURES), (len(PICTURES), 5, 7, 1))
    for number in RNG.permutation(len(PICTURES)):
        np.testing.assert_array_equal(found[number], PICTURES[number])
        assert found[number].dtype == PICTURES[number].dtype
    np.testing.assert_array_equal(found[-1], PICTURES[-1])
    assert len(list(found)) == len(PICTURES)
    for one, other in zip(found, PICTURES, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(IndexError):
        found[len(PICTURES)]
    first = [path.read_bytes() for path in paths]
    store.write(*paths, PICTURES, TABLE)
    assert [path.read_bytes() for path in paths] == first
    store.write(*paths, [], TABLE[:0])
    found, index = store.read(*paths)
    assert (len(found), found.shape, len(index)) == (0, (0,), 0)


def test_photographs_are_kept_as_jpeg_and_nothing_else_is(tmp_path):
    small, fine = codec.encode(PICTURE, quality=30), codec.encode(PICTURE, quality=95)
    assert len(small) < len(fine)
    assert small.startswith(b"\xff\xd8")
    assert np.abs(codec.decode(np.frombuffer(fine, np.uint8), 3).astype(int) - PICTURE).mean() < 2
    assert codec.encode(PICTURE).startswith(b"\x89PNG")
    for picture in (PICTURE.astype(np.uint16), PICTURE[..., :1], PICTURE[..., [0, 1, 2, 0]]):
        data = codec.encode(picture, quality=30)
        np.testing.assert_array_equal(codec.decode(np.frombuffer(data, np.uint8), picture.shape[2]), picture)
    for bad in (PICTURE.astype(float), PICTURE[..., 0], PICTURE[:0]):
        with pytest.raises(ValueError, match="expected an image of uint8 or uint16"):
            codec.encode(bad)


def test_pictures_that_do_not_belong_to_their_table_are_found_out(tmp_path):
    paths = (tmp_path / "a.npy", tmp_path / "a.csv")
    with pytest.raises(ValueError, match="expected as many images as rows, found 12 rows and 1 images"):
        store.write(*paths, PICTURES[:1], TABLE)
    assert not paths[0].exists()
    store.write(*paths, PICTURES, TABLE)
    whole = tables.read_table(paths[1])
    for table in (whole[:-1], whole[::-1], whole[:0], whole.iloc[[1, 0, *range(2, 12)]]):
        tables.write_table(paths[1], table)
        with pytest.raises(InputError, match=r"a.npy: expected images of \d+ bytes, as .*a.csv says, found"):
            store.read(*paths)
    tables.write_table(paths[1], whole.assign(channels=2))
    found, _ = store.read(*paths)
    with pytest.raises(InputError, match=r"a.npy: item 4: expected an image of 2 channels.*made again"):
        found[4]
    tables.write_table(paths[1], whole)
    data = bytearray(paths[0].read_bytes())
    data[-40:] = bytes(40)
    paths[0].write_bytes(data)
    found, _ = store.read(*paths)
    np.testing.assert_array_equal(found[0], PICTURES[0])
    with pytest.raises(InputError, match=r"item 11: expected an image, found bytes that cannot be decoded"):
        found[11]


def test_a_photograph_as_a_model_is_given_it():
    def fed(row=None, sequences=(), **options):
        row = {"recording_id": "a", **(row or {})}
        settings = {"size": [6, 8], "fit": "stretch", **options}
        (image,) = picture_features.compute(lambda: iter([(PICTURE, row)]), sequences=sequences, **settings)
        channels = picture_features.shape(sequences, **settings)[2]
        assert image.shape == (*settings["size"], channels)
        return image

    np.testing.assert_array_equal(fed(), cv2.resize(PICTURE, (8, 6)))
    names = ["a", "b", "c"]
    chosen = fed(sequences=names, channels=["c", "a"])
    np.testing.assert_array_equal(chosen, cv2.resize(PICTURE, (8, 6))[..., [2, 0]])
    windows = {"windows": "0 1;0 9;50 200"}
    found = fed(windows, names, size=[90, 120], scale="window", channels=["c"])
    expected = pixels.scaled(PICTURE[..., 2:], how="window", windows=[(50.0, 200.0)])
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(InputError, match=r"channels: expected some of images.sequences \(none\), found T1w"):
        fed(channels=["T1w"])


def test_all_images_of_a_recording_are_cut_to_one_box():
    images = []
    for top, recording in ((0, "a"), (40, "b"), (20, "a")):
        image = np.zeros((100, 100, 3), np.uint8)
        image[top : top + 20, 50:60] = 255
        images.append((image, {"recording_id": recording}))
    options = {"size": [40, 10], "fit": "stretch", "crop_to_content": True}
    a, b, also_a = picture_features.compute(lambda: iter(images), sequences=(), **options)
    assert (a[:20] == 255).all()
    assert not a[20:].any()
    assert (also_a[20:] == 255).all()
    assert not also_a[:20].any()
    assert (b == 255).all()
