"""Locks by which the jobs on a machine share its GPUs: each job has one GPU to itself.

A job holds an exclusive lock on a file of its GPU. The system releases it when the job ends, however it ends. The files
are in the machine's temporary folder, which all runs of a user share.
"""

import fcntl
import glob
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from itertools import takewhile
from pathlib import Path

from understory.core.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Names of the devices to share, in place of those of the machine; empty: none, and nothing is locked.
OVERRIDE = "UNDERSTORY_GPUS"
# Seconds between attempts while all devices are taken.
PAUSE = 0.1


def visible() -> list[str]:
    """The devices that this process may use, by their names in CUDA_VISIBLE_DEVICES.

    They are those in UNDERSTORY_GPUS where it is set, else in CUDA_VISIBLE_DEVICES, else all of the machine.
    """
    for variable in (OVERRIDE, VISIBLE):
        if variable in os.environ:
            return _listed(os.environ[variable])
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split()
    numbers = [re.fullmatch(r"/dev/nvidia(\d+)", path) for path in glob.glob("/dev/nvidia*")]
    return [str(number) for number in sorted(int(match[1]) for match in numbers if match)]


def _listed(names):
    """The names in a list, up to the first that is no device: CUDA ignores the names after it."""
    stripped = (name.strip() for name in names.split(","))
    return list(takewhile(lambda name: name not in ("", "-1", "NoDevFiles"), stripped))


def take() -> str | None:
    """Lock one device until this process ends; wait while all are taken.

    This sets CUDA_VISIBLE_DEVICES, and has to precede the import of TensorFlow. The only device of a Slurm job is not
    locked.

    Returns
    -------
    str or None
        The name of the device; None where there is no GPU.

    Raises
    ------
    InputError
        The folder of the locks belongs to another user.
    """
    job = os.environ.get("SLURM_JOB_ID") if VISIBLE in os.environ else None
    names = _listed(os.environ[VISIBLE]) if job else visible()
    if not names:
        print("device: no GPU is visible")
        return None
    if job and len(names) == 1:
        print(f"device: GPU {names[0]}, given by Slurm")
        return names[0]
    # Slurm may number the devices of each job from 0, so the locks are per Slurm job.
    folder, begin = _folder(), time.monotonic()
    files = {
        name: os.open(
            folder / re.sub(r"[^\w.-]", "_", f"{job or 'gpu'}-{name}"), os.O_RDWR | os.O_CREAT, 0o600
        )
        for name in names
    }
    while (name := _free(files)) is None:
        time.sleep(PAUSE)
    for other in set(names) - {name}:
        os.close(files[other])
    # The order of nvidia-smi; by default, CUDA numbers the fastest device first.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ[VISIBLE] = name
    print(
        f"device: GPU {name} of {', '.join(names)}, after {time.monotonic() - begin:.0f} s of waiting for it"
    )
    return name


def _free(files):
    """The first device whose lock is free, locked now."""
    for name, file in files.items():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return name
    return None


def _folder():
    """The folder of the locks of one user on one machine, even where machines share their temporary files."""
    folder = Path(tempfile.gettempdir(), f"understory-{os.getuid()}-{socket.gethostname()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise InputError(
            f"{folder}: expected a folder of this user for the locks of devices, found another user's. "
            "Remove it, or set TMPDIR to another folder"
        )
    return folder
