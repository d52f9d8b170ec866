"""Window scores of recordings by the models of a fold, or of all."""

from pathlib import Path

import numpy as np

from understory.audio import read
from understory.inference import recording_scores, window_scores


def write(path_of: dict[str, Path], models, settings: dict, writer: window_scores.Writer, silent=()):
    """Write the window scores of recordings.

    Parameters
    ----------
    path_of : dict
        The file of each recording, by its id.
    models, settings
        As `recording_scores.chunks` takes them.
    writer : window_scores.Writer
    silent : sequence of int
        The classes that are not detected: they have the score 0.
    """
    rate = settings["sample_rate"]
    for name, path in sorted(path_of.items()):
        length = read.length(path, rate) / rate
        for starts, scores in recording_scores.chunks(path, models, settings):
            scores = scores.copy()
            scores[:, list(silent)] = 0
            writer.add(name, starts, np.minimum(starts + settings["window"], length), scores)
