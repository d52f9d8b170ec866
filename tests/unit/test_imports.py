"""Importing Keras."""

import subprocess
import sys

from workflow import ROOT

PROGRAM = """
import sys
from understory.training import imports
imports.import_keras()
print("keras" in sys.modules, *(name for name in imports.OPTIONAL if name in sys.modules))
import sklearn.metrics, matplotlib
from keras import layers
print(layers.Dense(1).name)
"""


def test_keras_comes_without_the_packages_that_it_only_works_with():
    env = {"PYTHONPATH": str(ROOT / "scripts"), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines() == ["True", "dense"]
