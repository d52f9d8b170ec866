"""The state of a training after an epoch, from which it goes on if it is interrupted."""

import json
import zipfile
from pathlib import Path

import keras

from understory.core import processor
from understory.core.files import replacing
from understory.training.averaging import MovingAverage
from understory.training.saving import save

# The file of a state that tells what processor computed it.
PROCESSOR = "processor.txt"


def save_state(model: keras.Model, history: list[dict], watched: str, state: Path, averaged: MovingAverage):
    """Save the model, its average and the history after an epoch, and the model as the best one where its score is.

    Parameters
    ----------
    model : keras.Model
    history : list of dict
        One dict an epoch.
    watched : str
        The score, by its name in the history.
    state : pathlib.Path
        An existing folder.
    averaged : MovingAverage
        The weights that are validated.
    """
    epoch = len(history)
    if history[-1][watched] >= max(each[watched] for each in history):
        with averaged.within(model):
            save(model, state / "best.keras")
    averaged.save(state / f"average-{epoch:06}.npz")
    for name, content in (("history.json", json.dumps(history)), (PROCESSOR, processor.instructions())):
        with replacing(state / name) as path:
            path.write_text(content)
    save(model, state / _file_name(epoch))
    for former in (_file_name(epoch - 1), f"average-{epoch - 1:06}.npz"):
        (state / former).unlink(missing_ok=True)


def _file_name(epoch):
    # The optimiser's own count leaves out float16 steps that overflow.
    return f"epoch-{epoch:06}.keras"


def resumed(state: Path, averaged: MovingAverage) -> tuple[keras.Model, list[dict]] | None:
    """The model and the history of an interrupted training, whose average `averaged` becomes; None where there is none, or it
    cannot be read."""
    last = max(state.glob("epoch-*.keras"), default=None)
    if last is None:
        return None
    try:
        history = json.loads((state / "history.json").read_text())[: int(last.stem.rpartition("-")[2])]
        model = keras.saving.load_model(last, safe_mode=True)
        # Last: a training that starts anew starts with an empty average.
        averaged.load(state / f"average-{len(history):06}.npz")
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(f"{state}: cannot read the state of the interrupted training ({error}): starting anew")
        # A state of an earlier epoch would not go with the history that is written from now on.
        for each in state.glob("epoch-*.keras"):
            each.unlink()
        return None
    print(f"resuming after epoch {len(history)}")
    _compare(state)
    return model, history


def _compare(state):
    """Say where the state is of another kind of processor."""
    path, now = state / PROCESSOR, processor.instructions()
    if path.is_file() and (former := path.read_text()) != now:
        print(
            f"the epochs before were computed with {former}, the next ones are with {now}: the last digits of results will not be those "
            "of a training on one kind of processor, unless instruction_set: avx2 is set"
        )
