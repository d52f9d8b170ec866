"""What models were trained with, by the content of recordings: so that no score comes from recordings that a model knows.

A model that begins with the weights of another run, or is fed with vectors of another run's models, knows what these were trained
with, too.

Plain Python at module level: the Snakefile imports this module each time it is parsed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests, short
from understory.core.text import listed

# Beside each model: a line for each recording that it was trained with, in any run.
FILE = "trained_on.txt"


def contents_of(recordings, source, contents: FileDigests):
    """What the files of recordings hold: a table of `recording_id, content`, the digest as `file_digests.short` gives it.

    Parameters
    ----------
    recordings : pandas.DataFrame
        With `recording_id` and `path`.
    source : understory.data.source.Source
    contents : FileDigests
        Of a recording that is a folder, the digest is of the digests of its files, in the order of their names.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    import pandas as pd

    found = [source.files(row) for row in recordings.itertuples()]
    places = [source.place(path) for paths in found for path in paths]
    held = contents.identities(places)
    for place, identity in zip(places, held, strict=True):
        if not short(identity):
            raise InputError(f"{place}: expected the file that was inspected, found it {identity}")
    rest = iter(held)
    identities = [[next(rest) for _ in paths] for paths in found]
    whole = [
        each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()
        for each in identities
    ]
    return pd.DataFrame({"recording_id": recordings.recording_id, "content": list(map(short, whole))})


def by_fold(contents, folds, *, exhaustive: bool) -> tuple[dict[int, dict[str, str]], dict[int, set[str]]]:
    """By fold, the recordings that are held out, as content by id, and the contents that its models train with.

    Parameters
    ----------
    contents : pandas.DataFrame
        As `contents_of` gives them, of all usable training recordings.
    folds : pandas.DataFrame
        `recording_id` and `fold` of the examples.
    exhaustive : bool
        As `held_out_folds.folds_of` takes it: then recordings without an example are held out as well.
    """
    from understory.inference import held_out_folds

    content = dict(zip(contents.recording_id, contents.content, strict=True))
    n_splits = int(folds.fold.max()) + 1
    pairs = set(zip(folds.recording_id, folds.fold.astype(int), strict=True))
    held = pairs | set(
        held_out_folds.folds_of(contents.recording_id, folds, n_splits, exhaustive=exhaustive).items()
    )
    validated = {
        number: {name: content[name] for name, fold in sorted(held) if fold == number}
        for number in range(n_splits)
    }
    trained = {
        number: {content[name] for name, fold in pairs if fold != number} for number in range(n_splits)
    }
    return validated, trained


def read(path: Path) -> set[str]:
    """The contents of the recordings that a model was trained with, as its file has them."""
    return set(path.read_text(encoding="utf-8").split())


def write(path: Path, contents: Iterable[str]):
    """Write such a file."""
    with files.replacing(path) as new:
        new.write_text("".join(f"{content}\n" for content in sorted(contents)), encoding="utf-8")


def chosen(
    validated: dict[int, dict[str, str]], trained: list[set[str]], place: str, run: str
) -> dict[int, int]:
    """By fold, the fold of another run whose model it may begin with.

    That is the fold of the same number, counted on from 0 again where the other run has fewer; where its model was trained with a
    recording that the fold holds out, the next one whose model was not.

    Parameters
    ----------
    validated : dict
        As `by_fold` gives it.
    trained : list of set
        By fold of the other run, the contents that its model was trained with.
    place, run : str
        The key of the configuration, and the other run, for messages.

    Raises
    ------
    InputError
        All models of the other run were trained with recordings that a fold holds out.
    """
    found = {}
    for fold, held in validated.items():
        order = [(fold + step) % len(trained) for step in range(len(trained))]
        known = {
            other: [name for name, content in held.items() if content in trained[other]] for other in order
        }
        found[fold] = min(order, key=lambda other: (len(known[other]), order.index(other)))
        if names := known[found[fold]]:
            raise InputError(
                f"{place}: expected that a model of {run} was not trained with the recordings that score this run, found that each "
                f"was, with {len(names)} or more of the {len(held)} of fold {fold}, such as {listed(names, 3)}: take the folds of that "
                "run (the same recordings, split.seed and split.n_splits), a run of other recordings, or leave these out"
            )
    return found


def check_apart(validated: dict[int, dict[str, str]], trained: set[str], place: str, run: str):
    """InputError where models were trained with recordings that any fold holds out: vectors are the same in all folds.

    Parameters
    ----------
    validated, place, run
        As for `chosen`.
    trained : set of str
        The contents that any of the models was trained with.
    """
    held = {name: content for own in validated.values() for name, content in own.items()}
    if names := [name for name, content in sorted(held.items()) if content in trained]:
        raise InputError(
            f"{place}: expected that the models of {run} were not trained with the recordings that score this run, found that they "
            f"were with {len(names)} of {len(held)}, such as {listed(names, 3)}: take a run of other recordings, leave these out, or "
            "begin with that run's weights (models.NAME.init_from), of which each fold takes those that do not know its recordings"
        )
