"""Running the main function of a script as a job, with its output in the log and readable errors."""

import errno
import os
import sys

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


def full(error: OSError) -> bool:
    """Whether an error means that a disk is full; NumPy and HDF5 give no error number, only a message."""
    said = ("Not enough free space", "requested and", "No space left")
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or any(words in str(error) for words in said)
