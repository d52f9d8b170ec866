"""Herbarium 2021: Half-Earth Challenge (Kaggle, FGVC8): 64,500 species on 2.26 million herbarium sheets.

`train/metadata.json` and `test/metadata.json` are laid out as COCO's are: lists of objects under `images`, `annotations`
(one an image, with its category) and `categories`; of the test images there is the first alone. A class is called by its
category's number, which is what a submission gives.

A test image is called by its number, as the submission calls it. Training images are numbered from zero as well, and
called `train-NUMBER`.
"""

import codecs
import json
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import ijson

from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, check_there, read_rows, whole_number
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "images"
METRIC = "macro_f1"
UNIT = "recording"
SCORED = "example"
PARTS = ("first_1000",)
TRAIN, TEST, SAMPLE = "train/metadata.json", "test/metadata.json", "sample_submission.csv"
TABLES = (TRAIN, TEST, SAMPLE)
COLUMNS = ("Id", "Predicted")
# Bytes that are read at once.
BLOCK = 1 << 20


def read(folder: Path, part=None, *, train: bool = True) -> Dataset:
    """The competition's tables; with `part="first_1000"` only the first 1,000 training images that the metadata list.

    The metadata are read as a stream, so that no more of them is held than comes out. An image to which annotations give
    different categories is not taken, nor is one without an annotation.

    Parameters
    ----------
    folder : Path
    part : {"first_1000"} or None
    train : bool
        False: the test images alone, without classes; `train/metadata.json` need not be there.

    Raises
    ------
    InputError
        A file is missing, is no JSON, or lists no images, annotations or categories.
    """
    builder = DatasetBuilder(folder)
    classes = []
    if train:
        classes = _categories(builder)
        _gather_train(builder, frozenset(classes), most=1000 if part == "first_1000" else None)
    for image, path, place in _images(builder, TEST):
        with builder.each("test", "recording", _called(image, "test"), place):
            builder.add_recording(Recording(_called(image, "test"), path, "test"))
    return builder.build(classes=map(str, classes), exhaustive=True)


def _categories(builder):
    """The numbers of the categories, in ascending order."""
    known = set()
    for category, place in _objects(builder.folder, TRAIN, "categories"):
        with builder.each("train", "annotation", "", place):
            number = _whole(category, "id")
            if number in known:
                raise InputError(f"expected each category once, found {number} again")
            known.add(number)
    return sorted(known)


def _gather_train(builder, categories, *, most):
    """Take the training images, the first `most` of them, each with its annotation."""
    paths = {}
    for image, path, place in _images(builder, TRAIN, most):
        with builder.each("train", "recording", _called(image, "train"), place):
            if image in paths:
                raise InputError("duplicate recording")
            paths[image] = path
    labels, others = _labels(builder, paths, categories, partly=most is not None)
    for image, path in paths.items():
        recording = Recording(_called(image, "train"), path, "train")
        with builder.each("train", "recording", recording.recording_id, path):
            if image not in labels:
                raise InputError("expected an annotation of this image, found none")
            if image in others:
                raise InputError(
                    f"expected one category of this image, found {labels[image]} and {others[image]}"
                )
            if labels[image] is not None:
                annotation = Annotation(recording.recording_id, str(labels[image]), "present")
                builder.add_annotation(annotation, recording, TRAIN)


def _labels(builder, images, categories, *, partly):
    """The category of each image that has an annotation, None where it cannot be used; and another one, where one is given.

    With `partly`, annotations of other images than those given are passed over.
    """
    labels, others = {}, {}
    for annotation, place in _objects(builder.folder, TRAIN, "annotations"):
        image = annotation.get("image_id") if isinstance(annotation, dict) else None
        known = type(image) is int and image in images
        if partly and not known:
            continue
        with builder.each("train", "annotation", _called(image, "train") if known else "", place):
            if known:
                labels.setdefault(image, None)
            elif (image := _whole(annotation, "image_id")) not in images:
                raise InputError(f"expected the image_id of an image that can be used, found {image}")
            category = _whole(annotation, "category_id")
            if category not in categories:
                raise InputError(f"expected the category_id of a category, found {category}")
            if labels[image] == category:
                raise InputError("duplicate of the annotation of this image")
            if labels[image] is None:
                labels[image] = category
            else:
                others[image] = category
    return labels, others


