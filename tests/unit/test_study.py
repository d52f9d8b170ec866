"""Studies: which of their slices are taken, and what is read of each."""

import itertools
import math
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from understory.core.errors import InputError
from understory.images import dicom, study
from understory.images import read as image_read
from understory.images.features import picture as picture_features
from understory.images.pixels import content_box, turned, turned_back, union, within

SLICES = {"start": 0.25, "stop": 0.75, "step": 3, "all_below": 10}
ORIGINAL = {
    "size": [32, 32],
    "fit": "stretch",
    "channels": ["T1wCE"],
    "scale": "max",
    "crop_to_content": False,
    "oriented": False,
}
AXIAL = (1, 0, 0, 0, 1, 0)
FRAME = generate_uid(entropy_srcs=["frame"])
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(1, 2000, (12, 10)).astype(np.uint16)


def written(path, pixels=PIXELS, *, place=None, orientation=AXIAL, frame=FRAME, **tags):
    """A DICOM file of these pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(pixels.dtype == np.int16)
    dataset.PixelData = pixels.tobytes()
    if orientation is not None:
        dataset.ImageOrientationPatient = list(map(float, orientation))
    if place is not None:
        dataset.ImagePositionPatient = list(map(float, place))
        dataset.FrameOfReferenceUID = frame
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_slices_are_sorted_as_numbers(real, tmp_path, monkeypatch):
    found, other = study.numbered(real("rsna-miccai") / "layout_sample/train/99999/T1w")
    assert list(found) == [1, *range(97, 282, 8), 384]
    assert [path.name for path in found.values()] == [f"Image-{number}.dcm" for number in found]
    assert other == []
    for name in (
        "Image-10.dcm",
        "Image-2.dcm",
        "Image-02.dcm",
        "IMG.dcm",
        "7.DCM",
        "notes.txt",
        "._Image-9.dcm",
    ):
        (tmp_path / name).touch()
    found, other = study.numbered(tmp_path)
    assert [path.name for path in found.values()] == ["Image-02.dcm", "7.DCM", "Image-10.dcm"]
    assert other == [
        ("IMG.dcm", "expected a name that ends in a number, such as Image-1.dcm"),
        ("Image-2.dcm", "expected each number once, found that of Image-02.dcm again"),
    ]
    assert study.numbered(tmp_path / "none") == ({}, [])

    def denied(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    with monkeypatch.context() as patch:
        patch.setattr(study.os, "listdir", denied)
        said = "expected a folder, found that it cannot be read (Permission denied)"
        assert study.numbered(tmp_path) == ({}, [("", said)])
    assert study.numbered(tmp_path / "7.DCM") == ({}, [("", "expected a folder, found a file")])


def test_slices_are_chosen_as_the_published_notebooks_do():
    for count in range(300):
        stack = list(range(count))
        every = 1 if count < 10 else 3
        assert list(study.chosen(count, **SLICES)) == stack[int(count * 0.25) : int(count * 0.75) : every]


def signed_axes():
    for first, second in itertools.permutations(range(3), 2):
        for signs in itertools.product((1, -1), repeat=2):
            columns, rows = np.zeros(3), np.zeros(3)
            columns[first], rows[second] = signs
            yield (*columns, *rows)


def tilted(orientation, degrees):
    """Turned about an axis that is none of the three."""
    axis = np.array([1.0, 2.0, 3.0]) / math.sqrt(14)
    angle = math.radians(degrees)

    def rotated(v):
        v = np.array(v)
        return (
            v * math.cos(angle)
            + np.cross(axis, v) * math.sin(angle)
            + axis * (axis @ v) * (1 - math.cos(angle))
        )

    return (*rotated(orientation[:3]), *rotated(orientation[3:]))


@pytest.mark.parametrize("degrees", [0, 12, -15])
@pytest.mark.parametrize("orientation", list(signed_axes()))
def test_a_slice_lies_as_it_is_looked_at(orientation, degrees):
    """By the coordinates of its pixels in the patient (DICOM PS3.3, C.7.6.2.1.1)."""
    cosines = np.array(tilted(orientation, degrees))
    row, column = np.mgrid[:4, :5]
    left, back, head = (cosines[axis] * column + cosines[3 + axis] * row for axis in range(3))
    across = int(np.abs(np.cross(orientation[:3], orientation[3:])).argmax())
    # What grows to the right, and what grows downwards.
    right, down = {0: (back, -head), 1: (left, -head), 2: (left, back)}[across]
    turn = dicom.turn_of(cosines)
    assert (np.diff(turned(right, turn), axis=1) > 0).all()
    assert (np.diff(turned(down, turn), axis=0) > 0).all()
    np.testing.assert_array_equal(turned_back(turned(row, turn), turn), row)


def test_what_has_no_orientation_is_left_as_it_is(tmp_path):
    assert dicom.turn_of(None) == 0
    assert dicom.read(written(tmp_path / "1.dcm", orientation=None)).turn == 0
    assert dicom.read(written(tmp_path / "2.dcm", orientation=(1, 0, 0, 1, 0, 0))).turn == 0
    found = dicom.read(written(tmp_path / "3.dcm", orientation=(0, -1, 0, 1, 0, 0)))
    assert found.pixels.shape == PIXELS.shape[::-1]
    np.testing.assert_array_equal(turned_back(found.pixels, found.turn), PIXELS)


def test_values_are_rescaled_inverted_and_windowed(tmp_path):
    path = tmp_path / "1.dcm"
    np.testing.assert_array_equal(dicom.read(written(path)).pixels, PIXELS)
    assert dicom.read(path).window == (PIXELS.min(), PIXELS.max())
    found = dicom.read(
        written(path, RescaleSlope=2, RescaleIntercept=10, WindowCenter=[500, 9], WindowWidth=[201, 9])
    )
    np.testing.assert_array_equal(found.pixels, 2 * PIXELS + 10)
    assert found.window == (399.5, 599.5)
    # Below zero: from zero on, its window with it.
    found = dicom.read(written(path, RescaleSlope=1, RescaleIntercept=-1000, WindowCenter=40, WindowWidth=80))
    np.testing.assert_array_equal(found.pixels, PIXELS - PIXELS.min())
    assert found.window == (1000.0 - PIXELS.min(), 1079.0 - PIXELS.min())
    found = dicom.read(written(path, RescaleSlope="0.001", RescaleIntercept=0))
    np.testing.assert_allclose(found.pixels / 65535, PIXELS / PIXELS.max(), atol=1e-5)
    found = dicom.read(
        written(path, PhotometricInterpretation="MONOCHROME1", WindowCenter=100.5, WindowWidth=1)
    )
    np.testing.assert_array_equal(found.pixels, PIXELS.max() - PIXELS)
    assert found.window == (PIXELS.max() - 100.0, PIXELS.max() - 100.0)
    signed = PIXELS.astype(np.int16) - 700
    np.testing.assert_array_equal(dicom.read(written(path, signed)).pixels, signed - signed.min())
    # A window that is none.
    assert dicom.read(written(path, WindowCenter=5, WindowWidth=0)).window == (PIXELS.min(), PIXELS.max())


def test_a_slice_of_one_value_is_none(real, tmp_path):
    assert dicom.read(written(tmp_path / "1.dcm", np.zeros_like(PIXELS))) is None
    assert dicom.read(written(tmp_path / "1.dcm", np.full_like(PIXELS, 7))) is None
    folder = real("rsna-miccai") / "layout_sample/train/99999/T1w"
    assert dicom.read(folder / "Image-384.dcm") is None
    assert dicom.read(folder / "Image-1.dcm").pixels.max() == 99


SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.mark.parametrize("form", ["RLE", "bigendian", "expb", "implicit", "jp2klossless", "padded"])
@pytest.mark.filterwarnings("ignore:The pixel data is 8320 bytes:UserWarning")
def test_other_transfer_syntaxes_hold_the_same(form):
    plain = dicom.read(SAMPLES / "MR_small.dcm")
    found = dicom.read(SAMPLES / f"MR_small_{form}.dcm")
    np.testing.assert_array_equal(found.pixels, plain.pixels)
    assert (found.window, found.turn) == (plain.window, plain.turn) == ((-200.0, 1399.0), 0)
    np.testing.assert_array_equal(plain.pixels, pydicom.dcmread(SAMPLES / "MR_small.dcm").pixel_array)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MR_truncated.dcm", r"cannot be decoded: The number of bytes of pixel data is less than expected"),
        ("MR_small_jpeg_ls_lossless.dcm", r"cannot be decoded: Unable to decompress 'JPEG-LS Lossless"),
        ("no_meta.dcm", r"expected a DICOM file, found that it cannot be read"),
        ("rtdose.dcm", r"expected one grey slice, found MONOCHROME2 pixels of shape \(15, 10, 10\)"),
        ("examples_rgb_color.dcm", r"expected one grey slice, found RGB pixels"),
        ("examples_palette.dcm", r"expected one grey slice, found PALETTE COLOR pixels"),
        ("rtplan.dcm", "found that it cannot be decoded"),
        ("none.dcm", "expected a DICOM file, found none"),
        (".", "expected a DICOM file, found a folder"),
    ],
)
def test_what_is_no_slice_is_set_aside_in_words(name, said):
    with pytest.raises(InputError, match=said):
        dicom.read(SAMPLES / name)


def test_a_file_is_read_whole_or_not_at_all(tmp_path):
    """Wherever it was cut, and whichever of its bytes was changed."""
    data = written(tmp_path / "1.dcm", place=(0, 0, 0), WindowCenter=5, WindowWidth=9).read_bytes()
    plain = dicom.read(tmp_path / "1.dcm")
    for length in range(0, len(data), 7):
        (tmp_path / "1.dcm").write_bytes(data[:length])
        with pytest.raises(InputError, match="expected"):
            dicom.read(tmp_path / "1.dcm")
    for place in range(0, len(data) - PIXELS.nbytes, 3):
        (tmp_path / "1.dcm").write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = dicom.read(tmp_path / "1.dcm")
            except InputError:
                continue
        assert found is None or found.pixels.size == plain.pixels.size


def stack(folder, count, *, first=1, pixels=None, **options):
    for number in range(count):
        values = pixels(number) if pixels else PIXELS + number
        written(folder / f"Image-{first + number}.dcm", values.astype(np.uint16), **options)


def test_a_study_is_what_of_it_can_be_used(tmp_path):
    stack(tmp_path / "T1w", 12, first=5)
    written(tmp_path / "T1w/Image-8.dcm", np.zeros_like(PIXELS))
    cut = tmp_path / "T1w/Image-11.dcm"
    cut.write_bytes(cut.read_bytes()[:-20])
    (tmp_path / "T1w/Image-x.dcm").touch()
    stack(tmp_path / "FLAIR", 2)
    (tmp_path / "FLAIR/Image-1.dcm").write_bytes(b"")
    found, set_aside = study.inspect(tmp_path, sequences=["T1wCE", "T1w", "FLAIR"], slices=SLICES)
    # Of 5 to 16 those at places 3 and 6, of which one is all zero and the other cut short, are no use.
    assert found == (10, 12, "T1w-10")
    assert {place: reason.split(",")[0] for place, reason in set_aside} == {
        "T1w/Image-x.dcm": "expected a name that ends in a number",
        "T1w/Image-11.dcm": "expected a slice",
        "FLAIR/Image-1.dcm": "expected a DICOM file",
    }
    written(cut)
    assert study.inspect(tmp_path, sequences=["T1wCE", "T1w"], slices=SLICES)[0] == (10, 12, "T1w-11")
    assert study.inspect(tmp_path, sequences=["FLAIR"], slices=SLICES)[0] == (10, 12, "FLAIR-2")


def test_a_study_without_a_slice_is_refused(tmp_path):
    (tmp_path / "T1w").mkdir()
    written(tmp_path / "T1w/Image-1.dcm", np.zeros_like(PIXELS))
    said = r"expected a slice that can be used in T1w, FLAIR, found none \(quarantined: 0\)$"
    with pytest.raises(InputError, match=said):
        study.inspect(tmp_path, sequences=["T1w", "FLAIR"], slices=SLICES)
    (tmp_path / "T1w/Image-2.dcm").write_bytes(b"x")
    with pytest.raises(InputError, match=r"quarantined: 1\); T1w/Image-2.dcm: expected a DICOM file"):
        study.inspect(tmp_path, sequences=["T1w", "FLAIR"], slices=SLICES)
    for place, found in (("none", "none"), ("T1w/Image-2.dcm", "a file")):
        with pytest.raises(
            InputError, match=f"expected a folder with the sequences of a study, found {found}"
        ):
            study.inspect(tmp_path / place, sequences=["T1w"], slices=SLICES)


def flat(number):
    """A slice that tells its number wherever it is looked at, but for one pixel."""
    pixels = np.full((8, 8), 100 * (number + 1), np.uint16)
    pixels[0, 0] = 0
    return pixels


def matched(folder, sequences):
    items = study.inspect(folder, sequences=sequences, slices={**SLICES, "all_below": 99})[0][2]
    return {
        taken.item: taken.image[4, 4].tolist() for taken in study.read(folder, items, sequences=sequences)
    }


def test_sequences_are_matched_by_their_places_in_the_stack(tmp_path):
    stack(tmp_path / "T1w", 9, pixels=flat, orientation=None)
    stack(tmp_path / "FLAIR", 17, first=30, pixels=flat, orientation=None)
    found = matched(tmp_path, ["FLAIR", "T2w", "T1w"])
    # The first that is there is what the others are matched with; one that is missing is zeros.
    assert next(iter(found)) == "FLAIR-34"
    for item, (own, absent, other) in found.items():
        place = int(item.split("-")[1]) - 30
        assert (own, absent) == (100 * (place + 1), 0)
        assert abs(other / 100 - 1 - place / 2) <= 0.5
    found = matched(tmp_path, ["T1w", "FLAIR"])
    assert {item: other for item, (_, other) in found.items()} == {
        f"T1w-{place + 1}": 100 * (2 * place + 1) for place in range(2, 6)
    }


def test_sequences_are_matched_by_their_places_in_the_patient(tmp_path):
    """Also where one runs the other way and begins elsewhere."""
    for number in range(9):
        written(tmp_path / f"T1w/Image-{number}.dcm", flat(number), place=(0, 0, 5 * number))
        written(tmp_path / f"FLAIR/Image-{number}.dcm", flat(number), place=(7, 7, 40 - 4 * number))
        # Of another frame of reference, by its place in the stack.
        written(tmp_path / f"T2w/Image-{number}.dcm", flat(number), place=(0, 0, -number), frame="1.2.3")
        # Upside down, so that its normal points the other way.
        written(
            tmp_path / f"DWI/Image-{number}.dcm",
            flat(number),
            place=(0, 0, 40 - 5 * number),
            orientation=(1, 0, 0, 0, -1, 0),
        )
        # Across the others, so that their places cannot be compared.
        written(
            tmp_path / f"PD/Image-{number}.dcm",
            flat(number),
            place=(number, 0, 0),
            orientation=(0, 1, 0, 0, 0, -1),
        )
    sequences = ["T1w", "FLAIR", "T2w", "PD", "DWI"]
    for item, (own, flair, t2w, pd, dwi) in matched(tmp_path, sequences).items():
        number = int(item.split("-")[1])
        assert own == t2w == pd == 100 * (number + 1)
        nearest = min(range(9), key=lambda other, number=number: abs((40 - 4 * other) - 5 * number))
        assert flair == 100 * (nearest + 1)
        assert dwi == 100 * (8 - number + 1)


def test_the_nearest_slice_that_can_be_used_is_taken_at_the_size_of_the_first(tmp_path):
    stack(tmp_path / "T1w", 5, pixels=flat, orientation=None)
    for number in range(5):
        pixels = np.kron(flat(number), np.ones((2, 3), np.uint16))
        written(tmp_path / f"FLAIR/Image-{number}.dcm", pixels, orientation=None)
    written(tmp_path / "FLAIR/Image-1.dcm", np.zeros((16, 24), np.uint16), orientation=None)
    (tmp_path / "FLAIR/Image-2.dcm").write_bytes(b"x")
    items = "T1w-2 T1w-3"
    taken = list(study.read(tmp_path, items, sequences=["T1w", "FLAIR"]))
    assert [each.image.shape for each in taken] == [(8, 8, 2)] * 2
    assert [each.image[4, 4].tolist() for each in taken] == [[200, 100], [300, 400]]
    assert taken[0].windows == ((0.0, 200.0), (0.0, 100.0))
    (tmp_path / "T1w/Image-3.dcm").unlink()
    with pytest.raises(InputError, match=r"expected slice T1w-3, found that it cannot be used any more"):
        list(study.read(tmp_path, items, sequences=["T1w", "FLAIR"]))


def published(folder, size):
    """The pictures of the public notebooks."""
    paths = sorted(folder.glob("*"), key=lambda path: int(path.stem.split("-")[-1]))
    every = 1 if len(paths) < 10 else 3
    for path in paths[int(len(paths) * 0.25) : int(len(paths) * 0.75) : every]:
        values = pydicom.dcmread(path).pixel_array
        yield cv2.resize((values / np.max(values) * 255).astype(np.uint8), (size, size))


@pytest.mark.parametrize("orientation", [None, (0, 1, 0, 0, 0, 1), (0, -1, 0, 1, 0, 0)])
def test_the_published_pictures_come_out_to_the_letter(real, tmp_path, orientation):
    source = real("rsna-miccai") / "layout_sample/train/99999/T1w"
    shutil.copytree(source, tmp_path / "T1wCE")
    if orientation is not None:
        for path in (tmp_path / "T1wCE").iterdir():
            dataset = pydicom.dcmread(path)
            dataset.ImageOrientationPatient = list(map(float, orientation))
            dataset.save_as(path)
    shutil.copytree(source, tmp_path / "FLAIR")
    sequences = ["T1wCE", "FLAIR", "T2w"]
    items = study.inspect(tmp_path, sequences=sequences, slices=SLICES)[0][2]
    taken = list(image_read.images(tmp_path, items, {"sequences": sequences}))
    found = list(fed(taken, sequences, ORIGINAL))
    expected = list(published(tmp_path / "T1wCE", 32))
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[..., 0], other)


def fed(taken, sequences, settings):
    """Images of one recording as a model is fed them."""
    rows = [(image, {"recording_id": "a", **facts}) for image, facts in taken]
    return picture_features.compute(lambda: iter(rows), sequences=sequences, **settings)


def test_a_study_is_cut_to_the_box_of_all_its_slices(real):
    folder = real("rsna-miccai") / "layout_sample/train/99999"
    items = study.inspect(folder, sequences=["T1w"], slices=SLICES)[0][2]
    taken = list(image_read.images(folder, items, {"sequences": ["T1w"]}))
    whole = {**ORIGINAL, "channels": None, "size": [64, 48], "fit": "pad"}
    settings = {**whole, "crop_to_content": True}
    box = union(content_box(image) for image, _ in taken)
    assert 0 < box[0] < 0.5 < box[1] <= 1
    cut = [(within(image, box), facts) for image, facts in taken]
    for found, expected in zip(fed(taken, ["T1w"], settings), fed(cut, ["T1w"], whole), strict=True):
        np.testing.assert_array_equal(found, expected)
    window = next(fed(taken[:1], ["T1w"], {**whole, "scale": "window"}))
    assert np.ptp(window) > 100
