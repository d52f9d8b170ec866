"""How far back Snakemake's records of jobs reach, and whether outputs come from its cache."""

import sys
from pathlib import Path

from understory.core.errors import InputError


def cached(workflow) -> bool:
    """Whether this run uses Snakemake's output cache (`--cache`); benchmarks are then left out of its rules.

    Snakemake does not cache the outputs of a rule with a benchmark, and has no option to leave benchmarks out:
    the directive is replaced.
    """
    if workflow.workflow_settings.cache is None:
        return False
    workflow.benchmark = lambda path: lambda rule: rule
    return True


def records_marker(folder: Path, results: Path) -> str:
    """A file beside Snakemake's records, as old as those of some results; made anew, with a word on what follows, where they are gone.

    Parameters
    ----------
    folder : Path
        Where Snakemake keeps its records. It is Snakemake's own to make.
    results : Path
        What a run has made, if anything.

    Raises
    ------
    InputError
        Nothing can be written here.
    """
    place = folder.parent / f"since-{results.name}"
    if not (place.exists() and folder.is_dir()):
        if results.exists():
            print(
                f"{results}: there is no record in {folder} of how this was made, so that nothing here can be proved current: "
                "all of it is made again",
                file=sys.stderr,
            )
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        except OSError as error:
            raise InputError(
                f"{Path.cwd()}: expected a working directory that can be written, found that it cannot ({error.strerror})"
            ) from None
    return str(place)
