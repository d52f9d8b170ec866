"""A real Slurm of several nodes on this machine, over a network folder, with pretend GPUs.

    python tests/slurm_cluster.py FOLDER [COMMAND ...]

starts it, runs a command (a shell, if none is given) in FOLDER on its login node, and stops it. It needs root, and Debian's
packages slurmctld, slurmd, slurm-client, munge, sshfs and openssh-sftp-server.

The controller, the login node and each node are processes of this machine with namespaces of their own: their own host name, process
numbers, mounts and /tmp. What they share is FOLDER, which each mounts through sshfs and so sees with the delay of a network file
system, and what is read only: the programs of this machine. All files of Slurm are in memory, in the namespaces' own /run and
/etc/slurm. When the process that started them ends, however it ends, the namespaces end with all that is in them.
"""

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

from workflow import ROOT

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "srun", "sshfs")
PACKAGES = "slurmctld, slurmd, slurm-client, munge, sshfs and openssh-sftp-server"
SFTP = Path("/usr/lib/openssh/sftp-server")
# Where the cluster's own files are, in its namespaces.
OWN = Path("/run/slurm")
# The control groups by which memory is limited, of the first version.
MEMORY = Path("/sys/fs/cgroup/memory")
# Seconds for which a host takes what it knows of names, sizes and dates for true, as NFS does for up to a minute. A file that is
# opened is seen as it is then, as on NFS.
CACHED = 20
# Seconds until something has begun or ended; only a failure waits so long.
LONG = 60


def lacking() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    if os.getuid() != 0:
        return "starting a Slurm wants root"
    if missing := [name for name in PROGRAMS if not shutil.which(name)] + [SFTP.name] * (not SFTP.exists()):
        return f"Debian's {PACKAGES} are not all installed: no {', '.join(missing)}"
    if not os.path.exists("/dev/fuse"):
        return "a network folder wants FUSE: there is no /dev/fuse"
    made = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
    )
    return f"namespaces are not permitted here: {made.stderr.strip()}" if made.returncode else None


class Host:
    """A machine of the cluster: processes that see each other only, with a host name, mounts and a /tmp of their own.

    Parameters
    ----------
    name : str
        Its host name.
    script : str
        Shell commands that prepare it.
    of : Host, optional
        The host whose mounts it begins with; that of this process if None.
    """

    def __init__(self, name: str, script: str, of: "Host | None" = None):
        self.name = name
        own = ["unshare", "--mount", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child"]
        entered = ["nsenter", f"--mount=/proc/{of.pid}/ns/mnt"] if of else []
        # The first process of the host lives as long as this one holds the other end of its input. With it, all others end.
        first = f"set -e; hostname {name}; {script}\nset +e; echo ready; read -r _"
        self._process = subprocess.Popen(
            [*entered, *own, "bash", "-c", first],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name}: {self._process.communicate()[1]}")
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        self.pid = int(Path(children).read_text())

    @property
    def root(self) -> Path:
        """Its files, seen from here."""
        return Path(f"/proc/{self.pid}/root")

    def entering(self, command, folder="/") -> list[str]:
        """A command that runs another one on this host, in a folder of the host."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", f"--wdns={folder}"]
        return [*enter, "--", *map(str, command)]

    def run(self, *command, check=True) -> str:
        """Run a command on the host; what it says."""
        done = subprocess.run(self.entering(command), capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {shlex.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def end(self):
        """End the host with all its processes at once, as if its power failed."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class _Files(socketserver.ThreadingTCPServer):
    """The file server: each connection is that of one host's sshfs."""

    daemon_threads = True

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            with subprocess.Popen([str(SFTP)], stdin=self.request, stdout=self.request) as serving:
                self.server.serving.add(serving)

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Answer)
        self.serving = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def signal(self, number):
        """Send a signal to the processes that serve a host each."""
        for process in self.serving:
            process.send_signal(number)

    def end(self):
        self.shutdown()
        self.server_close()
        self.signal(signal.SIGKILL)


