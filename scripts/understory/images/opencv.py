"""OpenCV, with the settings that have to be made before it is imported."""

import os

# Pixels of the largest image that is decoded: the header of a small file may ask for more than any memory.
MAX_PIXELS = 2**28
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))

import cv2  # noqa: E402

# Shards are processed in parallel, one process each; more threads would compete.
cv2.setNumThreads(0)
