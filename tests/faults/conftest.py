"""What a run that was disturbed is held against."""

import pytest


@pytest.fixture
def same_as_first(first):
    """A function that asserts that a run made what an undisturbed one makes, byte for byte."""

    def check(place):
        for name in (
            "submission.csv",
            "scores.json",
            "folds.csv",
            "models/sed_cnn/fold0/last.keras",
            "ensemble/oof.csv",
        ):
            one, other = ((run / "results/small" / name).read_bytes() for run in (first, place))
            assert one == other, name
        left = [path.name for path in (place / "results/small").rglob(".*")]
        assert left == []

    return check
