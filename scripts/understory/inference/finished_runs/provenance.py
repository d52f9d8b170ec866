"""What models were trained with, by the content of recordings: so that no score comes from recordings that a model knows.

A model that begins with the weights of another run, or is fed with vectors of another run's models, knows what these were trained
with, too.

Plain Python at module level: the Snakefile imports this module each time it is parsed.
"""

import hashlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from understory.core import files, members
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests, short
from understory.core.text import listed

# Beside each model: a line for each recording that it was trained with, in any run.
FILE = "trained_on.txt"
# What to do besides where vectors, which are the same in all folds, come from models that know what is held out.
EMBEDDED = (
    "leave these out, or begin with that run's weights (models.NAME.init_from), of which each fold takes those of a model that does "
    "not know what it holds out"
)


def identities(recordings, source, contents: FileDigests) -> list[str]:
    """What the files of recordings hold, as `file_digests.short` gives it; nothing for one that cannot be read.

    Parameters
    ----------
    recordings : iterable
        Each with a `path`.
    source : understory.data.source.Source
    contents : FileDigests
        Of a recording that is a folder, the digest is of the digests of its files, in the order of their names.
    """
    found = [source.files(recording) for recording in recordings]
    held = iter(contents.identities([source.place(path) for paths in found for path in paths]))
    whole = []
    for paths in found:
        each = [next(held) for _ in paths]
        if all(map(short, each)) and len(each) != 1:
            each = [hashlib.sha256("\n".join(each).encode()).hexdigest()]
        whole.append(short(each[0]))
    return whole


def contents_of(recordings, source, contents: FileDigests):
    """A table of recordings, `recording_id, content`, as `identities` gives it.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    table = recordings[["recording_id"]].assign(content=identities(recordings.itertuples(), source, contents))
    if unread := list(recordings.path[table.content == ""]):
        raise InputError(
            f"expected the recordings that were inspected, found that {listed(unread, 3)} cannot be read any more"
        )
    return table


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


def read_all(paths) -> list[set[str]]:
    """Those of several models."""
    return [read(Path(path)) for path in paths]


def write(path: Path, contents: Iterable[str]):
    """Write such a file."""
    with files.replacing(path) as new:
        new.write_text("".join(f"{content}\n" for content in sorted(contents)), encoding="utf-8")


def taken(job, validated: dict[int, dict[str, str]], classes):
    """What a job that trains takes from other runs, a `start.Start`; None where it builds on none.

    Parameters
    ----------
    job
        Of Snakemake, with the params `origin`, `start` and `settings`.
    validated : dict
        As `by_fold` gives it.
    classes : sequence of str
    """
    if not job.params.origin:
        return None
    settings, name = job.params.settings, job.wildcards.model
    own = {"name": members.model_of(name), "block": settings["models"][name], "control": settings["control"]}
    # By name: a training that builds on no run does not depend on this code.
    start = import_module(job.params.start).Start
    return start(job.params.origin, fold=int(job.wildcards.fold), validated=validated, classes=classes, **own)


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


def check_apart(held: dict[str, str], trained: set[str], place: str, run: str, otherwise: str = EMBEDDED):
    """InputError where models were trained with recordings that are held out in any fold.

    Parameters
    ----------
    held : dict
        The contents of these by their ids.
    trained : set of str
        The contents that models were trained with.
    place, run
        As for `chosen`.
    otherwise : str
        What else to do than taking a run of other recordings.
    """
    if names := [name for name, content in sorted(held.items()) if content in trained]:
        raise InputError(
            f"{place}: expected that the models of {run} were not trained with the recordings that score this run, found that they "
            f"were with {len(names)} of {len(held)}, such as {listed(names, 3)}: take a run of other recordings, "
            f"{otherwise}"
        )
