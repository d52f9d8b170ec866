"""Images of annotations."""

import math

import pandas as pd

from understory.data import examples
from understory.data.dataset import Dataset
from understory.data.tables.window_labels import BOX, with_labels
from understory.images import read


def crop(tables: Dataset, recordings: pd.DataFrame, source, settings: dict):
    """Take the images of each annotation: its photograph, or the slices of its study.

    Parameters
    ----------
    tables : Dataset
        The recordings of a shard that can be used, with their annotations.
    recordings : pandas.DataFrame
        What inspection found of them.
    source : Source
    settings : dict
        `crop`: `absent`, whether rejected annotations have examples as well; `images`: `longest_side` and `sequences`.

    Returns
    -------
    iterator of numpy.ndarray, callable
        The images, one at a time, and a function that gives their table when they have all been taken.
    """
    paths = {recording.recording_id: source.path(recording) for recording in tables.recordings}
    items = dict(zip(recordings.recording_id, recordings["items"], strict=True))
    index = examples.annotation_examples(tables, absent=settings["crop"]["absent"])
    # Each image has all labels of its recording.
    index = with_labels(index.assign(start=0.0, stop=math.inf), tables)
    index = index.drop(columns=["start", "stop", *BOX])
    rows = []

    def images():
        for name in index.recording_id:
            for image, facts in read.images(paths[name], items[name], settings["images"]):
                rows.append(facts)
                yield image

    return images(), lambda: examples.of_items(index, recordings).assign(**pd.DataFrame(rows))
