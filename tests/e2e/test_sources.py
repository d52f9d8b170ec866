"""Data that are fetched: the real Snakefile, with a server on the loopback interface for the network."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from server import send_file, serving
from workflow import planned

from understory.fetch.address import place

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(folder, tmp_path_factory):
    """The small data set in one zip, in a folder as GitHub's archives have it."""
    made = tmp_path_factory.mktemp("zipped")
    shutil.copytree(folder, made / "top" / "set-main")
    return Path(shutil.make_archive(str(made / "set"), "zip", made / "top")).read_bytes()


@pytest.fixture
def local(monkeypatch, tmp_path):
    """No proxy but ours, and no credentials but those a test sets."""
    for name in list(os.environ):
        if name.startswith("KAGGLE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def test_a_url_gives_what_the_folder_gives(local, archive, folder, first, run_snakemake, small, tmp_path):
    targets = [
        f"results/small/examples/log_mel/{part}.npy" for part in ("0/train-0", "1/train-1", "0/test-0")
    ]
    targets.append("results/small/folds.csv")
    with serving(lambda handler: send_file(handler, archive)) as (url, requests):
        address = f"{url.replace('//', '//me:geheim@')}/set.zip?token=geheim"
        config = small(data=address, shards={"train": 2, "test": 1})
        plan = run_snakemake(tmp_path, "--dry-run", *targets, config=config)
        assert ("download_data", "") in planned(plan.stdout)
        assert requests == []
        assert not (tmp_path / "data").exists()
        done = run_snakemake(tmp_path, *targets, config=config)
        assert len(requests) == 1
    for name in targets:
        one, other = ((run / name).read_bytes() for run in (first, tmp_path))
        assert one == other, name
    ready = tmp_path / place(config["data"], "")[1]
    assert json.loads(ready.read_text())["files"] == sum(p.is_file() for p in folder.rglob("*"))
    # Neither in what is said nor in what is kept of a run.
    log = (tmp_path / "results/small/logs/download_data.log").read_text()
    kept = "".join(p.read_text() for p in (tmp_path / ".snakemake/metadata").rglob("*") if p.is_file())
    assert "data_sha256" in log
    assert "geheim" not in log + kept + plan.stdout + plan.stderr + done.stdout + done.stderr

    # The server is down now.
    again = run_snakemake(tmp_path, *targets, config=config)
    assert "Nothing to be done" in again.stdout + again.stderr

    def jobs(wanted=targets, **changes):
        plan = run_snakemake(tmp_path, "--dry-run", *wanted, config={**config, **changes})
        return {rule for rule, _ in planned(plan.stdout + plan.stderr)}

    # Other credentials are the same data, another address other data; another run shares what is there.
    assert jobs(data=config["data"].replace("me:geheim", "you:other")) == set()
    assert "download_data" in jobs(data=f"{config['data']}&version=2")
    # The digest that the log told can be pinned without fetching anything again; another one cannot.
    digest = re.search(r"data_sha256: ([0-9a-f]{64})", log)[1]
    assert jobs(data_sha256=digest) == set()
    wrong = run_snakemake(tmp_path, "--dry-run", config={**config, "data_sha256": "0" * 64}, check=False)
    said = wrong.stdout + wrong.stderr
    assert (
        f"data_sha256: expected {'0' * 64}, found {digest} of the archive that was fetched: delete data/"
        in said
    )
    assert "Traceback" not in said
    assert not {"download_data"} & jobs(wanted=(), name="other")


def test_a_competition_gets_as_far_as_its_folds(local, archive, first, run_snakemake, small, tmp_path):
    config = small(data="kaggle:rfcx-species-audio-detection")
    target = "results/small/folds.csv"
    done = run_snakemake(tmp_path, target, config=config, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert (
        said.count("ERROR in download_data: kaggle:rfcx-species-audio-detection: expected an access token")
        == 1
    )
    assert "Traceback" not in said
    assert not (tmp_path / target).exists()
    # Kaggle's package knows a server on this machine, at http://localhost; the proxy gives it our port.
    with serving(lambda handler: send_file(handler, archive)) as (url, requests):
        local.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        local.setenv("http_proxy", url)
        local.setenv("KAGGLE_API_TOKEN", "geheim")
        done = run_snakemake(tmp_path, target, config=config)
        assert [method for method, _, _ in requests] == ["POST"]
    assert (tmp_path / target).read_bytes() == (first / target).read_bytes()
    assert "geheim" not in done.stdout + done.stderr
    # Nobody knew how many recordings there would be; what was chosen for that stays.
    assert "shards.train: auto is 16, as the recordings are still to be fetched" in done.stderr
    chosen = json.loads((tmp_path / "results/small/shards.json").read_text())
    assert chosen["train"] == {"shards": 16, "recordings": None}
    again = run_snakemake(tmp_path, "--dry-run", target, config=config)
    assert planned(again.stdout + again.stderr) == set()


def test_an_archive_of_another_layout_is_said_and_not_fetched_again(local, run_snakemake, small, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/readme.txt").write_text("birds")
    content = Path(shutil.make_archive(str(tmp_path / "x"), "gztar", tmp_path / "other")).read_bytes()
    with serving(lambda handler: send_file(handler, content)) as (url, requests):
        config = small(data=f"{url}/x.tar.gz")
        done = run_snakemake(tmp_path / "run", config=config, check=False)
        assert len(requests) == 1
    assert done.returncode != 0
    assert "ERROR in inspect_recordings: data/" in done.stdout + done.stderr
    assert "sample_submission.csv is missing: expected a table" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    # Kept, as the key `dataset` may be what is wrong; and said from now on while the Snakefile is parsed.
    done = run_snakemake(tmp_path / "run", config=config, check=False)
    said = done.stdout + done.stderr
    assert "sample_submission.csv is missing: expected a table" in said
    assert f"delete {place(config['data'], '')[1]} to have them again" in said
    assert "Traceback" not in said
