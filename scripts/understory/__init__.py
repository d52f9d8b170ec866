"""The library behind the workflow: importable, tested, and unaware of Snakemake."""

import os

# TensorFlow tells of its build and of devices it did not find before it computes anything: errors alone are for the log.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
