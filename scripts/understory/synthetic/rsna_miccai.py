"""A synthetic data set in the layout that `understory.datasets.rsna_miccai` reads.

Studies are DICOM files of a synthetic head, as odd as those of real scanners: three planes, numbers that neither start at
one nor go on without a gap, stacks of other lengths, sequences that are missing, slices without anything, rescaled
values, windows of interest, three transfer syntaxes, and one file that is cut short.

What tells a subject from others (where the head lies, how large it is, its texture) is in each of its slices and says
nothing of its label. What says something of it is weak: how bright the tumour's ring is in T1wCE, and what lies around it
in FLAIR. So a split by slices rewards a model for knowing subjects again, and one by subjects does not.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import dcmwrite, uid
from pydicom.dataset import Dataset, FileMetaDataset
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from understory.core.files import write_rows
from understory.core.rng import Stage, stream
from understory.datasets.rsna_miccai import CLASSES, ID, LABELS, LEFT_OUT, SAMPLE, VALUE

SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")
SIZE = 64  # px of a slice's sides, and steps of the field of view along each axis
SLICES = 24
SHORT = 8  # slices of a stack that is shorter than most
FIELD = 240.0  # mm, the sides of the field of view
# Shares of the competition's: of the ids that are taken, and of the training subjects whose label is 1.
TAKEN, METHYLATED = 2 / 3, 307 / 585
# Distance of either label's mean from the middle, in deviations of what the label moves: the best that can be known
# of one has an area under the ROC curve of Φ(√2·0.65) = 0.82.
EFFECT = 0.65
# Brightness of brain, fluid, the tumour's core, its ring and what surrounds it, the tissue being near 0.5.
TISSUES = {
    "FLAIR": {"fluid": 0.12, "core": 0.45, "ring": 0.62, "oedema": 0.78},
    "T1w": {"fluid": 0.18, "core": 0.35, "ring": 0.46, "oedema": 0.42},
    "T1wCE": {"fluid": 0.18, "core": 0.30, "ring": 0.85, "oedema": 0.42},
    "T2w": {"fluid": 0.95, "core": 0.80, "ring": 0.55, "oedema": 0.75},
}
# How far a deviation of what the label moves changes a tissue's brightness.
MOVED = {("T1wCE", "ring"): 0.12, ("FLAIR", "oedema"): 0.06}
# Steps that a texture reaches through the slices, as what comes of coil and scanner does.
THROUGH = 12.0
# Echo and repetition times, ms.
TIMES = {"FLAIR": (120, 9000), "T1w": (10, 600), "T1wCE": (10, 600), "T2w": (100, 4000)}
# Of each plane, the axes of the patient (to the left, back and head) that rows, columns and slices go along.
PLANES = {
    "axial": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "coronal": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "sagittal": [[0, 1, 0], [0, 0, -1], [-1, 0, 0]],
}
TURNS = ("axial", "coronal", "axial", "sagittal", "axial")
SYNTAXES = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless)
# Slope and intercept by which stored values become a signal, and windows of interest (centre and width over the gain):
# in turns, where a study has them.
RESCALES = (None, (0.5, 0), (2, -64))
WINDOWS = (None, [(0.6, 1.2)], None, [(0.6, 1.2), (0.5, 0.8)])
# Of so many studies, the last lacks a sequence, in turns, or has a short stack in T1wCE.
NO_SEQUENCE, SHORT_STACK = 12, 8
CUT = 62  # bytes that are missing of one file, of the first study


class Subject(NamedTuple):
    """One study before it is made; `number` is its rank among all, which its oddities follow."""

    subject_id: str
    subset: str
    label: int
    number: int


def synthesize(folder: Path, truth: Path, *, settings: dict, seed: int, processes: int, clips=None):
    """Write a synthetic data set: synthetic heads of 64×64 px and 24 slices a sequence.

    Parameters
    ----------
    folder : Path
        Where the tables and the studies go.
    truth : Path
        Where the labels of the test subjects go, as `recording_id` and a 0/1 column a class.
    settings : dict
        The block `synthetic` of the configuration: `train_recordings` and `test_recordings` are numbers of subjects;
        the rest does not apply.
    seed, processes : int
    clips : None
        Not used: nothing sings.
    """
    subjects = plan(settings["train_recordings"], settings["test_recordings"], seed=seed)
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(_write_study, folder=folder, seed=seed), subjects, chunksize=4))
    ordered = sorted(subjects, key=lambda subject: subject.subject_id)
    train, test = (
        [subject for subject in ordered if subject.subset == subset] for subset in ("train", "test")
    )
    write_rows(folder / LABELS, (ID, VALUE), [(subject.subject_id, subject.label) for subject in train])
    write_rows(folder / SAMPLE, (ID, VALUE), [(subject.subject_id, 0.5) for subject in test])
    write_rows(
        truth,
        ("recording_id", *CLASSES),
        [(subject.subject_id, 1 - subject.label, subject.label) for subject in test],
    )


def plan(train: int, test: int, *, seed: int) -> list[Subject]:
    """The subjects: ids with gaps, of either subset, and as many of each label as in the competition."""
    rng = stream(seed, Stage.SYNTHETIC, "subjects")
    names = [f"{number:05d}" for number in range(int((train + test) / TAKEN) + len(LEFT_OUT))]
    taken = rng.choice([name for name in names if name not in LEFT_OUT], size=train + test, replace=False)
    labels = [
        label
        for count in (train, test)
        for label in rng.permutation(np.arange(count) < round(METHYLATED * count)).astype(int)
    ]
    return [
        Subject(str(name), "train" if number < train else "test", int(label), number)
        for number, (name, label) in enumerate(zip(taken, labels, strict=True))
    ]


def head(subject: Subject, plane: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """The subject's head in each sequence: float64 (64, 64, 64), brightness along the patient's axes, 0 outside.

    The axes go to the left, the back and the head, over the field of view; `plane` is one of `PLANES`.
    """
    rng = stream(seed, Stage.SYNTHETIC, f"head-{subject.subject_id}")
    through = plane[2] != 0
    axis = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1).astype(np.float32)
    field = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    axes = np.array([0.72, 0.86, 0.74]) * rng.uniform(0.8, 1.0) * rng.uniform(0.94, 1.06, 3)
    # The head is within the field, ends before the stack does, and is in each slice of the stack's middle half.
    shift = np.where(through, 0.04, 0.25)
    middle = rng.uniform(-1, 1, 3) * np.minimum(shift, 0.95 - axes)
    place = (field - middle) / axes
    radius = np.linalg.norm(place, axis=-1)
    grain = np.where(through, THROUGH, rng.uniform(1.2, 3.0))
    texture = gaussian_filter(rng.standard_normal((SIZE,) * 3, dtype=np.float32), grain, mode="wrap")
    texture *= rng.uniform(0.06, 0.12) / texture.std()
    slope = field @ rng.normal(0, 0.15, 3)
    ventricles = np.minimum(
        *(np.linalg.norm((place - [side * 0.16, 0.05, 0.1]) / [0.09, 0.35, 0.2], axis=-1) for side in (-1, 1))
    ) < rng.uniform(0.8, 1.2)
    towards = rng.standard_normal(3)
    centre = towards / np.linalg.norm(towards) * rng.uniform(0.25, 0.5)
    distance = np.linalg.norm((place - centre) / rng.uniform(0.85, 1.15, 3), axis=-1) + texture
    size = rng.uniform(0.26, 0.38)
    thickness = rng.uniform(0.08, 0.12)
    moved = rng.normal((2 * subject.label - 1) * EFFECT)
    found = {}
    for sequence, tissues in TISSUES.items():
        levels = {
            name: level + MOVED.get((sequence, name), 0) * np.clip(moved, -2.5, 2.5)
            for name, level in tissues.items()
        }
        image = 0.5 + rng.uniform(-0.06, 0.06) * (radius > 0.82) + texture * rng.uniform(0.7, 1.3)
        image[ventricles] = levels["fluid"]
        for reach, name in (
            (size * rng.uniform(1.25, 1.5), "oedema"),
            (size, "ring"),
            (size - thickness, "core"),
        ):
            image[distance < reach] = levels[name] + 0.3 * texture[distance < reach]
        image *= 1 + slope
        image += 0.02 * rng.standard_normal(image.shape, dtype=np.float32)
        found[sequence] = np.where(radius < 1, np.maximum(image, 0.02), 0)
    return found


def _write_study(subject, *, folder, seed):
    number = subject.number
    rng = stream(seed, Stage.SYNTHETIC, f"study-{subject.subject_id}")
    tilt = Rotation.from_euler("xyz", rng.normal(0, 3, 3), degrees=True).as_matrix()
    plane = np.array(PLANES[TURNS[number % len(TURNS)]])
    missing = SEQUENCES[number // NO_SEQUENCE % len(SEQUENCES)]
    backwards = bool(rng.integers(2))
    for sequence, volume in head(subject, plane, seed=seed).items():
        if sequence == missing and number % NO_SEQUENCE == NO_SEQUENCE - 1:
            continue
        short = sequence == "T1wCE" and number % SHORT_STACK == SHORT_STACK - 1
        slices, positions = stack(volume, plane, SHORT if short else SLICES)
        if backwards:
            slices, positions = slices[::-1], positions[::-1]
        first = 1 if number % 3 == 0 else rng.integers(2, 40)
        gaps = rng.choice(len(slices), 2, replace=False) if number % 2 and not short else ()
        gain = rng.uniform(500, 1500)
        series = _series(subject, sequence, plane @ tilt.T, spacing=FIELD / len(slices), gain=gain, seed=seed)
        place = folder / subject.subset / subject.subject_id / sequence
        place.mkdir(parents=True)
        kept = sorted(set(range(len(slices))) - set(gaps))
        for index in kept:
            instance = int(first + index)
            series.InstanceNumber = instance
            series.ImagePositionPatient = [round(float(value), 4) for value in positions[index] @ tilt.T]
            series.SOPInstanceUID = _uid(seed, subject.subject_id, sequence, str(instance))
            _write_slice(
                place / f"Image-{instance}.dcm",
                series,
                slices[index] * gain,
                syntax=SYNTAXES[number % len(SYNTAXES)],
            )
        if number == 0 and sequence == "FLAIR":
            path = place / f"Image-{first + kept[len(kept) // 2]}.dcm"
            path.write_bytes(path.read_bytes()[:-CUT])


def _write_slice(path, series, signal, *, syntax):
    """Write a slice, whose own attributes `series` has by now, from its signal, float64 (64, 64)."""
    slope, intercept = float(series.get("RescaleSlope", 1)), float(series.get("RescaleIntercept", 0))
    stored = np.zeros(signal.shape, "<i2" if series.PixelRepresentation else "<u2")
    # A slice without anything has no value at all, and not that of air.
    if signal.any():
        stored[:] = np.round((signal - intercept) / slope)
    series.PixelData = stored.tobytes()
    series["PixelData"].VR = "OW"
    series.file_meta.MediaStorageSOPInstanceUID = series.SOPInstanceUID
    series.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax.is_compressed else syntax
    if syntax.is_compressed:
        series.compress(syntax, generate_instance_uid=False)
    dcmwrite(path, series, enforce_file_format=True)


def stack(volume, plane, count):
    """The slices of a volume in a plane (count, 64, 64), and where the first pixel of each lies (count, 3), mm."""
    rows, columns, through = (int(np.argmax(np.abs(axis))) for axis in plane)
    # A picture's first index goes down its columns.
    turned = volume.transpose(through, columns, rows)
    ascending = [axis[np.abs(axis).argmax()] > 0 for axis in (plane[2], plane[1], plane[0])]
    turned = turned[tuple(slice(None, None, 1 if up else -1) for up in ascending)]
    at = (np.arange(count) + 0.5) / count
    first = (0.5 / SIZE - 0.5) * FIELD * (plane[0] + plane[1])
    return turned[(at * SIZE).astype(int)], first + (at[:, None] - 0.5) * FIELD * plane[2]


def _series(subject, sequence, plane, *, spacing, gain, seed):
    """What all slices of a sequence say of themselves."""
    made = Dataset()
    name = subject.subject_id
    made.SOPClassUID = uid.MRImageStorage
    made.PatientName = made.PatientID = name
    made.PatientBirthDate = made.PatientSex = ""
    made.StudyInstanceUID = _uid(seed, name)
    made.StudyDate = made.StudyTime = made.ReferringPhysicianName = made.StudyID = made.AccessionNumber = ""
    made.Modality = "MR"
    made.SeriesInstanceUID = _uid(seed, name, sequence)
    made.SeriesDescription = sequence
    made.SeriesNumber = SEQUENCES.index(sequence) + 1
    made.Manufacturer = "Understory"
    made.FrameOfReferenceUID = _uid(seed, name, "frame")
    made.PositionReferenceIndicator = ""
    made.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    made.ScanningSequence = "SE"
    made.SequenceVariant = "NONE"
    made.ScanOptions = ""
    made.MRAcquisitionType = "2D"
    made.EchoTime, made.RepetitionTime = TIMES[sequence]
    made.EchoTrainLength = 1
    made.SliceThickness = made.SpacingBetweenSlices = round(spacing, 4)
    made.PixelSpacing = [FIELD / SIZE] * 2
    made.ImageOrientationPatient = [round(float(value), 6) for value in plane[:2].ravel()]
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.Rows = made.Columns = SIZE
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit = 15
    made.PixelRepresentation = int(subject.number % 4 == 1)
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = uid.MRImageStorage
    if rescale := RESCALES[subject.number % len(RESCALES)]:
        made.RescaleSlope, made.RescaleIntercept = rescale
        made.RescaleType = "US"
    if windows := WINDOWS[subject.number % len(WINDOWS)]:
        made.WindowCenter, made.WindowWidth = (
            [round(gain * window[part], 1) for window in windows] for part in (0, 1)
        )
    return made


def _uid(seed, *names):
    return uid.generate_uid(entropy_srcs=[str(seed), *names])
