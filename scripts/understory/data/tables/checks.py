"""Whether the tables of a data set go with the folds and the rounds of pseudo-labels that are wanted.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from understory.core.errors import InputError
from understory.data.dataset import Dataset


def check_folds(tables: Dataset, n_splits: int, group: str):
    """InputError unless there are recordings for `n_splits` folds, or the data set has as many folds of its own.

    `group` is `recording` where all examples of a recording share a fold.
    """
    if tables.folds is not None:
        _check_own(tables, n_splits)
    elif group == "recording":
        _check_recordings(tables, n_splits)


def check_rounds(tables: Dataset, pseudo_labels: dict):
    """InputError where rounds of pseudo-labels are wanted, and no label is unknown."""
    unknown = not tables.exhaustive or any(a.presence == "unknown" for a in tables.annotations)
    if pseudo_labels["rounds"] and pseudo_labels["unlabelled"] == "none" and not unknown:
        raise InputError(
            "pseudo_labels.rounds: expected 0, as all that is heard in the training recordings is annotated, so that no label is unknown; or "
            "set pseudo_labels.unlabelled: test"
        )


def _check_own(tables, n_splits):
    names = {recording.recording_id for recording in tables.recordings}
    own = sorted({fold for recording, fold in tables.folds.items() if recording in names})
    if own != list(range(len(own))):
        raise InputError(
            f"folds of the data set: expected numbers without a gap, found {', '.join(str(f + 1) for f in own)}"
        )
    if len(own) != n_splits:
        raise InputError(
            f"split.n_splits: expected {len(own)}, the data set's own number of folds, given {n_splits}"
        )


def _check_recordings(tables, n_splits):
    shown = [
        a.recording_id
        for a in tables.annotations
        if a.presence == "present" and a.recording_id not in tables.unvalidated
    ]
    count = len(set(shown))
    if not shown or count >= n_splits:
        return
    ways = [f"set split.n_splits: {count}"] * (count > 1) + ["annotate more recordings"]
    if len(shown) >= n_splits:
        ways.append(
            "set split.group: none, which assigns examples one by one and scores models on recordings that they know"
        )
    raise InputError(
        f"split.n_splits: expected at most as many folds as recordings have a present event ({count}), given {n_splits}: "
        f"{', or '.join(ways)}"
    )
