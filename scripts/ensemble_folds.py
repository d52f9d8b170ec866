"""Combine the folds and models, and score them."""

import json
from pathlib import Path

from understory import ensemble, examples, predictions, scores, store
from understory.job import run


def main(job):
    params, how = job.params.settings, job.params.settings["ensemble"]
    labels = json.loads(Path(job.input.labels).read_text())
    classes, score = labels["classes"], scores.SCORES[labels["metric"]]

    def scored(found):
        known = examples.label_matrix(found.keys.assign(absent=""), classes, exhaustive=labels["exhaustive"])
        return score(known, found.values)

    parts = {
        (Path(path).parts[-3], int(Path(path).parts[-2].removeprefix("fold"))): predictions.read(
            path, classes
        )
        for path in job.input.oof
    }
    folds = [
        {"model": model, "fold": fold, "score": scored(part)} for (model, fold), part in sorted(parts.items())
    ]
    by_model = []
    for model in sorted({model for model, _ in parts}):
        whole = predictions.concatenate(part for (name, _), part in sorted(parts.items()) if name == model)
        by_model.append(whole.take(whole.keys.sort_values("example_id").index))
    oof = combined(by_model, ["example_id", "recording_id", "label", "present", "fold"], how["folds"])
    predictions.write(job.output.oof, oof)
    result = {
        "name": params["name"],
        "metric": labels["metric"],
        "folds": folds,
        "oof": scored(oof),
        "truth": None,
    }
    if job.input.get("predictions"):
        set_aside = store.read_table(job.input.quarantine)
        unread = set_aside.recording_id[(set_aside.subset == "test") & (set_aside.kind == "recording")]
        priors = ensemble.priors(store.read_table(job.input.folds), classes)
        members = [
            ensemble.with_priors(
                ensemble.by_recording(
                    predictions.read(path, classes), method=how["windows"], top_k=how["top_k"]
                ),
                unread,
                priors,
            )
            for path in job.input.predictions
        ]
        tested = combined(members, ["recording_id"], how["folds"])
        predictions.write(job.output.predictions, tested)
        if job.input.get("truth"):
            truth = store.read_table(job.input.truth).set_index("recording_id")
            result["truth"] = score(truth.loc[tested.keys.recording_id, classes].to_numpy(), tested.values)
    with store.replacing(job.output.scores) as path:
        path.write_text(json.dumps(result, indent=1) + "\n")


def combined(members, keys, method):
    values = ensemble.combine(ensemble.align(members, keys), method=method)
    return predictions.Predictions(members[0].keys[keys], values, members[0].classes)


run(main, globals().get("snakemake"))
