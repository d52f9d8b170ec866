"""Which fold holds out a training recording, and which models are those of the fold."""

from collections.abc import Iterable

import pandas as pd

from understory.core.hashing import stable_hash


def folds_of(
    recordings: Iterable[str], folds: pd.DataFrame, n_splits: int, *, exhaustive: bool
) -> dict[str, int]:
    """The fold of each recording that can be judged, whose models did not train on any of it.

    Recordings without an example have no part in any training: where annotations are exhaustive, they are known to hold
    nothing, and are dealt to the folds by a hash of their ids. Otherwise nothing is known of them, and they are left out. So are
    those that train in every fold, and those with examples in several folds (`split.group: none`), which all models know.

    Parameters
    ----------
    recordings : iterable of str
        The ids of the usable training recordings.
    folds : pandas.DataFrame
        `recording_id` and `fold` of the examples.
    n_splits : int
    exhaustive : bool
    """
    of = {name: set(own) for name, own in folds.groupby("recording_id").fold.unique().items()}
    if exhaustive:
        of |= {name: {stable_hash(name) % n_splits} for name in recordings if name not in of}
    return {
        name: int(min(of[name]))
        for name in sorted(recordings)
        if len(of.get(name, ())) == 1 and min(of[name]) >= 0
    }


def of_fold(settings: dict, fold: int, n_splits: int) -> tuple[list[int], dict]:
    """The numbers of a fold's models among those of all folds, which stand model by model, and the settings of these.

    Parameters
    ----------
    settings : dict
        As `recording_scores.chunks` takes them, with a block of features for each model.
    fold, n_splits : int
    """
    numbers = [number for number in range(len(settings["features"])) if number % n_splits == fold]
    features = [settings["features"][number] for number in numbers]
    return numbers, {**settings, "features": features, "folds": 1}
