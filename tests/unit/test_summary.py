"""The last lines of a run."""

import json

from understory.run import summary


def finished(folder, untrained=(), warnings=(), **scored):
    """A finished run's folder."""
    (folder / "ensemble").mkdir(parents=True)
    (folder / "predictions/m").mkdir(parents=True)
    for name in ("submission.csv", "report.html"):
        (folder / name).touch()
    (folder / "quarantine.csv").write_text(
        "subset,kind,recording_id,place,reason\ntrain,slice,s,p,r\ntest,recording,t1,p,r\n"
    )
    (folder / "predictions/m/fold0.csv").write_text("recording_id,start,a\nt0,0,1\nt0,5,1\n")
    (folder / "ensemble/predictions.csv").write_text("recording_id,start,a\nt0,0,1\nt0,5,1\nt1,,1\n")
    (folder / "warnings.txt").write_text("".join(f"{line}\n" for line in warnings))
    (folder / "labels.json").write_text(json.dumps({"classes": ["a", "b"], "untrained": untrained}))
    if scored:
        (folder / "scores.json").write_text(json.dumps(scored))
    return folder


def test_the_last_lines_tell_the_interval(tmp_path):
    scored = {
        "metric": "roc_auc",
        "folds": [
            {"model": "m", "fold": fold, "score": score}
            for fold, score in enumerate([0.6, float("nan"), 0.8])
        ],
        "oof": 0.7,
        "oof_interval": {"low": 0.5512, "high": 0.8, "resamples": 1000, "undefined": 0},
        "truth": None,
    }
    folder = finished(tmp_path / "one", **scored)
    other = finished(tmp_path / "two", untrained=["b"], warnings=["It has learned nothing."], **scored)
    assert summary.lines(other, tested=True)[-1] == "warning      It has learned nothing."
    assert summary.lines(other, tested=True)[1] == (
        "classes      1 of 2 never predicted, as no example of them can be used: b"
    )
    first, _, folds, oof, _ = summary.lines(folder, tested=True)
    assert first.endswith(
        f"(1 of 2 test recordings could not be read and has no prediction of its own; 1 slice and 1 recording quarantined, see {folder / 'quarantine.csv'})"
    )
    assert folds == "folds        roc_auc 0.600 to 0.800, mean 0.700, over 2 folds of m"
    assert oof == "out-of-fold  roc_auc 0.700 (95 % interval 0.551 to 0.800)"
    # Of one recording, all resamples have one score.
    for number, value in enumerate((float("nan"), 0.7)):
        scored["oof_interval"] |= {"low": value, "high": value}
        other = finished(tmp_path / f"other{number}", **scored)
        assert summary.lines(other, tested=True)[3] == "out-of-fold  roc_auc 0.700"


def test_with_models_of_another_run_there_is_a_submission_alone(tmp_path):
    folder = finished(tmp_path / "results/mine")
    submission, models = summary.lines(folder, tested=True, models_from="results/other")
    assert submission.startswith(f"submission   {folder}/submission.csv (")
    assert models == "models       those of results/other; nothing was trained or scored"
