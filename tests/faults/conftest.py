"""What a run that was disturbed is held against."""

import pytest


@pytest.fixture(scope="session")
def config(folder, small):
    """The settings of a run that is disturbed; pictures of examples are what takes longest in a report."""
    return small(data=str(folder), report={"examples": 0})


@pytest.fixture
def same_as_first(request):
    """A function that asserts that a run made what an undisturbed one makes, byte for byte."""

    def check(place):
        # Made when it is asked for, so that nothing waits for it before.
        first = request.getfixturevalue("first")
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
