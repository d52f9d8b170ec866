"""Running a script's main as a job: its output in the log, its errors in words."""

import os
import sys

from understory.tables import InputError


def run(main, snakemake):
    """Call `main(snakemake)` with all output, of libraries too, in the rule's log; nothing when there is no job.

    What a person can mend (`InputError`) is said without a traceback; the job fails either way.
    """
    if snakemake is None:
        return
    log = os.open(str(snakemake.log[0]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        main(snakemake)
    except InputError as error:
        sys.exit(f"ERROR in {snakemake.rule}: {error}")
