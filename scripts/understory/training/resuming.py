"""The state of a training after an epoch, from which it goes on if it is interrupted."""

import json
import time
import zipfile
from pathlib import Path

import keras

from understory.core import processor
from understory.core.files import replacing
from understory.training.averaging import MovingAverage
from understory.training.saving import save

# Seconds after which the list of a folder is up to date on a network file system (NFS keeps one for a minute), and seconds between
# looks at it.
LATE, PAUSE = 90.0, 5.0
# The files of a state, by the epoch: the optimiser's own count leaves out float16 steps that overflow.
MODEL, AVERAGE, HISTORY, BEST = "epoch-{}.keras", "average-{}.npz", "history-{}.json", "best-{}.keras"


def save_state(model: keras.Model, history: list[dict], watched: str, state: Path, averaged: MovingAverage):
    """Save the model, its average and the history after an epoch, and the model as the best one where its score is.

    All names tell the epoch, and the model comes last: another job that trains the same on another node, as Slurm starts one while
    a node does not answer, may be some epochs before or behind, and writes the same bytes under the same names.

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
    epoch, best = len(history), best_model(state, history, watched)
    if best == _named(state, BEST, epoch):
        with averaged.within(model):
            save(model, best)
    averaged.save(_named(state, AVERAGE, epoch))
    with replacing(_named(state, HISTORY, epoch)) as path:
        path.write_text(json.dumps({"history": history, "processor": processor.instructions()}))
    save(model, _named(state, MODEL, epoch))
    if epoch == 1:
        return
    for kind in (MODEL, AVERAGE, HISTORY):
        _named(state, kind, epoch - 1).unlink(missing_ok=True)
    former = best_model(state, history[:-1], watched)
    if former != best:
        former.unlink(missing_ok=True)


def best_model(state: Path, history: list[dict], watched: str) -> Path:
    """The file of the best model so far; of equally good ones, that of the last epoch."""
    best = max(range(len(history)), key=lambda number: (history[number][watched], number))
    return _named(state, BEST, best + 1)


def resumed(state: Path, averaged: MovingAverage, watched: str) -> tuple[keras.Model, list[dict]] | None:
    """The model and the history of an interrupted training, whose average `averaged` becomes; None where there is none, or it
    cannot be read.

    A file that the folder's list names and that is not there was deleted on another node: the list is late, and is read again.
    """
    end = time.monotonic() + LATE
    while last := max(state.glob(MODEL.format("*")), default=None):
        try:
            return _read(state, int(last.stem.rpartition("-")[2]), averaged, watched)
        except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
            if isinstance(error, FileNotFoundError) and time.monotonic() < end:
                time.sleep(PAUSE)
                continue
            print(f"{state}: cannot read the state of the interrupted training ({error}): starting anew")
            # What is begun anew is not to go on from a later epoch that is damaged.
            for each in state.glob(MODEL.format("*")):
                each.unlink(missing_ok=True)
            break
    return None


def _named(state, kind, epoch):
    return state / kind.format(f"{epoch:06}")


def _read(state, epoch, averaged, watched):
    """The state after an epoch; FileNotFoundError where a file of it is not there."""
    told = json.loads(_named(state, HISTORY, epoch).read_text())
    history = told["history"]
    for path in (last := _named(state, MODEL, epoch), best_model(state, history, watched)):
        # Keras has an error of its own for it.
        path.open("rb").close()
    model = keras.saving.load_model(last, safe_mode=True)
    # Last: a training that starts anew starts with an empty average.
    averaged.load(_named(state, AVERAGE, epoch))
    print(f"resuming after epoch {epoch}")
    _compare(told["processor"])
    return model, history


def _compare(former):
    """Say where a state is of another kind of processor."""
    if former != (now := processor.instructions()):
        print(
            f"the epochs before were computed with {former}, the next ones are with {now}: the last digits of results will not be those "
            "of a training on one kind of processor, unless instruction_set: avx2 is set"
        )
