"""One change to a finished run, and exactly the jobs that are planned then."""

import pytest
from changes import ROWS, apply, lose_records
from workflow import ROOT, planned

from understory.run import why

pytestmark = pytest.mark.slow


def test_the_page_shows_the_table():
    shown = (
        (ROOT / "docs/what-reruns.md")
        .read_text()
        .split("| change | what runs again |\n| --- | --- |\n")[1]
        .split("\n\n")[0]
    )
    # Adding a model is what made the finished run.
    names = [line.split("|")[1].strip() for line in shown.splitlines()]
    assert [name for name in names if name != "a model added"] == [row.name for row in ROWS]


def test_every_change_is_said_also_of_a_job_that_follows_from_another(world):
    world.set("crop.window", 3)
    world.set("models.other.epochs", 2)
    plan = world.snakemake("--dry-run").stdout
    lines = {" ".join(line.split()) for line in why.main(plan, "train_fold")}
    assert "crop_windows 2 jobs crop.window: 4.0 → 3.0" in lines
    assert "train_fold 2 jobs models.other.epochs: 1 → 2" in lines
    assert "train_fold 4 jobs follows from compute_features" in lines


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_follows_from_a_change_is_planned_and_nothing_else(row, world):
    expected = apply(row, world)
    done = world.snakemake("--dry-run")
    assert planned(done.stdout + done.stderr) == expected
    if row.change is lose_records:
        assert "there is no record in" in done.stdout + done.stderr
