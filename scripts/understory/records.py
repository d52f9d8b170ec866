"""How far back Snakemake's records of what it made reach."""

import sys
from pathlib import Path


def since(folder: Path, results: Path) -> str:
    """A file beside Snakemake's records, as old as those of some results; made anew, with a word on what follows, where they are gone.

    Parameters
    ----------
    folder : Path
        Where Snakemake keeps its records. It is Snakemake's own to make.
    results : Path
        What a run has made, if anything.
    """
    place = folder.parent / f"since-{results.name}"
    if not (place.exists() and folder.is_dir()):
        if results.exists():
            print(
                f"{results}: there is no record in {folder} of how this was made, so that nothing here can be proved current: "
                "all of it is made again",
                file=sys.stderr,
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return str(place)
