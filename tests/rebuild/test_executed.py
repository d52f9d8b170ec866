"""One change to a finished run, and exactly the jobs that run then and leave nothing to be done.

Those marked in the table; `make soak` executes all of them.
"""

import pytest
from changes import ROWS, apply
from workflow import planned

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.name, marks=() if row.executed else pytest.mark.soak) for row in ROWS],
)
def test_what_follows_is_run_and_leaves_nothing_to_be_done(row, world):
    expected = apply(row, world)
    done = world.snakemake()
    assert planned(done.stdout + done.stderr) == expected
    again = world.snakemake("--dry-run")
    assert planned(again.stdout + again.stderr) == set()


def test_a_setting_changed_back_is_fetched_from_the_output_cache(world, tmp_path):
    """Jobs are planned, but none is run: what is run is put into the cache."""
    (tmp_path / "cache").mkdir()
    world.env["SNAKEMAKE_OUTPUT_CACHE"] = str(tmp_path / "cache")
    world.run = tmp_path / "cached"
    targets = [f"results/small/examples/log_mel/{variant}/train-0.npy" for variant in (0, 1)]

    def run(n_mels):
        world.set("features.log_mel.n_mels", n_mels)
        world.snakemake("--cache", "--", *targets)
        kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
        return [(world.run / target).read_bytes() for target in targets], kept

    once, _ = run(128)
    assert once[0] != once[1]
    other, kept = run(64)
    assert other != once
    assert run(128) == (once, kept)
