"""What a plan has to know of a search by example and of a queue: what is sought, and by which vectors.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from dataclasses import dataclass
from pathlib import Path

from understory.annotations import files as annotation_files
from understory.core import files
from understory.core.errors import InputError, user_errors
from understory.core.text import did_you_mean, listed
from understory.core.untracked import Untracked
from understory.data.dataset import check_label
from understory.inference import new_recordings
from understory.inference.embeddings.model_files import KIND

SOUND = ", ".join(annotation_files.SOUND)


@dataclass(frozen=True, repr=False)
class Paths(Untracked):
    """Where files are whose names and contents are other params."""

    paths: tuple[str, ...]


def vectors_of(config: dict) -> str | None:
    """The name of the features whose vectors are compared: those that `search.features` names, or the only ones that there are.

    None where there are none, or several of which none is named.
    """
    there, named = _there(config), config["search"]["features"]
    if named is not None:
        return named if named in there else None
    return there[0] if len(there) == 1 else None


def _there(config):
    """The features that a frozen model gives and a trained model is fed."""
    fed = {config["models"][name]["features"] for name in config["train"]}
    return sorted(name for name in fed if config["features"][name]["kind"] == KIND)


def check(config: dict, medium: str, what: str):
    """InputError where a configuration has no recordings of sound, or no vectors, for `what`: search or queue."""
    if medium != "audio":
        raise InputError(f"{what}: expected a data set of sound, found one of images")
    if vectors_of(config) is None:
        there, named = _there(config), config["search"]["features"]
        if named is not None:
            raise InputError(
                f"search.features: expected features of kind {KIND} that a model in train is fed ({listed(there) or 'none'}), "
                f"given {named}{did_you_mean(named, there)}"
            )
        if there:
            raise InputError(
                f"search.features: expected one of {listed(there)}, as several give vectors, given null: add --config "
                f"'search={{features: {there[0]}}}'"
            )
        raise InputError(
            f"{what}: expected a frozen model whose vectors are compared (features of kind {KIND}, which a model in train is "
            "fed), found none: add --configfile recipes/perch.yaml or another one of docs/embeddings.md"
        )


def example_paths(config: dict) -> list[str]:
    """The sound files that `like` names: one, or those in a folder.

    Raises
    ------
    InputError
        There are none.
    """
    if config["like"] is None:
        raise InputError(
            "like: expected a sound file that holds what is sought, or a folder of some, given none: add --config like=FILE"
        )
    start, end = times(config)
    if (start is None) != (end is None):
        raise InputError(f"search: expected both start and end, or neither, given {start} and {end}")
    path = Path(config["like"]).expanduser()
    found = files.other(path)
    if found is None:
        return [str(path)]
    if found != files.FOLDER:
        raise InputError(
            f"like: expected a sound file, or a folder of some ({SOUND}), found {found} at {path}"
        )
    if not (names := annotation_files.below(path)[0]):
        raise InputError(f"like: expected a folder of sound files ({SOUND}), found none in {path}")
    if start is not None:
        raise InputError(
            f"search: expected no start and end, as like names a folder, given {start} and {end}"
        )
    return [str(path / name) for name in names]


def examples(config: dict) -> tuple[list[str], str] | None:
    """The sound files that `like` names, and the class of what is sought; None where the configuration names none that can be used.

    A search says what is wrong (`of_target`): nothing else needs them.
    """
    try:
        return example_paths(config), label(config)
    except InputError:
        return None


def times(config: dict) -> tuple[float | None, float | None]:
    """Where in the file what is sought is: start and end, s; None for the loudest window."""
    return config["search"]["start"], config["search"]["end"]


def label(config: dict) -> str:
    """The class of what is sought: its label, or the name of the file or folder.

    Raises
    ------
    InputError
        It cannot name a class, so that no verdict on what is found could become an annotation.
    """
    path = Path(config["like"]).expanduser()
    found = config["search"]["label"] or annotation_files.normal(path.name if path.is_dir() else path.stem)
    try:
        check_label(found)
    except InputError as error:
        raise InputError(
            f"search.label: {error}; it is the name of what like names where no label is given, --config 'search={{label: owl}}'"
        ) from None
    return found


def held_out(config: dict) -> list[str]:
    """The sound files in the folder that `queue.held_out` names; InputError where there are none."""
    if config["queue"]["held_out"] is None:
        return []
    folder = Path(config["queue"]["held_out"]).expanduser()
    names = annotation_files.below(folder)[0]
    if not names:
        found = files.other(folder)
        place = f"none in {folder}" if found == files.FOLDER else f"{found or 'a file'} at {folder}"
        raise InputError(f"queue.held_out: expected a folder of sound files ({SOUND}), found {place}")
    return [str(folder / name) for name in names]


def of_target(config: dict, medium: str, what: str, paths: list[str]):
    """An input function: paths of what a search or a queue makes; the run stops where it cannot be made."""
    made = new_recordings.of_recordings(config, paths, f"that a {what} is about")

    def inputs(wildcards):
        with user_errors():
            check(config, medium, what)
            if what == "search":
                example_paths(config)
                label(config)
            else:
                held_out(config)
        return made(wildcards)

    return inputs


def page_inputs(out: str, models: str):
    """An input function of the page of a search or a queue of the run in `out`: its table, and for a queue the classes of the
    models in `models`."""

    def inputs(wildcards):
        name = wildcards.chosen
        labels = {"labels": [f"{models}/labels.json"]} if name == "queue" else {}
        return {"chosen": f"{out}/{name}/{name}.csv", **labels}

    return inputs
