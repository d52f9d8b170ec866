"""What jobs that train a model on all but one fold have in common: what they resume from, and the files that they write."""

import shutil
from pathlib import Path

import keras
import pandas as pd

from understory.core import hashing, members
from understory.core.files import replacing
from understory.data.task import Task
from understory.training import fit, layers, metrics, saving
from understory.training.inputs.examples import Examples


def examples(shards, folds: pd.DataFrame, task: Task, settings: dict) -> Examples:
    """The examples of a training, with the labels of the network's outputs.

    Parameters
    ----------
    shards, folds
        As for `Examples`.
    task : Task
    settings : dict
        `params.settings` of the job.
    """
    return Examples(
        shards,
        folds,
        task.output_names,
        exhaustive=task.exhaustive,
        by_output=task.outputs is not None,
        smoothing=settings.get("labels", {}).get("confidence_smoothing", 0.0),
        band=settings.get("band"),
    )


def train(job, data: Examples, metric, inputs: list, *, merged=None, start=None, relabelled=None):
    """Train the model of a job, and write its last and best model and its history.

    Parameters
    ----------
    job
        Of Snakemake: `params.settings` and `params.code`, `wildcards.model` and `wildcards.fold`, `output.last`, `output.best` and
        `output.history`.
    data : Examples
    metric
        The module of the score to watch, of `understory.evaluation.metrics`.
    inputs : list of path
        The files that the training depends on: after an interruption it goes on where these are the same.
    merged : sequence of int, optional
        The number of the class of each output of the network; the models that are written merge them.
    start, relabelled
        As for `fit.train`.
    """
    params, name, fold = job.params.settings, job.wildcards.model, int(job.wildcards.fold)
    # Beside the folder of models.
    resume = Path(job.output.last).parents[3] / "resume"
    state = hashing.digest([job.params.code, params, saving.content_digest(inputs)])
    model, best, history = fit.train(
        data,
        fold=fold,
        # A member draws what the only model of this seed would draw.
        name=members.model_of(name),
        settings=params["models"][name],
        metric=metrics.metric(metric, merged),
        seed=params["seed"],
        control=params["control"],
        start=start,
        relabelled=relabelled,
        state=resume / f"{name}-fold{fold}-{state}",
    )
    saving.save(layers.merging(model, merged), Path(job.output.last))
    if merged is None:
        with replacing(job.output.best) as path:
            shutil.copyfile(best, path)
    else:
        best = keras.saving.load_model(best, compile=False, safe_mode=True)
        saving.save(layers.merging(best, merged), Path(job.output.best))
    with replacing(job.output.history) as path:
        path.write_text(saving.history_csv(history))


def forget(job):
    """Delete what the training of a job would resume from: all that it writes is written."""
    name, fold = job.wildcards.model, job.wildcards.fold
    for state in (Path(job.output.last).parents[3] / "resume").glob(f"{name}-fold{fold}-*"):
        # What another node put there, or is reading, may stay: the training is done.
        shutil.rmtree(state, ignore_errors=True)
