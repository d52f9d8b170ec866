"""Under an executor that runs each job elsewhere, a finished run has nothing to do, also where it makes its own data."""

import os

import pytest
from changes import ROWS, apply
from workflow import ROOT, planned

pytestmark = pytest.mark.slow

REMOTE = ["--executor", "detached", "--jobs", "4", "--seconds-between-status-checks", "1"]
SLURM = [
    *("--executor", "slurm", "--jobs", "4", "--latency-wait", "5"),
    *("--slurm-init-seconds-before-status-checks", "5", "--slurm-status-command", "squeue"),
]
PLUGINS = {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "plugins"), os.environ.get("PYTHONPATH", "")])}


def test_data_that_a_remote_run_makes_leave_nothing_to_be_done(tmp_path, small, run_snakemake):
    """Also when they are made anew: Snakemake records the digest of what a job was given, not what the plan saw."""
    config = small()
    target = ["--", "results/small/quarantine.csv"]
    for snr in (config["synthetic"]["min_snr"], 6.0):
        config["synthetic"]["min_snr"] = snr
        done = run_snakemake(tmp_path, *REMOTE, *target, config=config, env=PLUGINS)
        assert "inspect_recordings" in {rule for rule, _ in planned(done.stdout + done.stderr)}
        for options in (REMOTE, ()):
            again = run_snakemake(tmp_path, *options, "--dry-run", *target, config=config, env=PLUGINS)
            assert planned(again.stdout + again.stderr) == set(), options


@pytest.mark.soak
@pytest.mark.parametrize("executor", ["detached", "slurm"])
@pytest.mark.parametrize("row", [row for row in ROWS if row.executed], ids=lambda row: row.name)
def test_what_follows_from_a_change_is_run_remotely_and_leaves_nothing_to_be_done(
    row, executor, world, request
):
    expected = apply(row, world)
    world.options += {"detached": REMOTE, "slurm": SLURM}[executor]
    if executor == "slurm":
        request.getfixturevalue("slurm")
    world.env = {**PLUGINS, **world.env}
    done = world.snakemake()
    assert planned(done.stdout + done.stderr) == expected
    again = world.snakemake("--dry-run")
    assert planned(again.stdout + again.stderr) == set()
