# Reads where this Snakefile lies: a folder, or a tag of a git repository that another workflow takes it from as a module.
# Writes nothing, but for a tag: a copy of its files, in .snakemake/understory/.

import gc
import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

# A plan makes many objects that stay, and few that refer to each other in a circle: to look for those took a fifth of its time.
gc.freeze()
gc.set_threshold(100_000, 50, 100)


def home(rules):
    """The folder of this workflow. Where it is a module read from a git tag, a copy of that: the library is imported from it."""
    if not hasattr(rules, "ref"):
        return Path(str(rules)).parent
    repository = rules.hosted_repo.repo.git_dir if hasattr(rules, "hosted_repo") else rules.repo_path
    git = ["git", "-C", str(repository)]
    commit = subprocess.check_output([*git, "rev-parse", f"{rules.ref}^{{commit}}"], text=True).strip()
    folder = Path(".snakemake", "understory", commit).absolute()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            subprocess.run([*git, "archive", "--output", f"{place}/tar", commit], check=True)
            with tarfile.open(f"{place}/tar") as archive:
                archive.extractall(f"{place}/files", filter="data")
            # Another process may have been as fast.
            with suppress(OSError):
                os.rename(f"{place}/files", folder)
    return folder


HOME = home(workflow.current_basedir)
SCRIPTS = HOME / "scripts"
# First, here and in the processes of scripts: another version may be installed.
sys.path.insert(0, str(SCRIPTS))
inherited = dict(os.environ)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(SCRIPTS), inherited.get("PYTHONPATH")])))

from understory.core.errors import InputError, user_errors

with user_errors():
    if set("{}") & set(str(HOME)):
        raise InputError(
            f"{HOME}: expected a folder without braces, which Snakemake takes for wildcards: move the workflow"
        )
