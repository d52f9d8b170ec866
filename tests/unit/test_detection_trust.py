from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

from understory.core.hashing import stable_hash
from understory.data.calibration import probability
from understory.data.dataset import Annotation
from understory.data.task import Task
from understory.evaluation.detections import held_out as evaluated
from understory.evaluation.detections import scores as detection_scores
from understory.evaluation.detections import thresholds as detection_thresholds
from understory.inference import events, held_out_folds, probes

FIND = partial(events.find, settings={"smoothing": 1, "low": 0.75, "merge_gap": 0.0, "min_duration": 0.0})
TASK = Task(["owl", "cat", "rare"], True, "lwlrap", "recording", "example", None, ["rare"])


def made(count, *, task=TASK, absent=False, seed=0):
    """Recordings of ten seconds: the owl's scores tell where it is, the cat's nothing; the folds of the recordings."""
    rng, scored, annotations = np.random.default_rng(seed), [], {}
    for number in range(count):
        heard = rng.random((10, 3)) < 0.3
        scores = np.clip(np.where(heard, 0.8, 0.3) + rng.normal(0, 0.15, size=heard.shape), 0, 1)
        scores[:, 1], scores[:, 2] = rng.random(10), 0.9
        starts, name = np.arange(10.0), f"r{number}"
        scored.append(SimpleNamespace(path=name, starts=starts, stops=starts + 1, scores=scores))
        annotations[name] = [
            Annotation(name, label, "present" if heard[second, column] else "absent", second, second + 1)
            for column, label in enumerate(task.classes[:2])
            for second in range(10)
            if heard[second, column] or absent
        ]
    return scored, annotations, {f"r{number}": number % 3 for number in range(count)}


def trust(scored, annotations, folds, *, task=TASK, probed=(), picked=frozenset(), fixed=None):
    recordings = evaluated.of(scored, annotations, folds, task, picked=picked)
    return detection_thresholds.calibrate(
        recordings, probed, FIND, task=task, wanted=0.9, fixed=fixed, fallback=0.5, seed=1
    )


def test_a_class_that_is_recognised_has_a_threshold_and_one_that_is_not_has_a_reason():
    calibrations, found = trust(*made(60))
    owl, cat, rare = calibrations
    assert 0.4 < owl.threshold < 0.8
    assert owl.interval[0] < owl.precision < owl.interval[1]
    assert probability(owl, 0.9) > 0.9 > 0.4 > probability(owl, 0.3)
    assert cat.threshold is None
    assert cat.reason.startswith("no threshold reaches a precision of 0.9")
    assert abs(probability(cat, 0.9) - 0.3) < 0.2
    assert found["hours"] == pytest.approx(600 / 3600)
    owl, cat = (found["classes"][label]["events"]["0.3"] for label in ("owl", "cat"))
    assert owl["f1"] > cat["f1"]
    assert owl["detected"] + cat["detected"] == found["events"]["0.3"]["detected"]
    # False alarms of the classes that have a threshold of their own, and of all.
    own, every = found["background"]["own_threshold"], found["background"]["every_class"]
    assert own == found["classes"]["owl"]["background"]
    assert own["alarms"] + found["classes"]["cat"]["background"]["alarms"] == every["alarms"]
    # Nothing was learned of it: whatever its scores, it is not detected.
    assert found["classes"]["rare"]["events"]["0.3"]["detected"] == 0
    assert rare.threshold is None


def test_recordings_that_only_verdicts_tell_of_have_no_part_in_it():
    """What is known there was picked: a present event in each of them would be a correct detection."""
    scored, annotations, folds = made(30)
    picked = {each.path for each in scored[:10]}
    rest = {name: own for name, own in annotations.items() if name not in picked}
    found = trust(scored, annotations, folds, picked=picked)
    assert found == trust(scored[10:], rest, folds) != trust(scored, annotations, folds)


def test_where_an_event_is_misplaced_what_is_not_annotated_is_unknown():
    """A detection there may be the event whose row is quarantined: it is neither wrong nor a false alarm."""
    scored, annotations, folds = made(30)
    lost = scored[0].path
    for each in evaluated.of(scored, annotations, folds, TASK, {lost}):
        assert each.exhaustive == (each.name != lost)
    assert all(each.exhaustive for each in evaluated.of(scored, annotations, folds, TASK))
    sparse = TASK._replace(exhaustive=False)
    assert not any(each.exhaustive for each in evaluated.of(scored, annotations, folds, sparse, {lost}))


def test_the_order_of_recordings_changes_nothing():
    scored, annotations, folds = made(30)
    assert trust(scored, annotations, folds) == trust(scored[::-1], annotations, folds)


def test_where_nothing_is_known_to_be_absent_nothing_is_said():
    sparse = TASK._replace(exhaustive=False)
    (owl, *_), found = trust(*made(60), task=sparse)
    assert owl.method == "none"
    assert owl.reason.startswith("not enough data: not all that is heard is annotated")
    assert found["background"] is None
    assert found["reliability"]["detections"] == []
    # Rejected events do not tell how many wrong ones there are.
    (owl, *_), found = trust(*made(60, absent=True), task=sparse)
    assert owl.threshold is None
    assert found["events"]["0.3"]["recall"] > 0
    assert found["events"]["0.3"]["precision"] is found["events"]["0.3"]["f1"] is None


