"""Combine the folds and models, and score them."""

import json
from pathlib import Path

from understory.core.files import replacing
from understory.core.words import WORDS
from understory.data import predictions, store
from understory.data.task import Task
from understory.evaluation import caveats, ensemble, scoring
from understory.evaluation.fitted import crossfit
from understory.inference import saved_run
from understory.run.job import run


def main(job):
    params, how = job.params.settings, job.params.settings["ensemble"]
    # With models of another run, the test recordings may be of another reader.
    task = Task.read(job.input.labels)._replace(unit=job.params.unit)
    if job.input.get("oof"):
        result, own = out_of_fold(job, task)
    else:
        result, own = None, saved_run.read(Path(job.input.members).parents[1])
    if job.input.get("predictions"):
        quarantined = store.read_table(job.input.quarantine)
        of_test = (quarantined.subset == "test") & (quarantined.kind == "recording")
        unread = quarantined.recording_id[of_test]
        parts = [read(path, task) for path in job.input.predictions]
        if task.unit == "recording":
            parts = [ensemble.by_recording(part, method=how["windows"], top_k=how["top_k"]) for part in parts]
        fitted = crossfit.Fitted(
            how["folds"], own.get("weights", {}).get("all"), factors=own.get("class_factors")
        )
        tested = fitted.combine(task, parts, job.params.members)
        tested = ensemble.with_priors(tested, unread, own["priors"] if job.params.priors else None)
        predictions.write(job.output.predictions, tested, top_k=params["predictions"]["top_k"])
        if job.input.get("truth"):
            truth, told = scoring.with_truth(task, tested, store.read_table(job.input.truth))
            result["truth"] = scoring.score(task, truth, scoring.outputs(task, told, own["thresholds"]))
    if result:
        for path, content in ((job.output.scores, result), (job.output.members, own)):
            with replacing(path) as new:
                new.write_text(json.dumps(content, indent=1) + "\n")


def read(path, task):
    """Predictions without classes that nothing was learned of; means of logarithms or ranks would give them some again."""
    return ensemble.without(predictions.read(path, task.classes), task.untrained)


def out_of_fold(job, task):
    """The scores; and what predicting with these models needs, thresholds, priors and settings, with the thresholds of the score."""
    params = job.params.settings
    fixed = params["ensemble"]["threshold"]
    folds = store.read_table(job.input.folds)
    priors = ensemble.priors(folds, task.classes)
    by_model = {}
    for model in sorted(set(job.params.members)):
        paths = [path for path, of in zip(job.input.oof, job.params.members, strict=True) if of == model]
        parts = predictions.concatenate(read(path, task) for path in paths)
        by_model[model] = parts.take(parts.keys.example_id.sort_values().index)
        del parts
    if params["ensemble"]["weights"] != "equal" and len(by_model) == 1:
        print("ensemble.weights: one model has no others to be weighed against")
    found, fitted, told = crossfit.scores(
        task, by_model, folds, params["ensemble"], fixed, seed=params["seed"]
    )
    predictions.write(job.output.oof, found.oof, top_k=params["predictions"]["top_k"])
    by_fold = {str(fold): each.weights for fold, each in found.by_fold.items()}
    result = {
        "name": params["name"],
        "metric": task.metric,
        "folds": [
            {"model": model, "fold": fold, "score": value}
            for model, oof in by_model.items()
            for fold, value in scoring.scores_by_fold(task, oof, fixed).items()
        ],
        **told,
        "caveats": caveats.sentences(
            params, folds, store.read_table(job.input.contents), WORDS[params["sources"]]
        ),
        "truth": None,
    }
    return result, {
        "run": params["run"],
        # Where the models lie matters to who uses them, and to no result.
        **({"frozen": job.params.models.told} if job.params.models.told else {}),
        "thresholds": crossfit.thresholds(task, by_model, fitted, fixed),
        "held_out_thresholds": found.thresholds,
        "priors": priors.to_dict(),
        **({"weights": {"all": fitted.weights, "folds": by_fold}} if fitted.weights else {}),
        **({"class_factors": fitted.factors} if fitted.factors else {}),
    }


run(main, globals().get("snakemake"))
