"""What a job was given and what it used: a record of each job beside its log, which it writes while it runs.

A job that is killed leaves its last record. Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
import os
import resource
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from understory.core import files

# Below a run's results; logs are compared with those of no other run.
FOLDER = Path("logs", "usage")
# Seconds between two looks at a job's memory, and between two records of one whose peak stays the same, at least and at most.
LOOK, OFTEN, SELDOM = 1.0, 5.0, 60.0
# How much a peak has grown where it is recorded at once.
GROWN = 1.1
MB = 1e6
# Share of the asked time that is as good as its end, and of the asked memory that is as good as all of it.
LATE, FULL = 0.8, 0.7
# How much more than it used a job needs that did not end.
SOMEWHAT = 1.5
# What tells the processes of one Slurm job from all others, and scripts of the workflow's jobs from what starts them.
SLURM, SCRIPTS = "SLURM_JOB_ID", "/.snakemake/scripts/"


@dataclass
class Record:
    """What a job was given and what it used so far.

    Attributes
    ----------
    rule : str
        Its name in this workflow, also where that is a module of another one.
    wildcards : dict
    threads : int
    mem_mb : float or None
        MB that it asked for.
    runtime : float or None
        Minutes that it asked for.
    started : float
        When, s since 1970.
    seconds, processor_seconds : float
        How long it has run, and what its processes took of all processors.
    peak_mb : float
        MB at most: of its process, and of those that it has started as far as they were seen, which is every second. Under
        Slurm with Snakemake's own, which count as well.
    state : {"running", "finished", "failed"}
        `running` is also that of a job that was killed.
    earlier : float
        Seconds that earlier attempts ran which were killed.
    """

    rule: str
    wildcards: dict[str, str]
    threads: int
    mem_mb: float | None
    runtime: float | None
    started: float
    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mb: float = 0.0
    state: str = "running"
    earlier: float = 0.0

    @property
    def out_of_time(self) -> bool:
        """Whether a job that was killed was killed at the end of its time; its clock starts after Snakemake's."""
        return self.state == "running" and bool(self.runtime) and self.seconds >= LATE * 60 * self.runtime

    @property
    def out_of_memory(self) -> bool:
        """Whether a job that was killed had used nearly all of its memory when it was last seen."""
        return self.state == "running" and bool(self.mem_mb) and self.peak_mb >= FULL * self.mem_mb

    def next_attempt(self, mem_mb: float, runtime: float) -> tuple[float, float]:
        """MB and minutes that the next attempt needs, of a job that asked for so much: more of what it lacked."""
        if self.state != "running":
            # It ended by itself, with an error that neither would have prevented; or it is of a group, of which another job did not end.
            return max(mem_mb, self.peak_mb), max(runtime, SOMEWHAT * self.seconds / 60)
        if self.out_of_time:
            return max(mem_mb, SOMEWHAT * self.peak_mb), 2 * runtime
        # Where nobody holds a job to its memory, it may have used more than it asked for when it was killed.
        return 2 * max(mem_mb, self.peak_mb), runtime if self.out_of_memory else 2 * runtime


def place(results: Path, rule: str, wildcards) -> Path:
    """The file of a job's record below a run's results."""
    name = ",".join(f"{key}={value}" for key, value in sorted(wildcards.items())) or "all"
    return results / FOLDER / rule / f"{name}.json"


def results_of(log: str, rule: str) -> tuple[Path, str] | None:
    """A run's results and a rule's own name, by the log of a job; None where the log lies elsewhere.

    In a workflow that takes this one as a module, a prefix stands before the name of the rule and before the results.
    """
    parts = Path(log).parts
    for number, (part, after) in enumerate(pairwise(parts)):
        own = after.removesuffix(".log")
        if part == "logs" and (rule == own or rule.endswith(f"_{own}")):
            return Path(*parts[:number]), own
    return None


def read(path: Path) -> Record | None:
    """A record; None where there is none that can be read."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class Recorder:
    """Keeps the record of the job that this process is, in a thread of its own.

    Parameters
    ----------
    path : Path
        Of the record.
    record : Record
    """

    def __init__(self, path: Path, record: Record):
        self._path, self._record = path, record
        self._ended = threading.Event()
        self._others, self._before = _of_slurm_job(), _processor_seconds()
        self._written = 0.0
        self._told = 0.0
        self._write()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self, state: str):
        """Write the last record."""
        self._ended.set()
        self._thread.join()
        self._others = max(self._others, _of_slurm_job())
        self._record.state = state
        self._write()

    def _watch(self):
        often = min(max(3 * (self._record.runtime or SELDOM), OFTEN), SELDOM)
        while not self._ended.wait(LOOK):
            self._look()
            grown = self._record.peak_mb > GROWN * self._told
            if grown or self._record.seconds - self._written >= often:
                self._write()

    def _look(self):
        record = self._record
        record.seconds = time.time() - record.started
        record.processor_seconds = _processor_seconds() - self._before
        # Not `ru_maxrss`, which a process inherits from the one that started it.
        own = sum(map(_peak, [os.getpid(), *_children(os.getpid())]))
        record.peak_mb = max(record.peak_mb, (own + self._others) / MB)

    def _write(self):
        self._look()
        self._written, self._told = self._record.seconds, self._record.peak_mb
        # A job does not fail as its record cannot be written.
        with suppress(OSError):
            files.replace(self._path, json.dumps(asdict(self._record)) + "\n")


def _processor_seconds() -> float:
    """What this process and those that it started and that have ended took of all processors."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _of_slurm_job() -> int:
    """Bytes of Snakemake's processes in the Slurm job that this process belongs to; 0 outside of Slurm.

    Other jobs of the workflow that run in the same Slurm job, as in a group or an interactive session, do not count.
    """
    own = os.environ.get(SLURM)
    if own is None:
        return 0
    found, others = set(), {os.getpid(), *_children(os.getpid())}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if f"{SLURM}={own}".encode() in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                found.add(int(entry))
                if SCRIPTS.encode() in Path("/proc", entry, "cmdline").read_bytes():
                    others |= {int(entry), *_children(int(entry))}
    return sum(map(_peak, found - others))


def _children(process: int) -> list[int]:
    """The processes that a process started, directly or not."""
    found, pending = [], [process]
    while pending:
        parent = pending.pop()
        with suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                own = Path(f"/proc/{parent}/task/{task}/children").read_text().split()
                found += map(int, own)
                pending += map(int, own)
    return found


def _peak(process: int) -> int:
    """Bytes that a process had in memory at most; 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
