"""What a run shows while it works: a line for each finished job, how trainings stand, and the time left.

Snakemake's own log of the run, in .snakemake/log, stays as it is.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

# Seconds between two looks at the logs of trainings, and between two lines about one of them.
POLL, REPEAT = 5, 30
# Bytes at the end of a job's log that are read, and lines that are shown of a failed one.
TAIL, LINES = 16_384, 15
EPOCH = re.compile(r"^epoch (\d+)/(\d+) .*?(\d+ examples/s)", re.MULTILINE)
# Share of the work after which the time left is estimated.
KNOWN = 0.03
# What Snakemake says of a failed job besides the job's own log, and of a run besides its jobs: it is in its log alone.
FOLLOWS = re.compile(r"RuleException|CalledProcessError|WorkflowError:?\s+At least one job")
NOISE = re.compile(r"Select jobs to execute|Execute \d+ jobs|Elapsed time|Storing output|$")


class _Job(NamedTuple):
    """A job at work: its rule, its wildcards as `name=value`, its log, and when it began."""

    rule: str
    wildcards: str
    log: Path | None
    began: float

    def __str__(self):
        return f"{self.rule} {self.wildcards}".strip()


class Progress(logging.Handler):
    """Lines about the jobs of a run, in the place of Snakemake's own.

    Parameters
    ----------
    stream : text file
    formatter : logging.Formatter
        Of warnings and errors, which are shown in full.
    costs : iterable of (str, float)
        The rule of each job that is going to run, and how many seconds it is expected to take.
    clock : callable, optional
        Seconds.
    """

    def __init__(
        self,
        stream,
        formatter: logging.Formatter,
        costs: Iterable[tuple[str, float]],
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self._stream, self._clock = stream, clock
        self.setFormatter(formatter)
        of_rule: dict[str, list[float]] = {}
        for rule, cost in costs:
            of_rule.setdefault(rule, []).append(cost)
        self._number, self._done = sum(map(len, of_rule.values())), 0
        self._cost = {rule: fmean(each) for rule, each in of_rule.items()}
        self._whole, self._behind = sum(map(sum, of_rule.values())), 0.0
        self._began = clock()
        self._jobs: dict[int, _Job] = {}
        self._said: dict[int, tuple[str, float]] = {}

    def watch(self):
        """Look at the logs of trainings from now on, in a thread that ends with the process."""

        def look():
            while True:
                time.sleep(POLL)
                self.look()

        threading.Thread(target=look, daemon=True).start()

    def emit(self, record):
        event = getattr(getattr(record, "event", None), "name", None)
        if event == "JOB_INFO":
            self._start(record)
        elif event == "JOB_FINISHED":
            self._finish(record)
        elif event == "JOB_ERROR" and getattr(record, "jobid", None) in self._jobs:
            self._fail(self._jobs.pop(record.jobid))
        elif record.levelno >= logging.WARNING or event in ("JOB_ERROR", "GROUP_ERROR", "ERROR"):
            if not FOLLOWS.match(record.getMessage().strip()):
                self._write(self.format(record))
        elif event in (None, "LOGFILE_HINT") and not NOISE.match(record.getMessage().strip()):
            self._write(record.getMessage().strip())

    def look(self):
        """Show how far the trainings at work are, each at most once in `REPEAT` seconds."""
        with self.lock:
            for number, job in self._jobs.items():
                epoch, said = _epoch(job.log), self._said.get(number, ("", -REPEAT))
                if epoch and epoch.group() != said[0] and self._clock() - said[1] >= REPEAT:
                    self._said[number] = epoch.group(), self._clock()
                    at, of, speed = epoch.groups()
                    self._write(f"{' ' * self._indent}{job}: epoch {at} of {of}, {speed}{self._left()}")

    def _start(self, record):
        wildcards = ", ".join(f"{name}={value}" for name, value in record.wildcards.items())
        log = Path(str(record.log[0])) if record.log else None
        self._jobs[record.jobid] = _Job(record.rule_name, wildcards, log, self._clock())

    def _finish(self, record):
        job = self._jobs.pop(record.job_id, None)
        if job is None:
            return
        self._done += 1
        self._behind += self._cost.get(job.rule, 0.0)
        count = f"[{self._done:>{len(str(self._number))}}/{self._number}]"
        self._write(f"{count} {job} ({_time(self._clock() - job.began)}){self._left()}")

    def _fail(self, job):
        """Show the end of a failed job's log, from its own error where it has one."""
        text = _tail(job.log).strip()
        own = text.rfind("ERROR in ")
        lines = text[own:].splitlines() if own >= 0 else text.splitlines()[-LINES:]
        self._write("\n  ".join([f"FAILED {job}, see {job.log}", *lines]))

    @property
    def _indent(self):
        return 2 * len(str(self._number)) + 4

    def _left(self):
        """How long the rest takes, if it takes as much longer than expected as what is done."""
        behind = self._behind
        if self._done == self._number:
            return ""
        for job in self._jobs.values():
            if epoch := _epoch(job.log):
                behind += self._cost.get(job.rule, 0.0) * int(epoch[1]) / int(epoch[2])
        if behind < KNOWN * self._whole or behind >= self._whole:
            return ""
        return f", about {_time((self._whole - behind) / behind * (self._clock() - self._began))} left"

    def _write(self, text):
        self._stream.write(f"{text}\n")
        self._stream.flush()


def _epoch(log):
    """The last epoch in a training's log; None in any other."""
    epochs = list(EPOCH.finditer(_tail(log)))
    return epochs[-1] if epochs else None


def _tail(log):
    """The end of a job's log; nothing where there is none."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            return file.read().decode("utf-8", errors="replace")
    except (OSError, TypeError):
        return ""


def _time(seconds):
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def show(logger: logging.Logger, settings, costs: Iterable[tuple[str, float]]):
    """Let a run that begins show its progress, unless it was asked for more of Snakemake's output, or less.

    Parameters
    ----------
    logger : logging.Logger
        Snakemake's.
    settings
        Of its output.
    costs : iterable of (str, float)
        As for `Progress`.
    """
    if settings.quiet or settings.verbose or settings.printshellcmds or settings.debug_dag:
        return
    # The handler of a logger plugin has another name.
    for handler in [each for each in logger.handlers if each.name == "DefaultStreamHandler"]:
        progress = Progress(handler.stream, handler.formatter, costs)
        progress.name = handler.name
        logger.removeHandler(handler)
        logger.addHandler(progress)
        progress.watch()
