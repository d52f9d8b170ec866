"""Starting a run that is to be killed, and going on after it."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import yaml
from snakemake_process import start
from workflow import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}


class Run:
    """A run of the Snakefile in a session of its own, whose output is followed."""

    def __init__(self, place, config, *options, cores=2):
        place.mkdir(parents=True, exist_ok=True)
        (place / "settings.yaml").write_text(yaml.safe_dump(config))
        command = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(place)]
        command += ["--profile", str(ROOT / "profiles/default"), "--cores", str(cores), "--nocolor"]
        # With this, Snakemake says itself which jobs begin.
        command += ["--printshellcmds", "--configfile", str(place / "settings.yaml"), *options]
        self.lines, self._place, self._pipe = [], place, place / "output"
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()
        self._process = start(command, cwd=ROOT, env=os.environ, out=self._pipe, err=self._pipe)

    def _follow(self):
        with open(self._pipe) as output:
            for line in output:
                self.lines.append(line.rstrip())

    @property
    def output(self):
        return "\n".join(self.lines)

    def until(self, *lines):
        """Wait for one of some lines; whether it came before the run ended."""
        while not set(lines) & set(self.lines):
            if not self._process.is_alive():
                self._reader.join()
                return bool(set(lines) & set(self.lines))
            time.sleep(0.01)
        return True

    def wait(self):
        self._process.join()
        self._reader.join()
        return self._process.exitcode

    def kill(self):
        """SIGKILL to the run and all of its jobs; whether it was still at work."""
        alive = self._process.is_alive()
        if alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        while self._jobs():
            time.sleep(0.01)
        self.wait()
        return alive

    def _jobs(self):
        """The processes that are at work in the folder of the run."""
        jobs = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                jobs += [process.name] * (os.readlink(process / "cwd") == str(self._place))
        return jobs


def clear(place):
    """The documented command that clears a dead run's lock."""
    return subprocess.run(
        [sys.executable, "-m", "understory.run.unlock"],
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
