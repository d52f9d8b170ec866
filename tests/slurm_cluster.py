"""A real Slurm of one node, on this machine, with pretend GPUs: started by root from Debian's packages, and stopped again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MARK = "# written by tests/slurm, and removed when they end\n"
NAME = "understory"
CONFIGURATION = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "srun")


def lacking() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    if os.getuid() != 0:
        return "starting a Slurm wants root"
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        return (
            f"Debian's slurmctld, slurmd, slurm-client and munge are not installed: no {', '.join(missing)}"
        )
    for path in (CONFIGURATION / name for name in FILES):
        if path.exists() and not path.read_text().startswith(MARK):
            return f"this machine has a Slurm of its own: {path}"
    return None


def _ports(count):
    """Free ports."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Cluster:
    """Munge, a controller and a node, with all their files below `folder` but the configuration.

    That lies where Slurm looks for it, as the executor drops SLURM_CONF on its way to a job.
    """

    def __init__(self, folder: Path, *, gpus: int):
        self.folder, self.gpus = folder, gpus
        self.host = socket.gethostname().split(".")[0]

    def start(self):
        for name in ("state", "spool", "gpu"):
            (self.folder / name).mkdir(parents=True)
        CONFIGURATION.mkdir(exist_ok=True)
        for number in range(self.gpus):
            os.mknod(self.folder / f"gpu/nvidia{number}", 0o666 | 0o020000, os.makedev(1, 3))
        (CONFIGURATION / "slurm.conf").write_text(MARK + self._configuration())
        devices = f"{self.folder}/gpu/nvidia[0-{self.gpus - 1}]"
        (CONFIGURATION / "gres.conf").write_text(f"{MARK}NodeName={self.host} Name=gpu File={devices}\n")
        (CONFIGURATION / "cgroup.conf").write_text(f"{MARK}CgroupAutomount=no\n")
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        self._call(
            "munged",
            "--force",
            *(
                f"--{name}={self.folder}/munge.{end}"
                for name, end in (("socket", "socket"), ("key-file", "key"))
            ),
            *(
                f"--{name}={self.folder}/munged.{end}"
                for name, end in (("pid-file", "pid"), ("log-file", "log"))
            ),
            f"--seed-file={self.folder}/munge.seed",
        )
        self._call("slurmctld", "-c")
        self._call("slurmd", "-N", self.host)
        for _ in range(300):
            state = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True).stdout
            if state.strip() == "idle":
                return
            time.sleep(0.1)
        raise RuntimeError(f"the node did not become idle: {state}\n{self.logs()}")

    def stop(self):
        """End what was started, and remove the configuration."""
        if shutil.which("scancel") and (self.folder / "slurmctld.pid").exists():
            subprocess.run(["scancel", "--user=root"], capture_output=True)
            self._wait_for_none()
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(self.folder / f"{name}.pid")
        for path in (CONFIGURATION / name for name in FILES):
            if path.exists() and path.read_text().startswith(MARK):
                path.unlink()

    def _wait_for_none(self, seconds=10):
        """Wait until no process of a job is left, and kill those that do not end."""
        end = time.monotonic() + seconds
        while left := self.processes():
            for pid in left if time.monotonic() > end else ():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def jobs(self, state: str) -> dict[str, str]:
        """The jobs in a state, such as RUNNING: what the executor says of each, by its number."""
        command = ["squeue", "-h", "-t", state, "-o", "%i %k"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(line.split(" ", 1) for line in found.splitlines())

    def processes(self, job: str | None = None) -> dict[int, str]:
        """The command of each process that a job of this cluster, or any, started and that is still there, by its number."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                own = dict(
                    line.split("=", 1)
                    for line in (place / "environ").read_text(errors="replace").split("\0")
                    if "=" in line
                )
                command = (place / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
            except OSError:
                continue
            if own.get("SLURM_CLUSTER_NAME") == NAME and job in (None, own.get("SLURM_JOB_ID")) and command:
                found[int(place.name)] = command
        return found

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))

    def _call(self, *command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}\n{self.logs()}")

    @staticmethod
    def _end(pid_file):
        try:
            pid = int(pid_file.read_text())
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return
        for number in range(100):
            try:
                os.kill(pid, signal.SIGKILL if number == 80 else 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)

    def _configuration(self):
        # More processors and memory than there may be, so that two trainings are at work at once on any machine.
        controller, node = _ports(2)
        return f"""ClusterName={NAME}
SlurmctldHost={self.host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge.socket
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SlurmctldLogFile={self.folder}/slurmctld.log
SlurmdLogFile={self.folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
ReturnToService=2
MinJobAge=300
KillWait=2
SchedulerParameters=sched_interval=5,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
NodeName={self.host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=32000 Gres=gpu:{self.gpus} State=UNKNOWN
PartitionName=main Nodes={self.host} Default=YES MaxTime=INFINITE State=UP
"""
