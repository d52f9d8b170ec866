"""How far back Snakemake's records of what it made reach."""

import sys
from pathlib import Path


def since(folder: Path, results: Path) -> str:
    """A file in the folder of Snakemake's records, as old as they are; made, with a word on what follows, where it is not.

    Parameters
    ----------
    folder : Path
        Where Snakemake keeps its records.
    results : Path
        What a run has made, if anything.
    """
    place = folder / "since"
    if not place.exists():
        if results.exists():
            print(
                f"{results}: there is no record of how this was made ({folder} is gone), so that nothing here can be proved "
                "current: all of it is made again",
                file=sys.stderr,
            )
        folder.mkdir(parents=True, exist_ok=True)
        place.touch()
    return str(place)