class Cluster:
    """A controller, a login node, and nodes named n1, n2, … that share a folder.

    Parameters
    ----------
    folder : Path
        The folder that they share, outside /run and /etc.
    nodes : int, optional
    gpus : int, optional
        Pretend GPUs of each of the first two nodes.
    cpus, memory : int, optional
        Processors and MB of a node, which need not be there.
    accounting : bool, optional
        Whether jobs are accounted for (`sacct`), in a database that ends with the cluster. It needs Debian's slurmdbd and
        mariadb-server-core as well.
    limits : bool, optional
        Whether a job that takes more memory than it asked for is killed.

    Attributes
    ----------
    login : Host
    nodes : dict of str to Host
        The nodes by name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 4,
        gpus: int = 1,
        cpus: int = 8,
        memory: int = 32_000,
        accounting: bool = False,
        limits: bool = False,
    ):
        self.folder, self.gpus, self.cpus, self.memory = folder.resolve(), gpus, cpus, memory
        self.accounting, self.limits = accounting, limits
        # By it the processes of its jobs are known.
        self.name = f"understory-{os.getpid()}-{id(self)}"
        self._names = [f"n{number}" for number in range(1, nodes + 1)]
        self.nodes: dict[str, Host] = {}
        self.login = self._server = self._files = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start the cluster, and wait until its nodes are idle."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = Host(
            "controller",
            f"mount -t tmpfs tmpfs /run; mkdir -p {OWN}/etc {OWN}/state {OWN}/gpu {OWN}/spool /run/munge\n"
            f"mkdir -p /etc/slurm; mount --bind {OWN}/etc /etc/slurm",
        )
        own = self._server.root / str(OWN)[1:]
        for node in self._names[:2]:
            for number in range(self.gpus):
                os.mknod(own / f"gpu/{node}-{number}", 0o666 | 0o020000, os.makedev(1, 3))
        for name, text in self._configuration().items():
            (own / "etc" / name).write_text(text)
            (own / "etc" / name).chmod(0o600 if name == "slurmdbd.conf" else 0o644)
        (own / "munge.key").write_bytes(os.urandom(128))
        (own / "munge.key").chmod(0o600)
        munge = {"key-file": "munge.key", "pid-file": "munged.pid"}
        munge |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        self._server.run("munged", "--force", *(f"--{key}={OWN}/{name}" for key, name in munge.items()))
        self._files = _Files()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        self.login = Host("login", self._mounts(), self._server)
        for name in self._names:
            self.start_node(name)
        self.wait_until(lambda: set(self.states().values()) == {"idle"}, "the nodes did not become idle")

    def _start_accounting(self):
        """Start a database in memory, and the daemon that keeps accounts in it."""
        self._server.run("mkdir", "-p", "/run/mysqld", f"{OWN}/database")
        # Without tables of users and rights, which nobody needs here.
        daemon = ["mariadbd", "--no-defaults", f"--datadir={OWN}/database", "--user=root"]
        daemon += ["--skip-networking", "--skip-grant-tables", "--event-scheduler=disabled"]
        daemon += ["--socket=/run/mysqld/mysqld.sock", f"--pid-file={OWN}/mariadbd.pid"]
        self._server.run("sh", "-c", f"{shlex.join(daemon)} >{OWN}/mariadbd.log 2>&1 &")
        socket = self._server.root / "run/mysqld/mysqld.sock"
        self.wait_until(socket.exists, "the database did not start")
        self._server.run("slurmdbd")
        add = ("sacctmgr", "--immediate", "add", "cluster", self.name)
        self.wait_until(lambda: self._server.run(*add, check=False), "the accounts did not start")

    def start_controller(self):
        self._server.run("slurmctld")

    def kill_controller(self):
        """Kill the controller's daemon, as if its machine failed."""
        self.kill_daemon(self._server, "slurmctld")

    def start_node(self, name: str):
        """Start a node, or start it again after it was ended."""
        self.nodes[name] = Host(name, self._mounts(), self._server)
        self.start_daemon(name)

    def start_daemon(self, name: str):
        self.nodes[name].run("slurmd", "-N", name)

    def kill_daemon(self, host: Host, daemon: str = "slurmd"):
        """Kill Slurm's daemon of a host; the jobs that it started go on."""
        host.run("pkill", "-KILL", "-x", daemon)

    def mount(self, host: Host):
        """Mount the shared folder on a host again."""
        host.run("sh", "-c", self._mount())

    def unmount(self, host: Host):
        """Take the shared folder away from a host: what is open there fails, and it is an empty folder from then on."""
        host.run("pkill", "-KILL", "-x", "sshfs")
        host.run("umount", "--lazy", self.folder)

    def hang(self, seconds: float):
        """Let the file server answer nobody for a time: whoever asks it waits."""
        self._files.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._files.signal(signal.SIGCONT)

    def restore(self):
        """Have a cluster as after its start, with no job, whatever happened to it."""
        if not self._server.run("pgrep", "-x", "slurmctld", check=False):
            self.start_controller()
        # With all that is at work on it.
        self.login.end()
        self.login = Host("login", self._mounts(), self._server)
        self.login.run("scancel", "--user=root")
        for name in self._names:
            self.nodes[name].end()
            self.start_node(name)
        self.wait_until(lambda: set(self.states().values()) == {"idle"}, "the nodes did not become idle")

    def stop(self):
        """End all that was started."""
        for host in (*self.nodes.values(), self.login, self._server):
            if host is not None:
                host.end()
        if self._files is not None:
            self._files.end()
        for name in self._names if self.limits else ():
            for folder, _, _ in os.walk(MEMORY / f"slurm_{name}", topdown=False):
                # Another cluster of the same names may be at work there.
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def jobs(self, state: str) -> dict[str, str]:
        """The jobs in a state, such as RUNNING: what the executor says of each, by its number."""
        found = self.login.run("squeue", "-h", "-t", state, "-o", "%i %k")
        return dict(line.split(" ", 1) for line in found.splitlines())

    def node_of(self, job: str) -> str:
        """The name of the node of a running job."""
        return self.login.run("squeue", "-h", "-j", job, "-o", "%N").strip()

    def states(self) -> dict[str, str]:
        """The state of each node by its name, such as idle."""
        found = self.login.run("sinfo", "-h", "-N", "-p", "main", "-o", "%N %t")
        return dict(line.split() for line in found.splitlines())

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
            if (
                own.get("SLURM_CLUSTER_NAME") == self.name
                and job in (None, own.get("SLURM_JOB_ID"))
                and command
            ):
                found[int(place.name)] = command
        return found

    def wait_until(self, found, failure: str, seconds=LONG):
        """Wait until `found()` is something, and give it; RuntimeError with the logs where it does not become so."""
        end = time.monotonic() + seconds
        while not (value := found()):
            if time.monotonic() > end:
                raise RuntimeError(f"{failure}\n{self.logs()}")
            time.sleep(0.1)
        return value

    def logs(self) -> str:
        own = self._server.root / str(OWN)[1:]
        return "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(own.glob("*.log"))
        )

    def _mounts(self):
        """Shell commands that give a host a /tmp of its own and the shared folder."""
        lines = [f"mkdir -p {OWN}/tmp; mount -t tmpfs -o mode=1777,size=64m tmpfs {OWN}/tmp"]
        # The programs may lie below /tmp, and the workflow.
        for path in {Path(path).resolve() for path in (sys.prefix, sys.base_prefix, ROOT)}:
            if path.is_relative_to("/tmp"):
                place = f"{OWN}/tmp/{path.relative_to('/tmp')}"
                lines.append(f"mkdir -p {place}; mount --bind {path} {place}")
        lines += [f"mount --rbind {OWN}/tmp /tmp", f"mkdir -p {self.folder}", self._mount()]
        return "\n".join(lines)

    def _mount(self):
        """A shell command that mounts the shared folder."""
        delays = ("dcache", "entry", "negative")
        options = [f"directport={self._files.server_address[1]}", "dir_cache=yes", "allow_other"]
        options += [f"{name}_timeout={CACHED}" for name in delays]
        return f"sshfs -o {','.join(options)} 127.0.0.1:{self.folder} {self.folder}"

    def _configuration(self):
        controller, accounts, *nodes = _ports(2 + len(self._names))
        # More processors and memory than there may be, so that two trainings are at work at once on any machine.
        of_node = f"CPUs={self.cpus} RealMemory={self.memory} State=UNKNOWN"
        lines = [
            f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} {of_node}"
            + (f" Gres=gpu:{self.gpus}" if name in self._names[:2] and self.gpus else "")
            for name, port in zip(self._names, nodes, strict=True)
        ]
        devices = [
            f"NodeName={name} Name=gpu File={OWN}/gpu/{name}-[0-{self.gpus - 1}]\n"
            for name in self._names[: 2 * bool(self.gpus)]
        ]
        kept = ACCOUNTS if self.accounting else NO_ACCOUNTS
        return {
            "slurm.conf": SLURM.format(name=self.name, own=OWN, port=controller)
            + f"TaskPlugin=task/{'cgroup' if self.limits else 'none'}\n"
            + kept.format(port=accounts)
            + "\n".join([*lines, *PARTITIONS.format(nodes=",".join(self._names)).splitlines(), ""]),
            "gres.conf": "".join(devices),
            "cgroup.conf": LIMITS if self.limits else "CgroupAutomount=no\n",
            "slurmdbd.conf": DATABASE.format(own=OWN, port=accounts),
        }


