import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.core.errors import InputError
from understory.data import calibration
from understory.data.calibration import ClassCalibration

SOME = ClassCalibration(
    "owl", "isotonic", (0.1, 0.4, 0.9), (0.0, 0.5, 0.75), 0.6, 0.91, (0.82, 0.96), 120, None
)
NONE = ClassCalibration("Bäume", "none", (), (), None, None, None, 3, "not enough data: 3 events")
SETTINGS = {"hop": 1.5, "precision": 0.9}

shares = st.floats(0, 1)


@st.composite
def calibrations(draw, label="x"):
    knots = sorted(draw(st.sets(shares, max_size=6)))
    method = draw(st.sampled_from(["isotonic", "logistic"])) if knots else "none"
    heights = sorted(draw(st.lists(shares, min_size=len(knots), max_size=len(knots))))
    interval = draw(st.none() | st.tuples(shares, shares))
    rest = draw(st.none() | shares), draw(st.none() | shares), interval
    return ClassCalibration(label, method, tuple(knots), tuple(heights), *rest, draw(st.integers(0)), None)


@given(calibrations())
def test_what_is_written_is_read(tmp_path_factory, given_one):
    path = tmp_path_factory.mktemp("calibration") / calibration.FILE
    calibration.write(path, [given_one, NONE], SETTINGS)
    assert calibration.read(path) == {"x": given_one, "Bäume": NONE}
    assert calibration.read_settings(path) == SETTINGS


@given(calibrations(), st.lists(shares, min_size=2, max_size=20).map(sorted))
def test_probabilities_are_linear_between_knots_constant_outside_and_never_fall(found, scores):
    values = calibration.probability(found, scores)
    assert values.shape == (len(scores),)
    if found.method == "none":
        assert np.isnan(values).all()
        return
    assert (np.diff(values) >= -1e-15).all()
    assert found.probabilities[0] - 1e-15 <= values.min() <= values.max() <= found.probabilities[-1] + 1e-15
    at_knots = calibration.probability(found, found.scores)
    np.testing.assert_array_equal(at_knots, found.probabilities)


def test_probabilities_of_any_shape():
    values = calibration.probability(SOME, [[0.0, 0.25], [0.65, 1.0]])
    np.testing.assert_allclose(values, [[0.0, 0.25], [0.625, 0.75]])
    assert math.isnan(calibration.probability(NONE, 0.5))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": [0.4, 0.1, 0.9]}, "expected rising scores"),
        ({"scores": [0.1, 0.4]}, "found 2 and 3"),
        ({"probabilities": [0.5, 0.2, 0.9]}, "never fall"),
        ({"probabilities": [0.5, 0.9, 1.2]}, "from 0 to 1"),
        ({"scores": [0.1, math.nan, 0.9]}, "expected rising scores"),
        ({"method": "magic"}, "expected a method among isotonic, logistic, none, found 'magic'"),
        ({"method": "none"}, "found 3 and 3"),
        ({"other": 1}, "unexpected keyword"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, said):
    path = tmp_path / calibration.FILE
    calibration.write(path, [SOME], SETTINGS)
    content = json.loads(path.read_text())
    content["classes"]["owl"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"calibration.json: expected .* damaged .*owl: .*{said}"):
        calibration.read(path)


def test_what_is_no_calibration_is_refused(tmp_path):
    path = tmp_path / calibration.FILE
    with pytest.raises(InputError, match="expected the calibration of a run, found none"):
        calibration.read(path)
    for text in ("{", "[]", '{"classes": {}}', '{"settings": {}, "classes": []}'):
        path.write_text(text)
        with pytest.raises(InputError, match="found that it is damaged"):
            calibration.read(path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        calibration.write(path, [SOME._replace(precision=float("nan"))], SETTINGS)
    assert path.read_text() == '{"settings": {}, "classes": []}'
