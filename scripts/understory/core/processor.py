"""The processor instructions that jobs may use: on them the last digits of results depend.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import os
import platform
from pathlib import Path

# Those that libraries tell apart, from the narrowest on.
KNOWN = ("avx", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16")
# By instruction set, what libraries read when they are loaded: NumPy, oneDNN (TensorFlow's convolutions), OpenBLAS (NumPy's and
# SciPy's linear algebra), IPP and OpenCV's own code, and Numba (librosa).
ENVIRONMENTS = {
    "avx2": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        # By default TensorFlow takes oneDNN only on processors that are newer.
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENCV_IPP": "avx2",
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
        "NUMBA_CPU_NAME": "haswell",
    }
}


def limit(instruction_set: str | None):
    """Let all libraries of the jobs that this process starts keep to an instruction set; with None, use all that there is."""
    os.environ.update(ENVIRONMENTS.get(instruction_set, {}))


def told(instruction_set: str | None) -> dict[str, str]:
    """What a job's param says of it: nothing where there is no limit."""
    return {"instruction_set": instruction_set} if instruction_set else {}


def instructions() -> str:
    """The instructions of this processor that the libraries of this process use, as far as Linux tells them; or its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    found = [name for name in KNOWN if name in flags]
    if os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2":
        found = [name for name in found if not name.startswith(("avx512", "amx"))]
    return ", ".join(found) or platform.machine() or "an unknown processor"
