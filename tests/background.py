"""Starting a run that is to be killed, and going on after it."""

import os
import signal
import subprocess
import sys
import threading
import time

import yaml
from workflow import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}


class Run:
    """A run of the Snakefile in a session of its own, whose output is followed."""

    def __init__(self, place, config, *options, cores=2):
        place.mkdir(parents=True, exist_ok=True)
        (place / "settings.yaml").write_text(yaml.safe_dump(config))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--directory",
            str(place),
        ]
        command += ["--profile", str(ROOT / "profiles/default"), "--cores", str(cores), "--nocolor"]
        # With this, Snakemake says itself which jobs begin.
        command += ["--printshellcmds", "--configfile", str(place / "settings.yaml"), *options]
        self.lines = []
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self):
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self):
        return "\n".join(self.lines)

    def until(self, *lines):
        """Wait for one of some lines; whether it came before the run ended."""
        while not set(lines) & set(self.lines):
            if self._process.poll() is not None:
                self._reader.join()
                return bool(set(lines) & set(self.lines))
            time.sleep(0.01)
        return True

    def wait(self):
        code = self._process.wait()
        self._reader.join()
        return code

    def kill(self):
        """SIGKILL to the run and all of its jobs; whether it was still at work."""
        alive = self._process.poll() is None
        if alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()
        return alive


def clear(place):
    """The documented command that clears a dead run's lock."""
    return subprocess.run(
        [sys.executable, "-m", "understory.run.unlock"],
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
