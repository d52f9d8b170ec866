"""A synthetic data set in the layout that `understory.datasets.herbarium2021` reads: leaves drawn by arithmetic."""

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from understory.core.errors import InputError
from understory.core.files import write_rows
from understory.core.rng import Stage, stream
from understory.datasets.herbarium2021 import COLUMNS, SAMPLE, TEST, TRAIN

SPECIES, GENUS = 24, 3  # in all, and species of a genus
FEWEST, MOST = 3, 10  # training images of a species at least, and test images at most, as in the competition
LONGEST = 256  # px
QUALITY = 90  # of JPEG
SUBPIXEL = 4  # bits of a coordinate behind the point
LICENSES = (
    ("Public Domain Dedication", "http://creativecommons.org/publicdomain/zero/1.0/"),
    ("Attribution License", "http://creativecommons.org/licenses/by/4.0/"),
    ("Attribution-NonCommercial License", "http://creativecommons.org/licenses/by-nc/4.0/"),
)
INSTITUTIONS = ("North", "East", "South", "West", "Central")


class Species(NamedTuple):
    """What all leaves of a species share; species of a genus differ little.

    A blade is half as wide as `width * t**base * (1 - t)**tip` of its length, scaled to reach `width`, at the share `t` of
    its midrib; `lobes` on either side cut it in to the share `depth`, `teeth` to a twentieth. `veins` leave the midrib
    on either side at `angle` (radians). `leaves` stand on a stem, in pairs or in turn. Colours are red, green and blue
    of 0 to 1.
    """

    width: float
    base: float
    tip: float
    lobes: int
    depth: float
    teeth: int
    veins: int
    angle: float
    leaves: int
    paired: bool
    colour: np.ndarray


def species(number: int, seed: int) -> Species:
    """A species, the same for the same arguments."""
    genus = stream(seed, Stage.SYNTHETIC, f"genus {number // GENUS}")
    own = stream(seed, Stage.SYNTHETIC, f"species {number}")
    lobed = genus.random() < 0.5
    return Species(
        width=genus.uniform(0.12, 0.38) * own.uniform(0.75, 1.25),
        base=genus.uniform(0.3, 1.1) * own.uniform(0.8, 1.2),
        tip=genus.uniform(0.4, 1.3) * own.uniform(0.8, 1.2),
        lobes=int(genus.integers(2, 6) + own.integers(0, 2)) if lobed else 0,
        depth=genus.uniform(0.3, 0.6) * own.uniform(0.8, 1.2),
        teeth=int(own.integers(10, 24)) if own.random() < 0.4 else 0,
        veins=int(genus.integers(4, 10) + own.integers(-1, 2)),
        angle=genus.uniform(0.5, 1.1) + own.uniform(-0.15, 0.15),
        leaves=int(genus.integers(2, 8) + own.integers(-1, 2)),
        paired=bool(genus.random() < 0.5),
        colour=np.clip(
            np.array([0.42, 0.42, 0.24]) + genus.uniform(-0.1, 0.1, 3) + own.uniform(-0.04, 0.04, 3), 0.1, 0.7
        ),
    )


