"""What comes with the library when it is installed, and what the catalog of workflows reads."""

import shutil
import subprocess
import sys

import pytest
import yaml
from workflow import ROOT

SCRIPTS = ROOT / "scripts"


@pytest.mark.slow
def test_pip_installs_the_whole_library(tmp_path):
    source, place = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(SCRIPTS, source / "scripts", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(place), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def files(root):
        paths = (
            path for suffix in ("css", "js", "py") for path in (root / "understory").rglob(f"*.{suffix}")
        )
        return {str(path.relative_to(root)) for path in paths}

    assert files(place) == files(SCRIPTS)
    # No script of a rule comes along, as a module of its name.
    assert not list(place.glob("*.py"))
    program = "from understory.run import summary; print(summary.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env={"PYTHONPATH": str(place)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(place / "understory/run/summary.py"), done.stderr


def test_the_catalog_of_workflows_finds_the_keys_it_reads():
    settings = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert set(settings) == {"usage"}
    assert set(settings["usage"]) <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert settings["usage"]["software-stack-deployment"] == {"conda": True}
    # Where the catalog and Snakemake look for them.
    for name in ("Snakefile", "README.md", "LICENSE", "config.yaml", "profiles/default/profile.yaml"):
        assert (ROOT / name).is_file(), name
