"""Prediction with the models of another run: the description that a run saves of its models, and its use.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
import zipfile
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.core.members import model_of
from understory.inference.embeddings.model_files import UNTRACKED

FILE = "ensemble/members.json"
LABELS = "labels.json"
# The keys of each block that predictions depend on: first those that may differ from the run that trained the models.
FREE = {"crop": ("hop",), "ensemble": ("folds", "threshold", "top_k", "windows")}
FIXED = {
    "crop": ("sample_rate", "window"),
    "ensemble": ("prior_power", "weights"),
    "images": ("longest_side", "sequences", "slices"),
    "split": ("n_splits",),
}
# What runs of earlier versions did not say.
FORMER = {"prior_power": 0.0, "weights": "equal"}
BLOCKS = {name: (*FREE.get(name, ()), *FIXED.get(name, ())) for name in sorted({*FREE, *FIXED})}
# The blocks that they depend on as a whole.
WHOLE = ("features", "models", "train")
# The keys of a model that concern its predictions, and not its training alone.
OF_MODEL = ("architecture", "options", "features", "select", "shifts")
# Where there are rounds of pseudo-labels: how many, which tells where the models are.
ROUNDS = "pseudo_labels"


def described(config: dict) -> dict:
    """The part of an effective configuration that predictions with its models depend on."""
    blocks = {name: {key: config[name][key] for key in keys} for name, keys in BLOCKS.items()}
    rounds = {ROUNDS: {"rounds": rounds_of(config)}} if rounds_of(config) else {}
    return {**blocks, **rounds, **{key: config[key] for key in WHOLE}}


def rounds_of(config: dict) -> int:
    """How many rounds of pseudo-labels a configuration has, or a description."""
    return config.get(ROUNDS, {}).get("rounds", 0)


def round_folder(number: int) -> str:
    """The folder of a round of pseudo-labels within that of a run, with a slash; nothing for the first training."""
    return f"round{number}/" if number else ""


def models_folder(config: dict) -> str:
    """The folder of the models that predict within that of a run, by its configuration or description."""
    return f"{round_folder(rounds_of(config))}models"


def taken(config: dict, given: dict) -> dict:
    """A checked configuration; where `models_from` names a run, with the settings that its models were trained with.

    Parameters
    ----------
    config : dict
    given : dict
        What of it the user gave, untyped. Of that, the keys of `FREE` stay as they are.

    Raises
    ------
    InputError
        There is no finished run in that folder, one of its models is missing, or a setting that was given contradicts
        what they were trained with.
    """
    if config["models_from"] is None:
        return config
    folder = Path(config["models_from"]).expanduser()
    # Detections in new recordings go to a folder of their own.
    if folder.resolve() == Path("results", config["name"]).resolve() and not config["recordings"]:
        raise InputError(
            f"name: expected another name than that of the run in models_from, given {config['name']}: the results of that "
            "run would be replaced; add name=NEW to --config"
        )
    if set("{}") & set(str(folder)):
        raise InputError(
            f"models_from: expected a folder without braces, which Snakemake takes for wildcards, given {folder}"
        )
    members = read(folder)
    run = members["run"]
    needed = [
        folder / models_folder(run) / model / f"fold{fold}" / f"{run['models'][model]['select']}.keras"
        for model in run["train"]
        for fold in range(run["split"]["n_splits"])
    ]
    if missing := [path for path in (*needed, folder / LABELS) if files.other(path)]:
        raise InputError(
            f"models_from: expected the models of every fold and {LABELS} in {folder}, found no {missing[0]}"
        )
    if damaged := [path for path in needed if not zipfile.is_zipfile(path)]:
        raise InputError(
            f"models_from: expected whole models, found {damaged[0]} damaged: copy that file again"
        )
    _check_given(given, config, run, folder)
    free = {name: set(FREE.get(name, ())) & set(given.get(name) or ()) for name in BLOCKS}
    blocks = {
        name: {**config[name], **run[name], **{key: config[name][key] for key in free[name]}}
        for name in BLOCKS
    }
    # A frozen model is identified by its content: it may be in another place by now.
    moved = {name: (given.get("features") or {}).get(name) or {} for name in run["features"]}
    told = {name: {**own, **moved[name]} for name, own in members.get("frozen", {}).items()}
    frozen = {
        name: {**block, **{key: told[name].get(key) for key in UNTRACKED}} if name in told else block
        for name, block in run["features"].items()
    }
    whole = {**{key: run[key] for key in WHOLE}, "features": frozen}
    whole[ROUNDS] = {**config.get(ROUNDS, {}), "rounds": rounds_of(run)}
    return {**config, "models_from": str(folder), **blocks, **whole}


def thresholds(members: dict, classes, fixed: float | None) -> dict[str, float] | None:
    """By class, the threshold that decides: a fixed one, or those that `read` gives; None where nothing is decided."""
    own = members["thresholds"]
    return own if own is None or fixed is None else dict.fromkeys(classes, fixed)


def _check_given(given, config, run, folder):
    """InputError where what was given contradicts what the models of a run were trained with."""
    fixed = {name: {key: run[name][key] for key in keys} for name, keys in FIXED.items()}
    fixed[ROUNDS] = {"rounds": rounds_of(run)}
    # A frozen model without a SHA-256 of its own is held to that of the run.
    fixed["features"] = {
        name: {
            key: value
            for key, value in block.items()
            if key != "sha256" or config["features"].get(name, {}).get(key)
        }
        for name, block in run["features"].items()
    }
    # The members of a model differ in their seeds alone.
    fixed["models"] = {
        model_of(name): {key: model[key] for key in OF_MODEL if key in model}
        for name, model in run["models"].items()
    }
    config = {**config, "models": {model_of(name): model for name, model in config["models"].items()}}
    wrong = [
        f"{place}: expected {json.dumps(own)}, as the models of {folder} were trained with, given {json.dumps(value)}"
        for place, value, own in _differing(given, config, fixed)
    ]
    own = run["ensemble"]["threshold"]
    if (
        own is not None
        and "threshold" in given.get("ensemble", {})
        and config["ensemble"]["threshold"] is None
    ):
        wrong.append(
            f"ensemble.threshold: expected a number, as {folder} fitted no thresholds but has {own:g} of its own, given null"
        )
    if wrong:
        raise InputError("\n  ".join(["models_from: these settings cannot be changed:", *sorted(wrong)]))


def _differing(given, config, run, place=""):
    """The dotted key, the value and the run's value of each setting that was given and differs from the run's."""
    for key in given:
        if key not in run or key not in config:
            continue
        here = f"{place}{key}"
        if isinstance(given[key], dict) and isinstance(run[key], dict):
            yield from _differing(given[key], config[key], run[key], f"{here}.")
        elif config[key] != run[key]:
            yield here, config[key], run[key]


def read(folder: Path, place: str = "models_from") -> dict:
    """The description of the models of the run in a folder: `run` (settings), `thresholds` and `priors` by class.

    `place` is the key of the configuration that names the folder, for messages.

    Raises
    ------
    InputError
        There is none, or it cannot be used.
    """
    path = Path(folder, FILE)
    wanted = f"{place}: expected the folder of a finished run, results/NAME, which holds {FILE}"
    if other := files.other(path):
        raise InputError(f"{wanted}; found {other} at {path.absolute()}")
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        if not {"run", "thresholds", "priors"} <= set(members) or set(members["run"]) - {ROUNDS} != {
            *BLOCKS,
            *WHOLE,
        }:
            raise ValueError("some of what a run writes is missing")
        members["run"]["ensemble"] = {**FORMER, **members["run"]["ensemble"]}
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{wanted}; {path} cannot be used: {error}") from None
    for block in members["run"]["models"].values():
        block.setdefault("shifts", 1)  # that of runs of earlier versions
    return members


def weights_file(config: dict, folder: str) -> str | list:
    """An input: the file in the folder of a run that has the weights of its models; none where all have the same."""
    return [] if config["ensemble"]["weights"] == "equal" else f"{folder}/{FILE}"


def weighted(settings: dict, file: str | None, fold: int | None = None) -> dict:
    """The settings of a job that scores windows, with the `weights` of the models, in the order of their names.

    Parameters
    ----------
    settings : dict
    file : str or None
        As `weights_file` gives it; without it, or where it has no weights, the settings stay as they are.
    fold : int, optional
        Then the weights are those that were fitted to all other folds.
    """
    held = json.loads(Path(file).read_text(encoding="utf-8")).get("weights") if file else None
    if not held:
        return settings
    # A fold without validated examples had no part in any weights.
    own = held["all"] if fold is None else held["folds"].get(str(fold), held["all"])
    return {**settings, "weights": [own[name] for name in sorted(own)]}
