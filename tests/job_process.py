"""Scripts of jobs in processes that are forked from ones that have imported the libraries: seconds less for each job.

Snakemake starts `python SCRIPT` for each job. In the tests it starts `client` below in place of Python, which hands the script to a
server; that forks, and the child runs it with the client's arguments, folder, environment and output. Nothing of Understory
is imported before the fork. A job whose client is killed is killed as well. Runs on Slurm or with plugins of their own start
real processes.
"""

import array
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path

SIGNAL = (
    "colorednoise",
    "cv2",
    "jinja2",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "pandas",
    "scipy.fft",
    "scipy.sparse",
    "scipy.stats",
    "sklearn.model_selection",
    "snakemake.script",
    "soundfile",
    "soxr",
    "yaml",
)
TENSORFLOW = (
    "keras",
    "tensorflow",
    "pandas",
    "pyarrow.parquet",
    "scipy.fft",
    "scipy.signal",
    "scipy.sparse",
    "scipy.stats",
    "snakemake.script",
    "soundfile",
    "soxr",
    "yaml",
)
THREADS = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
# What Keras imports where it is installed, and jobs keep from it.
HIDDEN = ("IPython", "matplotlib", "sklearn")
OF_MODELS = (
    "train_fold.py",
    "train_round.py",
    "compute_pseudo_labels.py",
    "validate_fold.py",
    "predict_fold.py",
    "score_held_out.py",
    "score_probes.py",
    "score_recordings.py",
    "embed_recordings.py",
    "find_nearest.py",
    "compute_embeddings.py",
    "embed_recordings.py",
    "find_nearest.py",
    "export_models.py",
)
CLIENT = """#!{python} -ISE
import array, json, os, socket, sys
arguments = sys.argv[1:]
script = arguments[0] if arguments else ""
if not (len(arguments) == 1 and script.endswith(".py")):
    os.execv({python!r}, [{python!r}, *arguments])
server = {tensorflow!r} if script.endswith({of_models!r}) else {signal!r}
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.connect(server)
    said = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
    files = array.array("i", [1, 2])
    connection.sendmsg([len(said).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    connection.sendall(said)
    answer = connection.recv(4)
sys.exit(int.from_bytes(answer, "big") if answer else 1)
"""


def client(folder: Path, tests: int):
    """Start both servers, which end with the process `tests`, and write the program `python` that stands for Python."""
    path = folder / "python"
    names = {name: str(folder / name) for name in ("signal", "tensorflow")}
    # As Snakemake sets them for a job of one thread; libraries read them when they are imported.
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    for name, place in names.items():
        command = [sys.executable, __file__, name, place, str(tests)]
        # In a session of its own: it outlives the process that starts it.
        subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    path.write_text(CLIENT.format(python=sys.executable, of_models=OF_MODELS, **names))
    path.chmod(0o755)


def _preload(names):
    from importlib import import_module

    sys.modules.update(dict.fromkeys(HIDDEN))
    if "keras" in names:
        import_module("keras")
    for name in HIDDEN:
        del sys.modules[name]
    for name in names:
        import_module(name)


def _serve(name, place, tests):
    """Run scripts, each in a fork, as long as the process `tests` is there."""
    tests_ended = select.poll()
    tests_ended.register(os.pidfd_open(tests), select.POLLIN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"{place}.new")
        server.listen(64)
        _preload({"signal": SIGNAL, "tensorflow": TENSORFLOW}[name])
        os.rename(f"{place}.new", place)
        server.settimeout(1)
        while not tests_ended.poll(0):
            with suppress(TimeoutError):
                connection = server.accept()[0]
                if os.fork() == 0:
                    server.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _answer(connection)
                connection.close()
    shutil.rmtree(Path(place).parent, ignore_errors=True)


def _answer(connection):
    """Run the script in a child of this process, and say how it ended."""
    connection.settimeout(None)
    files = array.array("i")
    length, others, _, _ = connection.recvmsg(8, socket.CMSG_LEN(2 * files.itemsize))
    files.frombytes(others[0][2])
    text = b""
    while len(text) < int.from_bytes(length, "big"):
        text += connection.recv(1 << 20)
    child = os.fork()
    if child == 0:
        connection.close()
        _run(*json.loads(text), *files)
    # Either the child ends, or the client does, as it sends nothing more.
    ended = select.poll()
    for file in (connection.fileno(), pid := os.pidfd_open(child)):
        ended.register(file, select.POLLIN)
    if pid not in dict(ended.poll()):
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(OSError):
        connection.sendall((status if status >= 0 else 128 - status).to_bytes(4, "big"))
    os._exit(0)


def _run(arguments, folder, environment, out, err):
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.path[:0] = [
        str(Path(arguments[0]).parent),
        *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    code = 0
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
