"""Which GPU a job computes on, where several jobs share a machine: each has one to itself.

A job holds an exclusive lock on a device's file for as long as it lives, which the system takes back whatever it died
of. The files lie in the machine's temporary folder, so that all runs of a person on a machine share them.
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
from pathlib import Path

from understory.core.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Names of the devices to share, in place of those that are found; empty: none, so that nothing is locked.
DATASET = "UNDERSTORY_GPUS"
# Seconds between looks at devices that are all taken: nothing beside a training.
PAUSE = 0.1


def visible() -> list[str]:
    """The devices that this process may use, by the names that CUDA_VISIBLE_DEVICES has for them.

    They are those of UNDERSTORY_GPUS where it is set, else of CUDA_VISIBLE_DEVICES, else all of the machine.
    """
    for variable in (DATASET, VISIBLE):
        if variable in os.environ:
            return _listed(os.environ[variable])
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        found = subprocess.run(command, capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split()
    numbers = [re.fullmatch(r"/dev/nvidia(\d+)", path) for path in glob.glob("/dev/nvidia*")]
    return [str(number) for number in sorted(int(match[1]) for match in numbers if match)]


def _listed(names):
    """The names in a list, up to the first that is none: CUDA ignores those after it."""
    found = []
    for name in names.split(","):
        if name.strip() in ("", "-1", "NoDevFiles"):
            break
        found.append(name.strip())
    return found


def take() -> str | None:
    """Have one device to oneself until this process ends, waiting for it where all are taken.

    Sets CUDA_VISIBLE_DEVICES, so it has to come before TensorFlow is imported. The one device that Slurm gave to its job
    is the job's already, and is not locked.

    Returns
    -------
    str or None
        The device's name; None where there is no GPU.

    Raises
    ------
    InputError
        The folder for the locks is not this user's own.
    """
    job = os.environ.get("SLURM_JOB_ID") if VISIBLE in os.environ else None
    names = _listed(os.environ[VISIBLE]) if job else visible()
    if not names:
        print("device: no GPU is visible")
        return None
    if job and len(names) == 1:
        print(f"device: GPU {names[0]}, given by Slurm")
        return names[0]
    # What Slurm numbers anew for each of its jobs are others' devices by the same names.
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
    # As the numbers of the machine's tools have it; by default CUDA numbers the fastest first.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ[VISIBLE] = name
    print(
        f"device: GPU {name} of {', '.join(names)}, after {time.monotonic() - begin:.0f} s of waiting for it"
    )
    return name


def _free(files):
    """The first device whose lock could be had."""
    for name, file in files.items():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return name
    return None


def _folder():
    """Where the locks are: of one user, and of one machine even where temporary files are shared by several."""
    folder = Path(tempfile.gettempdir(), f"understory-{os.getuid()}-{socket.gethostname()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise InputError(
            f"{folder}: expected a folder of this user's own for the locks of devices, found another's. "
            "Remove it, or set TMPDIR to another folder"
        )
    return folder