SLURM = """ClusterName={name}
SlurmctldHost=controller(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
StateSaveLocation={own}/state
SlurmdSpoolDir={own}/spool/%n
SlurmctldPidFile={own}/slurmctld.pid
SlurmdPidFile={own}/slurmd.%n.pid
SlurmctldLogFile={own}/slurmctld.log
SlurmdLogFile={own}/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MinJobAge=300
KillWait=2
SchedulerParameters=sched_interval=5,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
"""
NO_ACCOUNTS = """JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
"""
ACCOUNTS = """JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
"""
LIMITS = """CgroupAutomount=no
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
"""
DATABASE = """AuthType=auth/munge
DbdHost=controller
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={own}/slurmdbd.pid
LogFile={own}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageUser=root
StorageLoc=slurm
"""
# Jobs of the second one make those of the first one give way.
PARTITIONS = """PartitionName=main Nodes={nodes} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes={nodes} MaxTime=INFINITE State=UP PriorityTier=10"""


def _ports(count):
    """Free ports."""
    held = [socketserver.TCPServer(("127.0.0.1", 0), None) for _ in range(count)]
    ports = [each.server_address[1] for each in held]
    for each in held:
        each.server_close()
    return ports


def main():
    parser = argparse.ArgumentParser(
        description="A Slurm of four nodes on this machine, for as long as a command runs."
    )
    parser.add_argument("folder", type=Path, help="the folder that its nodes share")
    parser.add_argument("--accounting", action="store_true", help="keep accounts of jobs")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run on its login node; a shell")
    given = parser.parse_args()
    if why := lacking():
        parser.exit(1, f"{why}\n")
    with Cluster(given.folder, accounting=given.accounting) as cluster:
        command = given.command or ["bash"]
        print(cluster.login.run("sinfo", "-N", "-p", "main", "-o", "%N %t %c %m %G"), end="", flush=True)
        sys.exit(subprocess.run(cluster.login.entering(command, cluster.folder)).returncode)


if __name__ == "__main__":
    main()
