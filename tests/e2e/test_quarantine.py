"""A bad file costs one file: it is quarantined with its reason, and comes back when it is repaired."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from workflow import planned

from understory.data.dataset import shard_of
from understory.run import summary

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def damaged(folder, tmp_path_factory):
    """The small data set with five recordings and four rows that cannot be used, and what is to be said of them."""
    data = tmp_path_factory.mktemp("damaged") / "data"
    shutil.copytree(folder, data)
    expected = {}

    def bad(path, content, reason):
        expected[path.parent.name, "recording", path.stem] = reason
        path.unlink() if content is None else path.write_bytes(content)

    train, test = (sorted((data / subset).iterdir()) for subset in ("train", "test"))
    whole = train[0].read_bytes()
    # Of the same size, under the same header.
    bad(train[0], whole[:-200] + bytes([whole[-200] ^ 0xFF]) + whole[-199:], "expected ")
    bad(train[1], None, "expected an audio file, found none")
    bad(train[2], b"", "expected an audio file, found an empty one")
    bad(train[3], b"no audio", "found that it cannot be decoded")
    bad(test[2], test[2].read_bytes()[:9000], "found that it cannot be decoded")
    table = data / "train_tp.csv"
    lines = table.read_text().splitlines()
    row = next(line.split(",") for line in lines[1:] if line.split(",")[0] not in {p.stem for p in train[:4]})
    rows = {
        "8": [row[0], "8", "1", "7", "100", "8", "200"],
        "9": [row[0], "9", "1", "3", "100", "2", "200"],
        "24": [row[0], "24", "1", "1", "100", "2", "200"],
        "again": row,
    }
    table.write_text("\n".join([*lines, *(",".join(added) for added in rows.values())]) + "\n")
    said = [
        "expected an event within 6 s",
        "expected start before end",
        "expected a species_id from 0 to 23",
    ]
    expected["train", "annotation", row[0]] = [*said, "duplicate of the annotation"]
    return data, expected, whole


@pytest.fixture(scope="module")
def run(damaged, run_snakemake, small, tmp_path_factory):
    place = tmp_path_factory.mktemp("quarantine")
    run_snakemake(place, config=small(data=str(damaged[0]), max_quarantined=0.2, report={"examples": 0}))
    return place


def test_what_cannot_be_used_is_listed_with_its_reason_and_the_rest_goes_on(run, damaged):
    _, expected, _ = damaged
    found = pd.read_csv(run / "results/small/quarantine.csv", dtype=str)
    assert set(zip(found.subset, found.kind, found.recording_id, strict=True)) == set(expected)
    for key, group in found.groupby(["subset", "kind", "recording_id"]):
        reasons = expected[key] if isinstance(expected[key], list) else [expected[key]]
        assert len(group) == len(reasons)
        for reason in reasons:
            assert sum(reason in said for said in group.reason) == 1, reason
    folds = pd.read_csv(run / "results/small/folds.csv")
    recordings = {name for subset, kind, name in expected if (subset, kind) == ("train", "recording")}
    assert not recordings & set(folds.recording_id)
    assert len(folds) > 50
    page = (run / "results/small/report.html").read_text()
    assert "found an empty one" in page
    assert "Quarantined: 4 of 57 training recordings, 4 training annotations, 1 of 6 test recordings." in page
    assert "6 test recordings, 1 of them unreadable" in page
    assert "max_quarantined: 0.2" in page


def test_the_last_lines_of_a_run_say_what_is_set_aside(run):
    out = run / "results/small"
    shown = summary.lines(out, tested=True)
    assert len([line for line in shown if not line.startswith("warning")]) == 5
    assert shown[0].endswith(
        f"submission.csv (1 of 6 test recordings could not be read and has no prediction of its own; 5 recordings and 4 annotations quarantined, see "
        f"{out / 'quarantine.csv'})"
    )


def test_a_test_recording_that_cannot_be_read_keeps_its_row_with_the_classes_priors(run, damaged):
    data, expected, _ = damaged
    sample = pd.read_csv(data / "sample_submission.csv")
    submission = pd.read_csv(run / "results/small/submission.csv")
    assert list(submission.recording_id) == list(sample.recording_id)
    (unread,) = [name for subset, _, name in expected if subset == "test"]
    folds = pd.read_csv(run / "results/small/folds.csv")
    present = folds[folds.presence == "present"]
    row = submission.set_index("recording_id").loc[unread]
    others = submission[submission.recording_id != unread].set_index("recording_id")
    priors = np.array([(present.label == label).mean() for label in others])
    # Scaled below every other row, in the same proportions.
    assert (row[others.columns].to_numpy(dtype=float) <= others.min().to_numpy() + 1e-9).all()
    scaled = row[others.columns].to_numpy(dtype=float) / priors
    np.testing.assert_allclose(scaled, scaled[0], rtol=1e-6)


def test_without_a_test_recording_that_can_be_read_every_row_is_of_the_priors(
    run, damaged, run_snakemake, small, tmp_path
):
    shutil.copytree(damaged[0], tmp_path / "data")
    shutil.copytree(run, tmp_path / "run")
    for path in (tmp_path / "data" / "test").iterdir():
        path.write_bytes(b"no audio")
    run_snakemake(
        tmp_path / "run", config=small(data=str(tmp_path / "data"), max_quarantined=1, report={"examples": 0})
    )
    out = tmp_path / "run/results/small"
    assert len(pd.read_csv(out / "predictions/sed_cnn/fold0.csv")) == 0
    submission = pd.read_csv(out / "submission.csv").set_index("recording_id")
    assert list(submission.index) == list(pd.read_csv(damaged[0] / "sample_submission.csv").recording_id)
    folds = pd.read_csv(out / "folds.csv")
    present = folds.label[folds.presence == "present"]
    for label in submission.columns:
        assert submission[label].to_numpy() == pytest.approx((present == label).mean(), abs=1e-8)


def test_a_file_that_was_mended_comes_back_by_itself(run, damaged, run_snakemake, small, tmp_path):
    data, _, whole = damaged
    shutil.copytree(data, tmp_path / "data")
    shutil.copytree(run, tmp_path / "run")
    config = small(data=str(tmp_path / "data"), max_quarantined=0.2, report={"examples": 0})

    def plan():
        return planned(run_snakemake(tmp_path / "run", "--dry-run", config=config).stdout)

    assert plan() == set()
    mended = sorted((tmp_path / "data/train").iterdir())[0]
    assert mended.stat().st_size == len(whole)
    mended.write_bytes(whole)
    own = f"shard={shard_of(mended.stem, 'train', 2)}"
    jobs = {job for job in plan() if "shard" in job[1]}
    assert {wildcards.split(", ")[-1] for _, wildcards in jobs} == {own}
    target = f"results/small/quarantine/{own.removeprefix('shard=')}.csv"
    run_snakemake(tmp_path / "run", target, config=config)
    assert mended.stem not in (tmp_path / "run" / target).read_text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"max_quarantined": 0.01},
            r"of 57 train recordings cannot be used, more than max_quarantined \(0.01",
        ),
        (
            {"on_bad_file": "fail", "max_quarantined": 0.2},
            r"on_bad_file: fail, and \d+ cannot be used, first ",
        ),
    ],
)
def test_too_much_stops_the_run_with_the_list(damaged, run_snakemake, small, tmp_path, changes, said):
    done = run_snakemake(tmp_path, config=small(data=str(damaged[0]), **changes), check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(said, output)
    assert re.search(r"train/\w+\.flac: expected|train_tp\.csv, line \d+ .*: expected", output)
    assert "Traceback" not in output
    assert not (tmp_path / "results/small/models").exists()
