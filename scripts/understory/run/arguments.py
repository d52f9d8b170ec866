"""Check what Snakemake is given before it reads it, as it answers mistakes there with a traceback or without their place:

PYTHONPATH=scripts python -m understory.run.arguments [--configfile FILE...] [--config KEY=VALUE...]
"""

import argparse
import os
import re
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError, user_errors
from understory.core.text import did_you_mean, listed
from understory.plan import config

RECIPES = Path("recipes")
# What Snakemake takes for the name of a key.
KEY = re.compile(r"[a-zA-Z_][\w-]*\w")


def check(paths, settings):
    """InputError where a configuration file, or a setting of the command line, is none that Snakemake can read.

    Parameters
    ----------
    paths : iterable of Path
        The files after --configfile.
    settings : iterable of str
        What follows --config.
    """
    for path in paths:
        if found := files.other(path):
            raise InputError(f"{path}: expected a file of settings, found {found}{_recipes(path)}")
        config.check_file(path)
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--config: expected KEY=VALUE, given {setting}")
        if not KEY.fullmatch(key):
            block, _, rest = key.partition(".")
            hint = f"; a key in a block is written '{block}={{{rest}: {value}}}'" if rest else ""
            raise InputError(f"--config: expected the name of a key before =, given {setting}{hint}")


def _recipes(path):
    """The recipes there are, where a missing file was to be one."""
    if path.parent != RECIPES:
        return ""
    names = sorted(each.stem for each in RECIPES.glob("*.yaml"))
    return did_you_mean(path.stem, names) or f"; there are {listed(names)}"


def check_cache(environment):
    """InputError where Snakemake cannot write the folder in which it keeps copies of files."""
    given = environment.get("XDG_CACHE_HOME")
    folder = Path(given) if given else Path(environment.get("HOME") or Path.home(), ".cache")
    try:
        folder.joinpath("snakemake").mkdir(parents=True, exist_ok=True)
        writable = os.access(folder / "snakemake", os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise InputError(
            f"{folder}: expected a folder that Snakemake can keep files in, found none that can be written; set "
            "XDG_CACHE_HOME=FOLDER"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="understory.run.arguments")
    parser.add_argument("--configfile", nargs="+", type=Path, default=[])
    parser.add_argument("--config", nargs="+", default=[])
    given = parser.parse_args()
    with user_errors():
        check(given.configfile, given.config)
        check_cache(os.environ)
