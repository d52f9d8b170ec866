"""Readers: one module a public layout, holding all that is particular to it.

A reader is a module with

- `METRIC`: the name of the score in `understory.metrics.SCORES` that its task is judged by;
- `PARTS`: the named parts of the data set that `subset` may ask for, besides `all` and `available`;
- `read(folder, part)`: its tables as `understory.tables.Tables`; `part` is one of `PARTS` or None;
- `submission_template(folder)`: the columns and ids that a submission has to have, as
  (id column, ids, label columns); a reader whose task has no submission leaves it out.

Beside it may stand `NAME_replica`, with

- `synthesize(folder, truth, settings, seed, processes)`: a made-up replica of the layout, with the complete
  truth of its test recordings in a file of its own. It is a module of its own so that a change to it
  concerns made-up data alone.

Readers import no pandas and no audio library at module level: the Snakefile reads tables through them.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from understory.tables import InputError, Tables


def reader(name: str):
    """The reader's module."""
    return import_module(f"understory.datasets.{name}")


def replica_name(name: str) -> str:
    """The name of the module that makes the reader's replica; InputError where there is none."""
    module = f"understory.datasets.{name}_replica"
    if find_spec(module) is None:
        raise InputError(
            f"data: expected a folder, as the reader {name} has no synthetic data set, given synthetic"
        )
    return module


def read(name: str, folder: Path, subset: str) -> Tables:
    """The tables of the data set in `folder`, as far as `subset` (all, available, or a part of the reader's) asks.

    Raises
    ------
    InputError
        A table or a recording is missing or malformed, or `subset` is none that the reader has.
    """
    module = reader(name)
    if subset not in ("all", "available", *module.PARTS):
        raise InputError(
            f"subset: expected one of {', '.join(('all', 'available', *module.PARTS))} for dataset {name}, found {subset!r}"
        )
    tables = module.read(folder, subset if subset in module.PARTS else None)
    if subset == "available":
        return tables.available(folder)
    absent = [r.path for r in tables.recordings if not (folder / r.path).is_file()]
    if absent:
        raise InputError(
            f"{folder}: expected {len(tables.recordings)} recordings, {len(absent)} are missing, "
            f"such as {', '.join(absent[:3])}. Set subset: available to go on with those that are there"
        )
    return tables
