"""Where this workflow changes what Snakemake records of jobs, and how far back these records reach."""

import sys
from functools import wraps
from pathlib import Path


def record_params_of_started_jobs():
    """Have Snakemake record the params that a job was started with.

    Snakemake 9.27 evaluates params again once a job's inputs are there, but records those of the plan unless something
    asks for the new ones. A local executor does, a remote one does not: what depends on data that the run itself makes
    would then never be up to date. `tests/rebuild/test_remote.py` fails where this no longer fits Snakemake.
    """
    # Imported here: without `snakemake.workflow` before it, it runs in a circle.
    from snakemake.dag import DAG

    original = DAG.register_running
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def register_running(dag, jobs):
        original(dag, jobs)
        for job in jobs:
            for member in job.jobs if job.is_group() else (job,):
                member._params = member._non_derived_params = None
                # Evaluated here, at the job's start: it may take a day to end.
                _ = member.params
        # Which remembers the params of the plan.
        dag.workflow.persistence._params.cache_clear()

    DAG.register_running = register_running


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
