"""Prediction with the models of another run: the description that a run saves of its models, and its use.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError

FILE = "ensemble/members.json"
LABELS = "labels.json"
# The keys of each block that predictions depend on.
BLOCKS = {
    "crop": ("hop", "sample_rate", "window"),
    "ensemble": ("folds", "threshold", "top_k", "windows"),
    "images": ("longest_side", "sequences", "slices"),
    "split": ("n_splits",),
}
# The blocks that they depend on as a whole.
WHOLE = ("features", "models", "train")


def described(config: dict) -> dict:
    """The part of an effective configuration that predictions with its models depend on."""
    blocks = {name: {key: config[name][key] for key in keys} for name, keys in BLOCKS.items()}
    return {**blocks, **{key: config[key] for key in WHOLE}}


def taken(config: dict) -> dict:
    """A checked configuration; where `models_from` names a run, with the settings that its models were trained with.

    Raises
    ------
    InputError
        There is no finished run in that folder, or one of its models is missing.
    """
    if config["models_from"] is None:
        return config
    folder = Path(config["models_from"]).expanduser()
    run = read(folder)["run"]
    needed = [
        folder / "models" / model / f"fold{fold}" / f"{run['models'][model]['select']}.keras"
        for model in run["train"]
        for fold in range(run["split"]["n_splits"])
    ]
    if missing := [path for path in (*needed, folder / LABELS) if files.other(path)]:
        raise InputError(
            f"models_from: expected the models of every fold and {LABELS} in {folder}, found no {missing[0]}"
        )
    blocks = {name: {**config[name], **run[name]} for name in BLOCKS}
    return {**config, **blocks, **{key: run[key] for key in WHOLE}}


def read(folder: Path) -> dict:
    """The description of the models of the run in a folder: `run` (settings), `thresholds` and `priors` by class.

    Raises
    ------
    InputError
        There is none, or it cannot be used.
    """
    path = Path(folder, FILE)
    wanted = f"models_from: expected the folder of a finished run, results/NAME, which holds {FILE}"
    if other := files.other(path):
        raise InputError(f"{wanted}; found {other} at {path.absolute()}")
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        if not {"run", "thresholds", "priors"} <= set(members) or set(members["run"]) != {*BLOCKS, *WHOLE}:
            raise ValueError("some of what a run writes is missing")
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{wanted}; {path} cannot be used: {error}") from None
    return members