def _images(builder, name, most=None):
    """The number, path and place of each image of a file that can be used, of the first `most` that it lists."""
    subset = name.split("/")[0]
    for image, place in islice(_objects(builder.folder, name, "images"), most):
        number = None
        try:
            number = _whole(image, "id")
            path = image.get("file_name")
            if not isinstance(path, str) or not path or path.startswith("/"):
                raise InputError(f"expected a file_name within {subset}/, found {_shown(image, 'file_name')}")
        except InputError as error:
            called = "" if number is None else _called(number, subset)
            builder.quarantine(subset, "recording", called, place, str(error))
            continue
        yield number, f"{subset}/{path}", place


def _called(image, subset):
    return f"train-{image}" if subset == "train" else str(image)


def _whole(thing, key):
    """A whole number of at least zero that an object has under a key; InputError where it has none."""
    if not isinstance(thing, dict):
        raise InputError(f"expected an object with the key {key}, found {thing!r:.100}")
    value = thing.get(key)
    if type(value) is not int or value < 0:
        raise InputError(f"expected a whole number under the key {key}, found {_shown(thing, key)}")
    return value


def _shown(thing, key):
    value = thing.get(key)
    if isinstance(value, Decimal):
        return str(value)[:100]
    return json.dumps(value, default=str)[:100] if key in thing else "no such key"


def _objects(folder, name, key):
    """What a file of metadata lists under a key, each with its place, and nothing else held of the file.

    Raises
    ------
    InputError
        The file is missing, is no whole JSON, or lists nothing under the key.
    """
    path, number = folder / name, -1
    wanted = f"expected JSON with a list of {key}"
    check_there(path, wanted)
    try:
        with _text(path) as file:
            for number, thing in enumerate(ijson.items(file, f"{key}.item", buf_size=BLOCK)):
                yield thing, f"{name}, {key}[{number}]"
    except ijson.JSONError as error:
        # Some messages are bytes; below them the parser shows the line in question.
        said = error.args[0] if isinstance(error.args[0], str) else error.args[0].decode(errors="replace")
        said = said.split("\n")[0]
        raise InputError(f"{path}: {wanted}; found, after {number + 1} of them, {said}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {wanted}") from None
    if number < 0:
        raise InputError(f"{path}: {wanted}, found none")


@contextmanager
def _text(path):
    """A file's text as bytes in UTF-8, which it may be in already; otherwise it is taken for Latin-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
        except UnicodeDecodeError:
            file.seek(0)
            yield SimpleNamespace(read=lambda size: file.read(size).decode("latin-1").encode())
            return
        file.seek(0)
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        yield file


def submission_template(folder: Path):
    """The id column, the test images' numbers as text and the other column of a submission, in order, each id once."""
    _, rows = read_rows(folder / SAMPLE, COLUMNS)
    return COLUMNS[0], list(dict.fromkeys(str(whole_number(row, "Id")) for _, row in rows)), [COLUMNS[1]]


def submission(template, predictions, decisions):
    """The likeliest category of each image, which is what macro F1 takes.

    Parameters
    ----------
    template : tuple
        What `submission_template` gives.
    predictions : understory.data.predictions.Predictions or pandas.DataFrame
        One row a test image, with its `recording_id`; a table has a column a class beside it.
    decisions : None
        Of no use to this competition.

    Returns
    -------
    pandas.DataFrame
        `Id` and `Predicted`, whole numbers, one row an id of the template, in its order.

    Raises
    ------
    InputError
        An id has no prediction.
    """
    import numpy as np
    import pandas as pd

    id_column, ids, (column,) = template
    if isinstance(predictions, pd.DataFrame):
        names, scores = predictions["recording_id"], predictions.drop(columns="recording_id")
        classes, values = scores.columns, scores.to_numpy()
    else:
        names, classes, values = predictions.keys["recording_id"], predictions.classes, predictions.values
    rows = pd.Index(names).get_indexer(ids)
    if absent := [name for name, row in zip(ids, rows, strict=True) if row < 0]:
        raise InputError(
            f"submission: expected a prediction for every {id_column} of {SAMPLE}, missing for {len(absent)}: "
            + ", ".join(absent[:20])
        )
    likeliest = np.array(classes, dtype=np.int64)[values.argmax(axis=1)]
    return pd.DataFrame({id_column: np.array(ids, dtype=np.int64), column: likeliest[rows]})
