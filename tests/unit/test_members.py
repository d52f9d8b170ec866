import json
import zipfile

import pytest
import yaml
from workflow import ROOT

from understory.core.errors import InputError
from understory.inference import saved_run
from understory.plan import config as configuration

RUN = {
    "crop": {"hop": 1.0, "sample_rate": 8000, "window": 2.0},
    "ensemble": {
        "folds": "mean",
        "threshold": None,
        "top_k": 1,
        "prior_power": 0.0,
        "weights": "equal",
        "windows": "max",
    },
    "images": {"longest_side": 8, "sequences": [], "slices": {}},
    "split": {"n_splits": 2},
    "features": {"mel": {"kind": "log_mel"}},
    "models": {"m": {"features": "mel", "select": "best"}},
    "train": ["m"],
}
CONFIG = {
    "crop": {"hop": 5.0, "sample_rate": 48000, "window": 10.0, "absent": True},
    "ensemble": {
        "folds": "rank",
        "threshold": 0.5,
        "top_k": 3,
        "prior_power": 0.0,
        "weights": "equal",
        "windows": "mean",
    },
    "images": {"longest_side": 512, "sequences": ["a"], "slices": {"start": 0.1}},
    "split": {"n_splits": 5, "seed": 1},
    "features": {"other": {}},
    "models": {"n": {}},
    "train": [],
    "name": "mine",
    "recordings": None,
}


@pytest.fixture
def finished(tmp_path):
    for fold in range(2):
        (tmp_path / f"models/m/fold{fold}").mkdir(parents=True)
        with zipfile.ZipFile(tmp_path / f"models/m/fold{fold}/best.keras", "w") as model:
            model.writestr("config.json", "{}")
    (tmp_path / "labels.json").touch()
    (tmp_path / "ensemble").mkdir()
    (tmp_path / saved_run.FILE).write_text(json.dumps({"run": RUN, "thresholds": None, "priors": {}}))
    return tmp_path


def test_all_that_a_prediction_depends_on_is_the_other_runs(finished):
    found = saved_run.taken({**CONFIG, "models_from": str(finished)}, {})
    # It was written before models had shifts.
    assert saved_run.described(found) == {**RUN, "models": {"m": {**RUN["models"]["m"], "shifts": 1}}}
    assert found["crop"]["absent"] is True
    assert found["split"]["seed"] == 1
    assert found["name"] == "mine"


def test_models_of_the_last_round_of_pseudo_labels_are_found(finished):
    models = {"m": {**RUN["models"]["m"], "shifts": 1}}
    run = {**RUN, "models": models, "pseudo_labels": {"rounds": 2}}
    (finished / saved_run.FILE).write_text(json.dumps({"run": run, "thresholds": None, "priors": {}}))
    with pytest.raises(
        InputError, match=r"expected the models of every fold .* found no .*round2/models/m/fold0/best.keras"
    ):
        saved_run.taken({**CONFIG, "models_from": str(finished)}, {})
    (finished / "round2").mkdir()
    (finished / "models").rename(finished / "round2/models")
    found = saved_run.taken({**CONFIG, "models_from": str(finished)}, {})
    assert saved_run.described(found) == run
    assert saved_run.models_folder(found) == "round2/models"


def test_settings_that_may_differ_are_those_given(finished):
    given = {
        "crop": {"hop": 5},
        "ensemble": {"windows": "mean", "threshold": 0.5},
        "models": {"m": {"epochs": 9}},
    }
    found = saved_run.taken({**CONFIG, "models_from": str(finished)}, given)
    assert found["crop"] == {**RUN["crop"], "hop": 5.0, "absent": True}
    assert found["ensemble"] == {**RUN["ensemble"], "windows": "mean", "threshold": 0.5}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"crop": {"window": 10}},
            "crop.window: expected 2.0, as the models of .* were trained with, given 10.0",
        ),
        ({"crop": {"sample_rate": "48e3"}}, "crop.sample_rate: expected 8000"),
        ({"split": {"n_splits": 5}}, "split.n_splits: expected 2"),
        ({"features": {"mel": {"fmin": 5}}}, "features.mel.fmin: expected 1.0, .* given 5.0"),
        ({"models": {"m": {"select": "last"}}}, 'models.m.select: expected "best"'),
        ({"models": {"m": {"shifts": 4}}}, "models.m.shifts: expected 1"),
        ({"pseudo_labels": {"rounds": 1}}, "pseudo_labels.rounds: expected 0, as the models of .* given 1"),
    ],
)
def test_settings_that_the_models_were_trained_with_cannot_be_changed(finished, given, said):
    config = {
        **CONFIG,
        "models_from": str(finished),
        "features": {"mel": {"kind": "log_mel", "fmin": 5.0}},
        "models": {"m": {"features": "mel", "select": "last", "shifts": 4}},
        "pseudo_labels": {"rounds": 1},
    }
    members = finished / saved_run.FILE
    run = {**RUN, "features": {"mel": {"kind": "log_mel", "fmin": 1.0}}}
    members.write_text(json.dumps({"run": run, "thresholds": None, "priors": {}}))
    with pytest.raises(InputError, match=said) as refused:
        saved_run.taken(config, given)
    assert len(str(refused.value).splitlines()) == 2


def test_thresholds_that_are_fixed_replace_those_of_the_run():
    fitted = {"thresholds": {"a": 0.1, "b": 0.2}}
    assert saved_run.thresholds(fitted, ["a", "b"], None) == fitted["thresholds"]
    assert saved_run.thresholds(fitted, ["a", "b"], 0.5) == {"a": 0.5, "b": 0.5}
    assert saved_run.thresholds({"thresholds": None}, ["a"], 0.5) is None


