import page_inputs
import pytest

from understory.data.calibration import ClassCalibration
from understory.report import page

OWL = ClassCalibration("a", "isotonic", (0.0, 1.0), (0.0, 1.0), 0.625, 0.91, (0.8, 0.97), 1200, None)
CAT = ClassCalibration(
    "b", "none", (), (), None, None, None, 3, "not enough data: 3 detections, at least 20 are needed"
)
SCORES = {
    "both": 8,
    "detected": 1010,
    "annotated": 12,
    "precision": 0.8,
    "recall": 0.5,
    "f1": 0.625,
    "f1_interval": [0.5, 0.75],
}
NONE = SCORES | {"detected": 0, "precision": None, "recall": None, "f1": None, "f1_interval": None}
ALARMS = {"hours": 2.5, "alarms": 5, "per_hour": 2.0, "interval": [0.65, 4.67]}
FOUND = {
    "exhaustive": True,
    "precision": 0.9,
    "threshold": None,
    "fallback": 0.5,
    "recordings": 9,
    "hours": 4.25,
    "events": {"0.3": SCORES, "0.5": NONE},
    "segments": {"seconds": 1.0, **SCORES},
    "background": {"every_class": ALARMS, "own_threshold": ALARMS | {"alarms": 0}},
    "reliability": {
        "probability": [0.1, 0.9],
        "correct": [0.2, 0.8],
        "low": [0.1, 0.6],
        "high": [0.4, 0.9],
        "detections": [10, 10],
        "error": 0.1,
        "interval": [0.05, 0.2],
    },
    "classes": {
        "a": {"events": {"0.3": SCORES, "0.5": NONE}, "background": ALARMS},
        "b": {"events": {"0.3": SCORES, "0.5": NONE}, "background": ALARMS | {"alarms": 0}},
    },
    "probes": {"silence": {"share": 0.0, "classes": []}, "wind": {"share": 0.5, "classes": ["a"]}},
}


@pytest.fixture
def shown():
    def build(**changes):
        given = page_inputs.inputs(classes=("a", "b"), exhaustive=True)
        results = page_inputs.results_of(given)
        vars(results).update(calibrations={"a": OWL, "b": CAT}, detection_scores=FOUND | changes)
        made = page.build(results, **{name: given[name] for name in ("costs", "facts", "configuration")})
        text = page_inputs.text_of(made.html)
        return made, text[text.index("The training recordings are searched") :]

    return build


def test_a_run_without_detections_has_no_section():
    made = page_inputs.built(page_inputs.inputs())
    assert 'id="detections"' not in made.html
    assert "reliability" not in made.figures


def test_thresholds_have_their_precision_or_a_reason(shown):
    made, text = shown()
    assert "9 recordings, 4.25 hours" in text
    assert "a 0.91 (0.80–0.97) 1,200 0.625 isotonic" in text
    assert "b not enough data: 3 detections, at least 20 are needed 3 none none" in text
    assert "1 class has no threshold of 2" in text
    assert "90 % of its events" in text
    assert "0.100 (95 % interval 0.050–0.200)" in text
    assert "least 0.3 12 1,010 8 0.800 0.500 0.625 0.50–0.75" in text
    assert "least 0.5 12 0 8 none none none none" in text
    assert "all classes 5 2 0.65–4.67" in text
    assert "classes with a threshold of their own 0" in text
    assert "silence none 0 of 2" in text
    assert "wind a 1 of 2" in text
    figure = page_inputs.svg_text(made.figures["reliability"])
    assert {"calibrated probability", "share that is correct", "detections"} <= set(figure)


def test_a_configured_threshold_is_said(shown):
    _, text = shown(threshold=0.7, background=FOUND["background"] | {"own_threshold": None})
    assert "New recordings are searched with detect.threshold instead" in text
    assert "that hold no event are of events with a score of at least 0.7." in text
    assert "of their own" not in text


def test_what_is_not_known_is_said(shown):
    nothing = {key: [] for key in ("probability", "correct", "low", "high", "detections")} | {
        "error": None,
        "interval": None,
    }
    classes = {label: each | {"background": None} for label, each in FOUND["classes"].items()}
    made, text = shown(exhaustive=False, background=None, classes=classes, reliability=nothing)
    assert "neither present nor absent, are left out" in text
    assert "no background is known" in text
    assert "No class has enough events for probabilities" in text
    # The figure is a file all the same, as the rule says.
    assert "no class has enough detections" in page_inputs.svg_text(made.figures["reliability"])
