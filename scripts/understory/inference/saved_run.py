"""Predicting with the models of another run: what it says of them, and the configuration that goes with them.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError

FILE = "ensemble/members.json"
LABELS = "labels.json"
# Of each block, what predictions depend on.
BLOCKS = {
    "crop": ("hop", "sample_rate", "window"),
    "ensemble": ("folds", "threshold", "top_k", "windows"),
    "images": ("longest_side", "sequences", "slices"),
    "split": ("n_splits",),
}


def described(config: dict) -> dict:
    """Of an effective configuration, what a prediction with its models needs to know."""
    blocks = {name: {key: config[name][key] for key in keys} for name, keys in BLOCKS.items()}
    return {**blocks, **{key: config[key] for key in ("features", "models", "train")}}


def taken(config: dict) -> dict:
    """A checked configuration with all that goes with the models of the run at `models_from`, where it names one.

    Raises
    ------
    InputError
        There is no finished run, or not all of its models.
    """
    if config["models_from"] is None:
        return config
    folder = Path(config["models_from"]).expanduser()
    run = read(folder)["run"]
    lacking = [
        path
        for model in run["train"]
        for fold in range(run["split"]["n_splits"])
        if files.other(
            path := folder / "models" / model / f"fold{fold}" / f"{run['models'][model]['select']}.keras"
        )
    ]
    if lacking or files.other(folder / LABELS):
        raise InputError(
            f"models_from: expected the models of every fold and {LABELS} in {folder}, found no {(lacking or [folder / LABELS])[0]}"
        )
    blocks = {name: {**config[name], **run[name]} for name in BLOCKS}
    return {**config, **blocks, **{key: run[key] for key in ("features", "models", "train")}}


def read(folder: Path) -> dict:
    """What the run in a folder says of its models: `run` (its settings), `thresholds` and `priors` by class.

    Raises
    ------
    InputError
        There is none, or it cannot be used.
    """
    path = Path(folder, FILE)
    wanted = f"models_from: expected the folder of a finished run, results/NAME, which holds {FILE}"
    if found := files.other(path):
        raise InputError(f"{wanted}; found {found} at {path.absolute()}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not {"run", "thresholds", "priors"} <= set(found) or set(found["run"]) != {
            *BLOCKS,
            "features",
            "models",
            "train",
        }:
            raise ValueError("not all that a run writes")
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{wanted}; {path} cannot be used: {error}") from None
    return found
