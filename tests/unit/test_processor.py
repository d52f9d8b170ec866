"""What jobs may use of the processor."""

import json
import os
import subprocess
import sys

import pytest

from understory.core import processor

FOUND = """
import json
import cv2, numpy, scipy.linalg, threadpoolctl
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
blas = {each["architecture"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"}
used = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
print(json.dumps([used, sorted(blas), cv2.ipp.getIppVersion(), cv2.checkHardwareSupport(256)]))
"""


def test_libraries_keep_to_the_instructions_that_are_asked_for(monkeypatch):
    if "avx2" not in processor.instructions():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    processor.limit(None)
    assert not set(processor.ENVIRONMENTS["avx2"]) & set(os.environ)
    processor.limit("avx2")
    command = [sys.executable, "-W", "error", "-c", FOUND]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    used, blas, ipp, later = json.loads(done.stdout)
    assert used == ["X86_V3"]
    assert blas == ["Haswell"]
    assert "AVX2" in ipp
    assert not later
    assert done.stderr == ""
    assert "avx512" not in processor.instructions()


CONVOLVED = (
    "import tensorflow as tf; tf.nn.conv2d(tf.ones((2, 32, 32, 16)), tf.ones((3, 3, 16, 16)), 1, 'SAME')"
)


def test_tensorflow_takes_onednn_and_its_limit_also_where_it_would_not(monkeypatch):
    """As on a processor without AVX-512, for which it leaves oneDNN out by default."""
    if "avx2" not in processor.instructions():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setattr(os, "environ", {**os.environ, "ONEDNN_VERBOSE": "1", "TF_ENABLE_ONEDNN_OPTS": "0"})
    processor.limit("avx2")
    command = [sys.executable, "-c", CONVOLVED]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    assert "isa:Intel AVX2\n" in done.stdout
    assert ",convolution," in done.stdout


def test_a_job_knows_of_a_limit_alone():
    assert processor.told(None) == {}
    assert processor.told("avx2") == {"instruction_set": "avx2"}
