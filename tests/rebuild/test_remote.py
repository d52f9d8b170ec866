"""Under an executor that runs each job elsewhere, a finished run has nothing to do, also where it makes its own data."""

import os
import shutil

import pytest
from changes import ROWS, apply
from server import send_file, serving
from workflow import ROOT, planned

from understory.data import store
from understory.datasets import rfcx
from understory.plan.dataset_state import OF_UNKNOWN

pytestmark = pytest.mark.slow

REMOTE = ["--executor", "detached", "--jobs", "4", "--seconds-between-status-checks", "1"]
SLURM = [
    *("--executor", "slurm", "--jobs", "4", "--latency-wait", "60"),
    *("--slurm-init-seconds-before-status-checks", "5", "--slurm-status-command", "squeue"),
]
PLUGINS = {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "plugins"), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture(params=["detached", pytest.param("slurm", marks=pytest.mark.soak)])
def remote(request):
    """The options of a run whose jobs run elsewhere: in other processes, or on nodes of a Slurm that share a folder; and its host."""
    if request.param == "slurm":
        return SLURM, request.getfixturevalue("slurm").login
    return REMOTE, None


def test_data_that_a_remote_run_makes_leave_nothing_to_be_done(tmp_path, small, run_snakemake, remote):
    """Also when they are made anew: Snakemake records the digest of what a job was given, not what the plan saw."""
    config = small(shards={"train": 1, "test": 0}, synthetic={"train_recordings": 24})
    target = ["--", "results/small/recordings/train-0.csv"]
    elsewhere, host = remote
    for snr in (config["synthetic"]["min_snr"], 6.0):
        config["synthetic"]["min_snr"] = snr
        done = run_snakemake(tmp_path, *elsewhere, *target, config=config, env=PLUGINS, host=host)
        assert "inspect_recordings" in {rule for rule, _ in planned(done.stdout + done.stderr)}
        for options, env, place in ((elsewhere, PLUGINS, host), ((), {}, None)):
            again = run_snakemake(
                tmp_path, *options, "--dry-run", *target, config=config, env=env, host=place
            )
            assert planned(again.stdout + again.stderr) == set(), options


@pytest.mark.soak
def test_data_that_a_remote_run_fetches_stay_divided_as_it_began(
    folder, small, run_snakemake, tmp_path, remote
):
    """Jobs elsewhere find the data there, and so would divide them by their number; so would the next run."""
    shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    shard = next(
        f"train-{number}"
        for number in range(2, OF_UNKNOWN)
        if rfcx.read(folder).shard(f"train-{number}", OF_UNKNOWN)
    )
    target = f"results/small/recordings/{shard}.csv"
    elsewhere, host = remote
    with serving(lambda handler: send_file(handler, (tmp_path / "set.zip").read_bytes())) as (url, _):
        config = small(data=f"{url}/set.zip")
        run_snakemake(tmp_path / "run", *elsewhere, "--", target, config=config, env=PLUGINS, host=host)
    expected = {recording.recording_id for recording in rfcx.read(folder).shard(shard, OF_UNKNOWN)}
    assert set(store.read_table(tmp_path / "run" / target).recording_id) == expected
    again = run_snakemake(tmp_path / "run", "--dry-run", "--", target, config=config, env=PLUGINS)
    assert planned(again.stdout + again.stderr) == set()


@pytest.mark.soak
@pytest.mark.parametrize("executor", ["detached", "slurm"])
@pytest.mark.parametrize("row", [row for row in ROWS if row.executed], ids=lambda row: row.name)
def test_what_follows_from_a_change_is_run_remotely_and_leaves_nothing_to_be_done(
    row, executor, world, request
):
    expected = apply(row, world)
    world.options += {"detached": REMOTE, "slurm": SLURM}[executor]
    if executor == "slurm":
        world.host = request.getfixturevalue("slurm").login
    world.env = {**PLUGINS, **world.env}
    done = world.snakemake()
    assert planned(done.stdout + done.stderr) == expected
    again = world.snakemake("--dry-run")
    assert planned(again.stdout + again.stderr) == set()