def synthesize(folder: Path, truth: Path, *, settings: dict, seed: int, processes: int, clips=None):
    """Write a synthetic data set: pressed sprigs on sheets of paper, each with a label that says nothing.

    Of 24 species, or as many as can have three training images each, the most frequent has up to twelve times as many
    images as the rarest. Test images are dealt to the species evenly, at most ten to each.

    Parameters
    ----------
    folder : Path
        Where the metadata, the images and the sample submission go.
    truth : Path
        Where the species of the test images go, as `recording_id` and one 0/1 column a class.
    settings : dict
        The block `synthetic` of the configuration, of which `train_recordings` and `test_recordings` are numbers of
        images, and the others do not apply.
    processes, clips
        Do not apply.

    Raises
    ------
    InputError
        There are too few training images for two species, or more test images than ten of each.
    """
    train, test = settings["train_recordings"], settings["test_recordings"]
    count = min(SPECIES, train // FEWEST)
    if count < 2:
        raise InputError(
            f"synthetic.train_recordings: expected at least {2 * FEWEST}, {FEWEST} of each species, given {train}"
        )
    if test > MOST * count:
        raise InputError(
            f"synthetic.test_recordings: expected at most {MOST * count}, {MOST} of each species, given {test}"
        )
    rng = stream(seed, Stage.SYNTHETIC, "images")
    kinds = [species(number, seed) for number in range(count)]
    train_of = rng.permutation(np.repeat(rng.permutation(count), frequencies(count, train)))
    test_of = rng.permutation(np.resize(rng.permutation(count), test))
    images, annotations = [], []
    for number, of in enumerate(map(int, train_of)):
        name = f"images/{of // 100:03d}/{of % 100:02d}/{number}.jpg"
        institution = int(rng.integers(len(INSTITUTIONS)))
        images.append(_write_image(folder / "train", name, number, kinds[of], seed, institution))
        annotations.append(
            {"category_id": of, "id": number, "image_id": number, "institution_id": institution}
        )
    tests = []
    for number, of in enumerate(map(int, test_of)):
        name, institution = f"images/{number // 1000:03d}/{number}.jpg", int(rng.integers(len(INSTITUTIONS)))
        tests.append(_write_image(folder / "test", name, number, kinds[of], seed, institution))
    _write_metadata(folder, TRAIN, images, {"annotations": annotations, "categories": _categories(count)})
    if tests:
        _write_metadata(folder, TEST, tests, {})
    write_rows(folder / SAMPLE, COLUMNS, [[number, 0] for number in range(test)])
    labels = [str(number) for number in range(count)]
    rows = [[number, *(int(other == of) for other in range(count))] for number, of in enumerate(test_of)]
    write_rows(truth, ("recording_id", *labels), rows)


def frequencies(count: int, total: int) -> list[int]:
    """Numbers of images of `count` species, falling off as those of real collections do, three at least; `total` in all."""
    shares = 1 / np.arange(2, count + 2)
    ends = np.rint(np.cumsum(shares) / shares.sum() * (total - FEWEST * count)).astype(int)
    return sorted((int(FEWEST + more) for more in np.diff(ends, prepend=0)), reverse=True)


def draw(kind: Species, rng: np.random.Generator, institution: int) -> np.ndarray:
    """A sheet: uint8 of shape (height, width, 3), red, green and blue, of at most 256 x 256.

    How the sprig lies and its size are drawn at random, as are its stain and what the label says; the paper's tint and
    where the label is glued are the institution's custom.
    """
    height, width = 2 * LONGEST, 2 * int(rng.integers(round(0.62 * LONGEST), round(0.78 * LONGEST)))
    tint = np.array([0.93, 0.90, 0.80]) - 0.04 * np.array([institution % 2, institution % 3, institution])
    sheet = np.empty((height, width, 3), np.float32)
    sheet[:] = tint * rng.uniform(0.9, 1.05)
    stains = rng.normal(0, 0.03, (8, 6, 1)).astype(np.float32)
    sheet += cv2.resize(stains, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    _draw_sprig(sheet, kind, rng)
    _draw_label(sheet, rng, right=institution % 2 == 0)
    sheet = cv2.resize(sheet, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    sheet += rng.normal(0, 0.015, sheet.shape)
    return np.rint(255 * np.clip(sheet, 0, 1)).astype(np.uint8)


def _draw_sprig(sheet, kind, rng):
    """A stem with leaves in turn or in pairs, and one at its end."""
    height, width, _ = sheet.shape
    length = rng.uniform(0.5, 0.68) * height
    pose = np.pi / 2 + rng.uniform(-0.5, 0.5)
    bend = rng.uniform(-0.25, 0.25)
    colour = np.clip(kind.colour * rng.uniform(0.85, 1.15) + rng.uniform(-0.03, 0.03, 3), 0, 1)
    along = np.linspace(0, 1, 24)
    stem = length * (along * np.exp(1j * bend * along))
    centre = width * rng.uniform(0.45, 0.55) - 1j * height * rng.uniform(0.46, 0.54)
    turn = np.exp(1j * pose)
    stem = (stem - stem.mean()) * turn + centre
    blade = length * np.clip(1.5 / (kind.leaves + 1), 0.24, 0.5)
    _line(sheet, stem, colour * 0.7, 5)
    for node in range(kind.leaves):
        place = stem[round((0.15 + 0.75 * node / max(kind.leaves - 1, 1)) * (len(stem) - 1))]
        for side in (1, -1) if kind.paired else ((-1) ** node,):
            direction = pose + bend + side * (0.9 + rng.uniform(-0.2, 0.2))
            _draw_leaf(
                sheet, kind, place, blade * rng.uniform(0.8, 1.1) * np.exp(1j * direction), colour, rng
            )
    _draw_leaf(sheet, kind, stem[-1], blade * np.exp(1j * (pose + 2 * bend)), colour, rng)


def _draw_leaf(sheet, kind, place, axis, colour, rng):
    """A leaf; points are complex numbers, and `axis` leads from its stalk's end at `place` to its tip."""
    t = np.linspace(0, 1, 121)
    outline = t**kind.base * (1 - t) ** kind.tip
    outline *= kind.width / outline.max()
    outline *= 1 - kind.depth * (0.5 - 0.5 * np.cos(2 * np.pi * kind.lobes * t))
    outline *= 1 + 0.05 * (2 * np.abs(2 * (kind.teeth * t % 1) - 1) - 1) * (kind.teeth > 0)
    bend = rng.uniform(-0.2, 0.2)

    def laid(points):
        return place + axis * points * np.exp(1j * bend * points.real)

    shade = colour * rng.uniform(0.9, 1.1)
    _fill(sheet, laid(np.concatenate([t + 1j * outline, (t - 1j * outline)[::-1]])), shade)
    _line(sheet, laid(t + 0j), shade * 0.65, 3)
    for start in np.linspace(0.08, 0.8, kind.veins):
        reach = 0.85 * np.interp(start + 0.1, t, outline) / np.sin(kind.angle)
        for side in (1, -1):
            end = start + reach * np.exp(1j * side * kind.angle)
            _line(sheet, laid(np.linspace(start, end, 6)), shade * 0.75, 1)


def _draw_label(sheet, rng, *, right):
    """A slip of paper with lines of writing in a lower corner, which may cover some of the plant."""
    height, width, _ = sheet.shape
    size = np.array([rng.uniform(0.34, 0.46) * width, rng.uniform(0.12, 0.18) * height])
    corner = np.array([width - size[0] - 8 if right else 8, height - size[1] - 8]) + rng.uniform(-6, 0, 2)
    box = complex(*corner) + np.array([0, size[0], complex(*size), 1j * size[1]])
    # Points run upwards, as numbers do.
    _fill(sheet, box.conj(), np.array([0.97, 0.96, 0.92]))
    for top in np.arange(corner[1] + 14, corner[1] + size[1] - 8, 14):
        x = corner[0] + 10
        while (end := x + rng.uniform(6, 34)) < corner[0] + size[0] - 10:
            _line(sheet, np.array([x - 1j * top, end - 1j * top]), np.full(3, 0.25), 2)
            x = end + 6


def _points(points):
    pairs = np.stack([points.real, -points.imag], axis=-1) * (1 << SUBPIXEL)
    return [np.rint(pairs).astype(np.int32).reshape(-1, 1, 2)]


def _fill(sheet, points, colour):
    cv2.fillPoly(sheet, _points(points), tuple(map(float, colour)), cv2.LINE_8, SUBPIXEL)


def _line(sheet, points, colour, thickness):
    cv2.polylines(sheet, _points(points), False, tuple(map(float, colour)), thickness, cv2.LINE_8, SUBPIXEL)


def _write_image(folder, name, number, kind, seed, institution):
    """Draw an image; what the metadata say of it."""
    rng = stream(seed, Stage.SYNTHETIC, f"{folder.name}/{number}")
    picture = draw(kind, rng, institution)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    (folder / name).write_bytes(data.tobytes())
    height, width, _ = picture.shape
    return {
        "file_name": name,
        "height": height,
        "id": number,
        "license": int(rng.integers(len(LICENSES))),
        "width": width,
    }


def _categories(count):
    return [
        {
            "family": f"Replicaceae {number // GENUS // 2}",
            "order": f"Replicales {number // GENUS // 4}",
            "name": f"Replica genus{number // GENUS} species{number} (Müll.) Sm.",
            "id": number,
        }
        for number in range(count)
    ]


def _write_metadata(folder, name, images, others):
    content = {
        **others,
        "images": images,
        "licenses": [{"id": number, "name": text, "url": url} for number, (text, url) in enumerate(LICENSES)],
        "institutions": [
            {"id": number, "name": f"{text} Herbarium"} for number, text in enumerate(INSTITUTIONS)
        ],
        "info": {
            "year": 2021,
            "version": 1.0,
            "url": "",
            "description": "A synthetic data set: leaves drawn by arithmetic",
            "contributor": "Understory",
            "date_created": "2021-01-01",
        },
    }
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
