"""Running the main function of a script as a job, with its output in the log and readable errors."""

import errno
import os
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from understory.core import usage
from understory.core.errors import InputError
from understory.run import lock


def run(main, snakemake):
    """Call `main(snakemake)` with all output, of libraries too, in the rule's log; nothing when there is no job.

    An `InputError`, which the user can correct, is shown without a traceback; the job fails either way.
    """
    if snakemake is None:
        return
    lock.hold()
    log = os.open(str(snakemake.log[0]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        with _recorded(snakemake):
            main(snakemake)
    except InputError as error:
        sys.exit(f"ERROR in {snakemake.rule}: {error}")
    except OSError as error:
        if not full(error):
            raise
        place = error.filename or os.path.dirname(str(snakemake.output[0]))
        sys.exit(
            f"ERROR in {snakemake.rule}: expected room for {place}, found none left on its disk. "
            "Make room and give the same command again: what is finished stays"
        )


@contextmanager
def _recorded(snakemake):
    """Keeps the record of what a job uses, see `understory.core.usage`."""
    found = usage.results_of(str(snakemake.log[0]), snakemake.rule)
    if found is None:
        yield
        return
    results, rule = found
    wildcards, given = dict(snakemake.wildcards.items()), snakemake.resources
    asked = [given.get(name) for name in ("mem_mb", "runtime")]
    place = usage.place(results, rule, wildcards)
    last = usage.read(place)
    earlier = last.seconds + last.earlier if last and last.state == "running" else 0.0
    record = usage.Record(rule, wildcards, snakemake.threads, *asked, started=time.time(), earlier=earlier)
    recorder = usage.Recorder(place, record)
    state = "failed"
    try:
        yield
        state = "finished"
    except (MemoryError, BrokenProcessPool):
        # As if it had been killed for it, which is what becomes of a process of its own.
        state = "running"
        raise
    except OSError as error:
        state = "running" if error.errno == errno.ENOMEM else state
        raise
    finally:
        recorder.end(state)


def full(error: OSError) -> bool:
    """Whether an error means that a disk is full; NumPy and HDF5 give no error number, only a message."""
    said = ("Not enough free space", "requested and", "No space left")
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or any(words in str(error) for words in said)
