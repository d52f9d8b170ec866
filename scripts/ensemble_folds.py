"""Combine the folds and models, and score them."""

import json
from pathlib import Path

import pandas as pd

from understory import ensemble, examples, scores, store
from understory.job import run


def main(job):
    params, how = job.params.settings, job.params.settings["ensemble"]
    labels = json.loads(Path(job.input.labels).read_text())
    classes, score = labels["classes"], scores.SCORES[labels["metric"]]

    def known(table):
        return examples.label_matrix(table.assign(absent=""), classes, exhaustive=labels["exhaustive"])

    parts = {
        (Path(path).parts[-3], int(Path(path).parts[-2].removeprefix("fold"))): store.read_table(path)
        for path in job.input.oof
    }
    folds = [
        {"model": model, "fold": fold, "score": score(known(table), table[classes].to_numpy())}
        for (model, fold), table in sorted(parts.items())
    ]
    by_model = [
        pd.concat([table for (name, _), table in sorted(parts.items()) if name == model]).sort_values(
            "example_id", ignore_index=True
        )
        for model in sorted({model for model, _ in parts})
    ]
    held = ["example_id", "recording_id", "label", "present", "fold"]
    oof = by_model[0][held].join(
        pd.DataFrame(
            ensemble.combine(ensemble.align(by_model, held, classes), method=how["folds"]), columns=classes
        )
    )
    store.write_table(job.output.oof, oof)
    result = {
        "name": params["name"],
        "metric": labels["metric"],
        "folds": folds,
        "oof": score(known(oof), oof[classes].to_numpy()),
        "truth": None,
    }
    if job.input.get("predictions"):
        set_aside = store.read_table(job.input.quarantine)
        unread = set_aside.recording_id[(set_aside.subset == "test") & (set_aside.kind == "recording")]
        priors = ensemble.priors(store.read_table(job.input.folds), classes)
        members = [
            ensemble.with_priors(
                ensemble.by_recording(
                    store.read_table(path), classes, method=how["windows"], top_k=how["top_k"]
                ),
                unread,
                priors,
            ).reset_index()
            for path in job.input.predictions
        ]
        combined = ensemble.combine(ensemble.align(members, ["recording_id"], classes), method=how["folds"])
        predictions = members[0][["recording_id"]].join(pd.DataFrame(combined, columns=classes))
        store.write_table(job.output.predictions, predictions)
        if job.input.get("truth"):
            truth = (
                store.read_table(job.input.truth)
                .set_index("recording_id")
                .loc[predictions.recording_id, classes]
            )
            result["truth"] = score(truth.to_numpy(), predictions[classes].to_numpy())
    with store.replacing(job.output.scores) as path:
        path.write_text(json.dumps(result, indent=1) + "\n")


run(main, globals().get("snakemake"))
