"""OpenCV, with what has to be said before it is imported."""

import os

# Pixels of the largest picture that is decoded: a small file may say that it is larger than any memory.
MAX_PIXELS = 2**28
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))

import cv2  # noqa: E402

# Shards are handled side by side: threads of its own would stand in each other's way.
cv2.setNumThreads(0)
