"""The workflow as a module of another one: from a folder, and from a tag of a git repository."""

import os
import subprocess
import sys

import pytest
import yaml
from workflow import ROOT, copy_source, planned

pytestmark = pytest.mark.slow

MODULE = """
module understory:
    snakefile: {snakefile}
    config: config["understory"]

use rule * from understory{renamed}

rule after:
    input: "results/small/quarantine.csv"
    output: "after.txt"
    run:
        open(output[0], "w").write(open(input[0]).readline())
"""


@pytest.fixture
def outer(tmp_path, small):
    """A function that runs another workflow, which takes this one from a place, in its own folder."""

    def run(snakefile, *options, renamed="", env=None, **config):
        folder = tmp_path / "outer"
        folder.mkdir(exist_ok=True)
        (folder / "Snakefile").write_text(MODULE.format(snakefile=snakefile, renamed=renamed))
        (folder / "config.yaml").write_text(yaml.safe_dump({"understory": {**small(), **config}}))
        command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--cores", "2"]
        # As in this workflow's profile, which an outer workflow does not load; a folder's scripts lie in another place.
        command += ["--rerun-triggers", "mtime", "params", "input", "software-env", "--nocolor"]
        done = subprocess.run(
            [*command, *options],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **(env or {})},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return folder, planned(done.stdout + done.stderr)

    return run


@pytest.fixture
def tagged(tmp_path):
    """Where Snakemake looks for its clone of github.com/birds/understory, with a tag v1 of this source.

    Snakemake asks the network only for what its clone lacks.
    """
    source = tmp_path / "source"
    copy_source(source)
    clone = (
        tmp_path / "cache/snakemake/snakemake/source-cache/snakemake-git-cache/github.com/birds/understory"
    )
    clone.parent.mkdir(parents=True)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-C", str(source)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(source), str(clone)], check=True)
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def rules(jobs):
    return {rule for rule, _ in jobs}


def everything(run_snakemake, small, place):
    done = run_snakemake(place, "--dry-run", config=small())
    return planned(done.stdout + done.stderr)


def test_a_module_from_a_folder_plans_the_same_jobs(outer, run_snakemake, small, tmp_path):
    folder, jobs = outer(repr(str(ROOT / "Snakefile")), "--dry-run")
    assert jobs == everything(run_snakemake, small, tmp_path / "alone")
    assert not (folder / ".snakemake" / "understory").exists()


@pytest.mark.soak
def test_a_module_from_a_tag_runs_under_other_names_and_leaves_nothing_to_be_done(
    outer, tagged, run_snakemake, small, tmp_path
):
    place = 'github("birds/understory", path="Snakefile", tag="v1")'
    options = {"renamed": " as birds_*", "env": tagged}
    _, jobs = outer(place, "--dry-run", **options)
    alone = everything(run_snakemake, small, tmp_path / "alone")
    assert jobs == {("birds_all", "")} | {(f"birds_{rule}", wildcards) for rule, wildcards in alone}
    folder, jobs = outer(place, "after", **options)
    wanted = {"after", "birds_download_data", "birds_inspect_recordings", "birds_list_quarantined"}
    assert rules(jobs) == wanted
    assert (folder / "after.txt").read_text() == "subset,kind,recording_id,place,reason\n"
    assert outer(place, "--dry-run", "after", **options)[1] == set()
    # The folder and the tag hold the same code.
    assert outer(repr(str(ROOT / "Snakefile")), "--dry-run", "after", renamed=" as birds_*")[1] == set()
    settings = outer(place, "--dry-run", "after", **options, max_quarantined=0.5)
    assert rules(settings[1]) == {"after", "birds_list_quarantined"}


def test_the_snakefile_may_be_given_from_anywhere(tmp_path, run_snakemake, small):
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(small()))
    command = [sys.executable, "-m", "snakemake", "-s", os.path.relpath(ROOT / "Snakefile", tmp_path), "-n"]
    done = subprocess.run(
        [*command, "--nocolor", "--configfile", "settings.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert planned(done.stdout + done.stderr) == everything(run_snakemake, small, tmp_path / "alone")