def test_where_no_recording_is_held_out_no_class_has_a_threshold():
    calibrations, found = trust([], {}, {})
    assert {each.reason for each in calibrations} == {"not enough data: 0 detections, at least 20 are needed"}
    assert found["recordings"] == found["events"]["0.3"]["annotated"] == 0


def test_what_is_reported_is_detected_at_thresholds_of_the_other_folds(monkeypatch):
    """With another threshold for one fold, the counts of its recordings alone change."""
    choose, given = detection_thresholds.choose, made(30)
    _, before = trust(*given)

    def moved(grid, wanted):
        choice = choose(grid, wanted)
        return choice._replace(by_fold={**choice.by_fold, 0: np.inf})

    monkeypatch.setattr(detection_thresholds, "choose", moved)
    calibrations, after = trust(*given)
    owl = [found["classes"]["owl"]["events"]["0.3"]["detected"] for found in (before, after)]
    assert 0.4 * owl[0] < owl[1] < 0.9 * owl[0]
    assert calibrations[0].threshold < 1


def test_probes_are_detected_at_the_thresholds_of_new_recordings():
    starts = np.arange(3.0)
    probed = [
        SimpleNamespace(path=name, starts=starts, stops=starts + 1, scores=np.full((3, 3), height))
        for name, height in (("white noise", 0.99), ("silence", 0.1))
    ]
    _, found = trust(*made(60), probed=probed)
    assert found["probes"] == {
        "silence": {"share": 0, "classes": []},
        "white noise": {"share": 2 / 3, "classes": ["cat", "owl"]},
    }


def test_with_a_configured_threshold_what_is_reported_is_detected_with_it():
    """Of every class; what is chosen, and why, stays in the calibration."""
    starts, given = np.arange(3.0), made(60)
    probed = [SimpleNamespace(path="hum", starts=starts, stops=starts + 1, scores=np.full((3, 3), 0.7))]
    chosen, before = trust(*given, probed=probed)
    calibrations, found = trust(*given, probed=probed, fixed=0.75)
    assert calibrations == chosen
    recordings = evaluated.of(*given, TASK)
    expected = detection_scores.count(recordings, FIND, {fold: [0.75, 0.75, np.inf] for fold in range(3)})
    detected = [found["classes"][label]["events"]["0.3"]["detected"] for label in ("owl", "cat")]
    assert detected == expected.events[:2, :, 0].sum(axis=1)[:, 1].tolist()
    assert detected[1] < before["classes"]["cat"]["events"]["0.3"]["detected"]
    assert (found["threshold"], before["threshold"]) == (0.75, None)
    assert found["background"]["own_threshold"] is None
    assert [each["probes"]["hum"]["classes"] for each in (before, found)] == [["cat", "owl"], []]


def test_a_recording_is_scored_by_the_models_that_know_nothing_of_it():
    folds = pd.DataFrame(
        [("a", 0), ("a", 0), ("b", 2), ("several", 0), ("several", 1), ("always", -1)],
        columns=["recording_id", "fold"],
    )
    names = ["a", "b", "several", "always", "quiet"]
    assert held_out_folds.folds_of(names, folds, 3, exhaustive=False) == {"a": 0, "b": 2}
    quiet = stable_hash("quiet") % 3
    assert held_out_folds.folds_of(names, folds, 3, exhaustive=True) == {"a": 0, "b": 2, "quiet": quiet}
    # Two models of three folds each, model by model.
    settings = {"features": list("aaabbb"), "hop": 1}
    assert held_out_folds.of_fold(settings, 1, 3) == ([1, 4], {"features": ["a", "b"], "folds": 1, "hop": 1})


def test_probes_are_the_same_for_a_seed_and_are_what_they_are_called(tmp_path):
    waves = {kind: probes.wave(kind, sample_rate=8000, seed=1) for kind in probes.KINDS}
    for kind, wave in waves.items():
        assert len(wave) == 480_000
        assert np.abs(wave).max() <= 1
        np.testing.assert_array_equal(wave, probes.wave(kind, sample_rate=8000, seed=1))
    assert (waves["white noise"] != probes.wave("white noise", sample_rate=8000, seed=2)).any()
    assert not waves["silence"].any()
    assert (np.abs(waves["clipping"]) == 1).mean() > 0.8

    def below(kind, hertz):
        power = np.abs(np.fft.rfft(waves[kind])) ** 2
        return power[: round(hertz * probes.SECONDS)].sum() / power.sum()

    assert below("white noise", 400) == pytest.approx(0.1, abs=0.01)
    assert below("pink noise", 400) > 0.5
    assert below("wind", 400) > 0.9
    assert below("sine", 999) < 0.01
    assert below("sine", 1001) > 0.99
    loudness = waves["wind"].reshape(60, -1).std(axis=1)
    assert loudness.max() > 2 * loudness.min()
    written = probes.write(tmp_path, sample_rate=8000, seed=1)
    assert {soundfile.info(path).duration for path in written.values()} == {60.0}
