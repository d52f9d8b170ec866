"""Annotations and recordings beside the band of the features."""

import math

import pytest
import yaml
from workflow import ROOT

from understory.data.band import Band, without_unseen
from understory.data.dataset import Annotation, Dataset, Recording
from understory.plan.config import checked
from understory.plan.job_settings import Medium

BAND = Band(84, 15_056)
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def box(label, low, high, start=0):
    return Annotation("a", label, "present", start, start + 1, low, high)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, math.inf, True),
        (28_000, 107_000, False),
        (15_056, 20_000, False),
        (15_000, 20_000, True),
        (0, 84, False),
        (0, 85, True),
    ],
)
def test_what_has_a_part_in_the_band(low, high, shown):
    assert BAND.shows(box("x", low, high)) == shown


def test_annotations_beside_the_band_are_quarantined_and_counted_by_class():
    seen = box("bird", 1000, 4000)
    bats = [box("bat", 28_000, 107_000, start) for start in range(3)]
    annotations = (seen, *bats, box("elephant", 5, 20))
    dataset = Dataset(
        ("bat", "bird", "elephant"),
        (Recording("a", "a.wav", "train"),),
        annotations,
        False,
        places={bats[0]: "table.csv, line 2"},
        background=frozenset("ab"),
    )
    found = without_unseen(dataset, BAND)
    assert found.annotations == (seen,)
    # Nobody knows where nothing is in the recording of the others.
    assert found.background == {"b"}
    assert [q.place for q in found.quarantined] == ["table.csv, line 2", "a.wav", "a.wav", "a.wav"]
    assert (
        "84 to 15056 Hz, the band of the features, found bat from 28000 to 107000 Hz"
        in found.quarantined[0].reason
    )
    (line,) = BAND.remarks(found)
    assert line.startswith("4 annotations have no part in 84 to 15056 Hz")
    assert "bat 3, elephant 1." in line
    assert line.endswith("or write Hz where tables have kHz, as 1 of them may, such as a")
    assert without_unseen(dataset, Band(0, math.inf)) is dataset
    assert BAND.remarks(dataset) == []


def test_frequencies_in_khz_are_asked_for_in_hz():
    assert "2.5 to 4.5 Hz: are these kHz? Write Hz; otherwise change" in BAND.reason(box("bird", 2.5, 4.5))
    assert "are these kHz" not in BAND.reason(box("bat", 28_000, 107_000))


def test_recordings_at_low_rates_are_counted():
    assert BAND.low_rates([48_000, 32_000]) == []
    (line,) = BAND.low_rates([48_000, 22_050, 22_050, 8000])
    assert line.startswith("3 of 4 training recordings have nothing in the upper part")
    assert line.endswith("1 at 8000 Hz, 2 at 22050 Hz")


def test_the_band_is_that_of_the_trained_models():
    def band(**changes):
        return Medium("audio", checked({**CONFIG, **changes})).band

    assert band() == (84, 15_056)
    features = {**CONFIG["features"], "low": {**CONFIG["features"]["log_mel"], "fmin": 20, "fmax": 500}}
    assert band(features=features) == (84, 15_056)
    model = CONFIG["models"]["sed_cnn"]
    both = {"models": {**CONFIG["models"], "low": {**model, "features": "low"}}, "train": ["sed_cnn", "low"]}
    assert band(features=features, **both) == (20, 15_056)
    frames = {**CONFIG["features"], "log_mel": {"kind": "fft_frames", "frames": 100}}
    assert band(features=frames) == (0, 24_000)
    assert band(crop={**CONFIG["crop"], "out_of_band": "keep"}) is None
    assert Medium("images", checked(CONFIG)).band is None