def test_thresholds_that_were_never_fitted_cannot_be_asked_for(finished):
    run = {**RUN, "ensemble": {**RUN["ensemble"], "threshold": 0.3}}
    members = {"run": run, "thresholds": None, "priors": {}}
    (finished / saved_run.FILE).write_text(json.dumps(members))
    config = {**CONFIG, "models_from": str(finished), "ensemble": {**CONFIG["ensemble"], "threshold": None}}
    with pytest.raises(InputError, match=r"ensemble\.threshold: expected a number"):
        saved_run.taken(config, {"ensemble": {"threshold": None}})


def test_a_run_does_not_replace_the_one_whose_models_it_takes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {**CONFIG, "name": "first", "models_from": "results/first/"}
    with pytest.raises(InputError, match="name: expected another name than that of the run in models_from"):
        saved_run.taken(config, {})


def test_without_another_run_nothing_changes():
    config = {**CONFIG, "models_from": None}
    assert saved_run.taken(config, {"crop": {"hop": 1}}) is config


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda place: (place / saved_run.FILE).unlink(), "which holds ensemble/members.json; found none at"),
        (lambda place: (place / saved_run.FILE).write_text("{"), "cannot be used"),
        (lambda place: (place / saved_run.FILE).write_text("[]"), "some of what a run writes is missing"),
        (
            lambda place: (place / saved_run.FILE).write_text('{"run": 1, "thresholds": 1, "priors": 1}'),
            "used",
        ),
        (
            lambda place: (place / "models/m/fold1/best.keras").unlink(),
            "the models of every fold.*fold1/best",
        ),
        (lambda place: (place / "labels.json").unlink(), "and labels.json in"),
        (
            lambda place: (place / "models/m/fold1/best.keras").write_bytes(b"PK"),
            "whole models.*fold1/best.keras damaged",
        ),
    ],
)
def test_what_lacks_is_said(finished, broken, said):
    broken(finished)
    with pytest.raises(InputError, match=f"models_from: expected.*{said}"):
        saved_run.taken({**CONFIG, "models_from": str(finished)}, {})


def test_recordings_ask_for_nothing_but_models(finished, monkeypatch):
    """With models_from and recordings, nothing is trained, and no data are read but the recordings."""
    monkeypatch.setattr(saved_run, "_check_given", lambda *given: None)
    given = {"models_from": str(finished), "recordings": "new", "detect": {"hop": 0.5}}
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert base["train"]
    found = configuration.complete({**base, "dataset": "esc50", "data": "gone", **given}, (), lambda: given)
    assert configuration.only_detects(found)
    assert (found["train"], found["data"], found["shards"]["test"]) == (["m"], "new", 0)
    # Its results may be beside those of the models' own run.
    (finished / "results").mkdir()
    (finished / "results/demo").symlink_to(finished)
    monkeypatch.chdir(finished)
    assert configuration.complete({**base, **given}, (), lambda: given)["name"] == "demo"
    with pytest.raises(InputError, match="name: expected another name"):
        configuration.complete({**base, "models_from": str(finished)}, ())
    photo = {**RUN, "features": {"mel": {"kind": "picture"}}}
    (finished / saved_run.FILE).write_text(json.dumps({"run": photo, "thresholds": None, "priors": {}}))
    with pytest.raises(
        InputError, match="recordings: expected models of sound, given some that are fed picture"
    ):
        configuration.complete({**base, **given}, (), lambda: given)


def test_the_folder_may_be_of_the_home_and_has_no_braces(finished, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(finished.parent))
    found = saved_run.taken({**CONFIG, "models_from": f"~/{finished.name}/"}, {})
    assert found["models_from"] == str(finished)
    with pytest.raises(
        InputError, match=r"models_from: expected a folder without braces, .* given runs/\{x\}"
    ):
        saved_run.taken({**CONFIG, "models_from": "runs/{x}"}, {})


def test_the_weights_of_a_run_are_those_of_its_models_in_the_order_of_their_names(finished):
    settings = {"folds": 2}
    path = str(finished / saved_run.FILE)
    assert saved_run.weighted(settings, None) == saved_run.weighted(settings, path) == settings
    held = {"all": {"b": 0.25, "a": 0.75}, "folds": {"0": {"b": 1.0, "a": 0.0}}}
    members = json.loads((finished / saved_run.FILE).read_text())
    (finished / saved_run.FILE).write_text(json.dumps({**members, "weights": held}))
    assert saved_run.weighted(settings, path) == {"folds": 2, "weights": [0.75, 0.25]}
    assert saved_run.weighted(settings, path, 0)["weights"] == [0.0, 1.0]
    # A fold without validated examples had no part in any weights.
    assert saved_run.weighted(settings, path, 1)["weights"] == [0.75, 0.25]


def test_weights_cannot_be_changed_and_runs_of_earlier_versions_have_none(finished):
    old = {key: value for key, value in RUN["ensemble"].items() if key not in saved_run.FORMER}
    members = {"run": {**RUN, "ensemble": old}, "thresholds": None, "priors": {}}
    (finished / saved_run.FILE).write_text(json.dumps(members))
    config = {**CONFIG, "models_from": str(finished)}
    found = saved_run.taken(config, {})
    assert found["ensemble"]["weights"] == "equal"
    assert saved_run.weights_file(found, "there") == []
    greedy = {**config, "ensemble": {**CONFIG["ensemble"], "weights": "greedy"}}
    with pytest.raises(InputError, match=r'ensemble\.weights: expected "equal", .*, given "greedy"'):
        saved_run.taken(greedy, {"ensemble": {"weights": "greedy"}})
    assert saved_run.weights_file(greedy, "there") == f"there/{saved_run.FILE}"
