"""Importing Keras without the packages that it only offers to work with.

Keras imports scikit-learn for wrappers and Matplotlib for plots where these are installed, which takes a second of each job
that trains or predicts.
"""

import sys

OPTIONAL = ("IPython", "matplotlib", "sklearn")


def import_keras():
    """Import Keras; the optional packages can be imported afterwards, but Keras does not use them."""
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    # An import of what is None here fails as if it were not installed.
    sys.modules.update(dict.fromkeys(hidden))
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
