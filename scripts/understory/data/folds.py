"""Assigning examples to folds."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from understory.core.errors import InputError
from understory.core.hashing import stable_hash
from understory.core.rng import Stage, stream
from understory.core.text import listed
from understory.data.dataset import Dataset
from understory.data.tables.checks import check_folds

# The fold of examples that train in every fold and are validated against in none.
UNVALIDATED = -1


def deal(
    examples: pd.DataFrame,
    tables: Dataset,
    *,
    n_splits: int,
    seed: int,
    group: str,
    rare_classes: str,
    contents: pd.DataFrame,
) -> pd.DataFrame:
    """Assign each example to a validation fold.

    Examples of present events are stratified by label. Examples of absent events are never validated against, as they have
    nothing to rank: they share their recording's fold, or get the fold that the hash of its id gives where it has no present
    event. Examples of `tables.unvalidated` recordings get the fold -1: every fold trains with them.

    Where all examples of a recording have to share a fold and each recording has one present example, examples are
    assigned in rotation, class by class. The sizes of the folds, and of each class in them, then differ by at most one
    example, so a class of at least two examples has one to train on in every fold. Otherwise scikit-learn stratifies.

    Parameters
    ----------
    examples : pandas.DataFrame
        `example_id, recording_id, label, presence`, ordered by id.
    n_splits : int
        Number of folds; a data set with folds of its own has to have as many.
    seed : int
    group : {"recording", "none"}
        Whether all examples of a recording go to one fold.
    rare_classes : {"fail", "allow"}
        What to do when some class has no example to train on in some fold.
    contents : pandas.DataFrame
        `recording_id, content`: recordings that hold the same are one recording here.

    Returns
    -------
    pandas.DataFrame
        `example_id, recording_id, label, presence, fold`, ordered by id.

    Raises
    ------
    InputError
        The folds cannot be made as asked.
    """
    frame = examples[["example_id", "recording_id", "label", "presence"]].reset_index(drop=True)
    check_folds(tables, n_splits, group)
    if tables.folds is not None:
        frame["fold"] = frame.recording_id.map(
            {**tables.folds, **dict.fromkeys(tables.unvalidated, UNVALIDATED)}
        )
        frame["fold"] = frame.fold.astype(int)
        _check_present(frame, n_splits)
    else:
        validated = ~frame.recording_id.isin(tables.unvalidated)
        frame["fold"] = UNVALIDATED
        own, options = frame[validated], {"n_splits": n_splits, "seed": seed, "group": group}
        dealt = _deal(own, **options) if group == "none" else _deal_by_content(own, contents, **options)
        frame.loc[validated, "fold"] = dealt
    _check_training_folds(frame, tables.classes, n_splits, rare_classes)
    return frame


def _deal_by_content(frame, contents, **options):
    """The fold of each example: of recordings that hold the same, one is dealt, and the others have its fold."""
    leaders = frame.recording_id.map(_leaders(frame, contents))
    alone = frame[frame.recording_id == leaders]
    dealt = dict(zip(alone.recording_id, _deal(alone, **options), strict=True))
    return leaders.map(dealt)


def _leaders(frame, contents):
    """By recording, the one that stands for all that hold the same: the first one, of those with a present example if any has one."""
    content = dict(zip(contents.recording_id, contents.content, strict=True))
    present = set(frame.recording_id[frame.presence == "present"])
    leaders: dict[str, str] = {}
    names = sorted(set(frame.recording_id), key=lambda name: (name not in present, name))
    return {name: leaders.setdefault(content[name], name) for name in names}


def _deal(frame, *, n_splits, seed, group):
    fold = np.array([stable_hash(recording) % n_splits for recording in frame.recording_id])
    present = np.flatnonzero(frame.presence == "present")
    shown = frame.iloc[present]
    _check_enough(shown, n_splits, group)
    if group == "recording" and shown.recording_id.is_unique:
        fold[present] = _in_turns(shown.label, n_splits, seed)
    else:
        fold[present] = _stratified(shown, n_splits, seed, group)
    if group == "recording":
        own = dict(zip(shown.recording_id, fold[present], strict=True))
        fold = np.array(
            [own.get(recording, number) for recording, number in zip(frame.recording_id, fold, strict=True)]
        )
    return fold


def _stratified(shown, n_splits, seed, group):
    """The fold of each example by scikit-learn's stratification."""
    fold = np.empty(len(shown), dtype=int)
    splitter = {"recording": StratifiedGroupKFold, "none": StratifiedKFold}[group](
        n_splits, shuffle=True, random_state=seed
    )
    with warnings.catch_warnings():
        # Too few members of a class is judged below, by what it does to the training folds.
        warnings.filterwarnings("ignore", message="The least populated class")
        groups = shown.recording_id if group == "recording" else None
        for number, (_, validation) in enumerate(splitter.split(shown, shown.label, groups=groups)):
            fold[validation] = number
    return fold


def _in_turns(labels, n_splits, seed):
    """The fold of each example: shuffle, sort by label, assign in rotation.

    `StratifiedGroupKFold` takes time quadratic in the number of recordings, as it counts each class in each of them.
    """
    shuffled = stream(seed, Stage.SPLIT, "examples").permutation(len(labels))
    codes = pd.factorize(labels, sort=True)[0]
    fold = np.empty(len(labels), dtype=int)
    fold[shuffled[np.argsort(codes[shuffled], kind="stable")]] = np.arange(len(labels)) % n_splits
    return fold


def _check_enough(shown, n_splits, group):
    """InputError where there are too few present examples, of all classes or of the most frequent, or recordings with them, for
    every fold."""
    found = {
        "present examples": len(shown),
        "present examples of the most frequent class": shown.label.value_counts().max(),
    }
    if group == "recording":
        found["recordings of different content with present examples"] = shown.recording_id.nunique()
    for what, count in found.items():
        if count < n_splits:
            fewer = "set fewer folds, or add annotations" if count > 1 else "add annotations"
            raise InputError(
                f"split.n_splits: expected at most as many folds as there are {what} that can be used ({count}), given "
                f"{n_splits}: {fewer}"
            )


def _check_present(frame, n_splits):
    """InputError where a fold of the data set's own has nothing to validate."""
    shown = set(frame.fold[frame.presence == "present"])
    if lacking := sorted(set(range(n_splits)) - shown):
        raise InputError(
            f"folds of the data set: expected a present example that can be used in each, found none in {listed(n + 1 for n in lacking)}"
        )


def _check_training_folds(frame, classes, n_splits, rare_classes):
    present = frame[frame.presence == "present"]
    lacking = {
        number: sorted(set(classes) - set(present.label[present.fold != number]))
        for number in range(n_splits)
    }
    lines = [f"  without fold {number}: {listed(labels, 50)}" for number, labels in lacking.items() if labels]
    if not lines:
        return
    message = (
        "some classes have no present example to train on:\n" + "\n".join(lines) + "\n"
        "Add annotations for them, set another split.n_splits or split.group where the folds are not the data set's own, "
        "or split.rare_classes: allow"
    )
    if rare_classes == "fail":
        raise InputError(message)
    print(f"WARNING: {message}")
