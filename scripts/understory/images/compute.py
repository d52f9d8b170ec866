"""Features of images, or of those of test recordings."""

import pandas as pd

from understory.images import read


def stored(images, index: pd.DataFrame):
    """Images of a store and their table, as `compute` takes them."""
    rows = index.to_dict("records")
    return (lambda: zip(images, rows, strict=True)), rows


def recorded(recordings: pd.DataFrame, source, settings: dict):
    """The images of test recordings, as `compute` takes them.

    Parameters
    ----------
    recordings : pandas.DataFrame
        What inspection found of them.
    source : Source
    settings : dict
        `images`: `longest_side` and `sequences`.
    """
    rows = []

    def images():
        rows.clear()
        for recording in recordings.itertuples():
            path = source.path(recording)
            for image, facts in read.images(path, recording.items, settings["images"]):
                rows.append({"recording_id": recording.recording_id, **facts})
                yield image, rows[-1]

    return images, rows


def compute(images, features, options: dict, settings: dict):
    """The features of images.

    Parameters
    ----------
    images : tuple
        As `stored` or `recorded` gives them.
    features : module
        One of `understory.images.features`.
    options : dict
        Its options.
    settings : dict
        `images`: `sequences`.

    Returns
    -------
    iterator of numpy.ndarray, callable
        The features, one at a time, and a function that gives their table when they have all been taken.
    """
    take, rows = images

    def table():
        # Of a slice's facts, what tells it from others.
        frame = pd.DataFrame(rows, columns=None if rows else ["recording_id"])
        return frame.drop(columns=["turn", "windows"], errors="ignore")

    return features.compute(take, sequences=settings["images"]["sequences"], **options), table
