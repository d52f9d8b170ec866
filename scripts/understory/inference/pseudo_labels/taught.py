"""Pseudo-labels of a fold: of which examples they are, what their model knows, and that neither is anything the fold holds out.

A table has a row for each example with a pseudo-label, `example_id, recording_id, subset, content`; beside it an array, float32 of
shape (rows, classes), has the probabilities, and NaN where there is no pseudo-label.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from understory.core.errors import InputError
from understory.core.text import listed
from understory.data import store
from understory.data.dataset import SEPARATOR
from understory.data.labels import Labels
from understory.inference.finished_runs import provenance
from understory.training.inputs.pseudo_labels import PseudoLabels

# The fold of windows without labels: as of examples that train in every fold and are validated against in none.
EVERY_FOLD = -1


def windows_of(index: pd.DataFrame) -> pd.DataFrame:
    """The windows of test recordings as examples, `example_id, recording_id`.

    The id of an example is that of its recording and the number of the window in it.

    Parameters
    ----------
    index : pandas.DataFrame
        `recording_id` of each window, those of a recording in order.
    """
    number = index.groupby("recording_id").cumcount().astype(str)
    ids = index.recording_id + "#" + number
    return pd.DataFrame({"example_id": ids, "recording_id": index.recording_id})


def table(examples: pd.DataFrame, contents: pd.DataFrame, subset: str) -> pd.DataFrame:
    """Examples, `example_id, recording_id`, of the `train` or `test` recordings as a table of pseudo-labels has them.

    Parameters
    ----------
    contents : pandas.DataFrame
        `recording_id, content` of all these recordings.
    """
    content = dict(zip(contents.recording_id, contents.content, strict=True))
    return examples.assign(subset=subset, content=examples.recording_id.map(content))


def check_held_out(path, contents: set[str], held: dict[str, str], fold: int, what: str):
    """InputError where the fold holds out a recording with one of some contents.

    Parameters
    ----------
    path
        The file that `contents` are of, for the message.
    contents : set of str
        As `provenance.identities` gives them.
    held : dict
        The contents of the recordings that the fold holds out, by their ids.
    fold : int
    what : str
        What was expected to know none of these, for the message.
    """
    if names := [name for name, content in sorted(held.items()) if content in contents]:
        raise InputError(
            f"{path}: expected {what} that fold {fold} holds out, found {len(names)} of its {len(held)} recordings, such as "
            f"{listed(names, 3)}: where others in contents.csv have the same content, leave all but one of them out; otherwise "
            "delete the file to have it made again"
        )


def check_model(trained_on, fold: int, held: dict[str, str]) -> set[str]:
    """The contents that a fold's model of the round before was trained with; InputError where the fold holds out any of these."""
    known = provenance.read(Path(trained_on))
    check_held_out(trained_on, known, held, fold, "a model that was trained with no recording")
    return known


def write(array_path, index_path, soft: np.ndarray, table: pd.DataFrame, fold: int, held: dict[str, str]):
    """Write the pseudo-labels of a fold; of examples of training recordings where there is any, of windows of test recordings where
    one is of a label that is rather there than not.

    Parameters
    ----------
    array_path, index_path : path
    soft : numpy.ndarray
        float32 of shape (rows, classes), as `confident` gives it.
    table : pandas.DataFrame
        `example_id, recording_id, subset, content`.
    fold, held
        As for `check_held_out`.

    Raises
    ------
    InputError
        The fold holds out one of the recordings.
    """
    shown = np.where(table.subset == "train", ~np.isnan(soft).all(axis=1), (soft > 0.5).any(axis=1))
    rows = np.flatnonzero(shown)
    soft, table = soft[rows], table.iloc[rows]
    check_held_out(index_path, set(table.content), held, fold, "pseudo-labels of no recording")
    counts = table.subset.value_counts()
    given = ~np.isnan(soft)
    print(
        f"{int(given.sum()):,} pseudo-labels, {int((soft > 0.5).sum()):,} of them above 0.5, of {counts.get('train', 0):,} training "
        f"examples and {counts.get('test', 0):,} windows of test recordings"
    )
    store.write(array_path, index_path, soft, table)


class Taught:
    """The pseudo-labels that a training begins with.

    Parameters
    ----------
    array_path, index_path : path
        As `write` wrote them.

    Attributes
    ----------
    table : pandas.DataFrame
    known : set of str
        The contents of the recordings that these labels are of, and after `check` of those that their model was trained with.
    """

    def __init__(self, array_path, index_path):
        self._path = index_path
        self._soft, self.table = store.read(array_path, index_path)
        self.known = set(self.table.content)
        self._names = pd.Index(self.table.example_id)

    def check(self, trained_on, fold: int, held: dict[str, str]):
        """InputError where the model that predicted them was trained with what the fold holds out, or they are of it."""
        check_held_out(self._path, self.known, held, fold, "pseudo-labels of no recording")
        self.known = self.known | check_model(trained_on, fold, held)

    def unlabelled(self, index: pd.DataFrame, classes) -> pd.DataFrame:
        """The table of a shard of test recordings as one of examples, of which no label is known: those that have pseudo-labels."""
        found = windows_of(index)
        rows = np.flatnonzero(found.example_id.isin(self._names))
        known = {"presence": "unknown", "present": "", "absent": "", "unknown": SEPARATOR.join(classes)}
        return found.iloc[rows].assign(row=rows, **known)

    def targets(self, known: Labels, index: pd.DataFrame) -> PseudoLabels:
        """The targets of all examples, `index` being their table."""
        return PseudoLabels(known, self._soft, self._names.get_indexer(index.example_id))


def with_unlabelled(folds: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The folds of all examples, with the windows of test recordings in a table of pseudo-labels, which train in every fold."""
    own = table.loc[table.subset == "test", ["example_id", "recording_id"]]
    return pd.concat([folds, own.assign(label="", presence="unknown", fold=EVERY_FOLD)], ignore_index=True)
