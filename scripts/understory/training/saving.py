"""What a training writes, and what it is known by: saved models whose bytes depend on nothing but the models, and histories."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import keras

from understory.core.files import replacing


def save(model: keras.Model, path: Path):
    """Save a model as `.keras`, completely or not at all; equal models give equal bytes."""
    with replacing(path) as part:
        plain = part.with_name(part.name + ".keras")
        keras.saving.save_model(model, plain)
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(part, "w") as new:
            for item in sorted(old.namelist()):
                data = old.read(item)
                if item.endswith(".json"):
                    data = json.dumps(json.loads(data, object_hook=_reproducible)).encode()
                new.writestr(zipfile.ZipInfo(item), data)
        plain.unlink()


def _reproducible(values):
    """A part of a saved model's JSON without the date, memory addresses and the Python modules of our classes.

    Keras marks shared parts by their addresses, and finds our classes by the names that they are registered under.
    """
    values = {key: value for key, value in values.items() if key != "shared_object_id"}
    if "date_saved" in values:
        values["date_saved"] = "1980-01-01@00:00:00"
    if str(values.get("registered_name")).startswith("understory>"):
        # The key has to be there: without one, Keras takes a layer for one of its HDF5 format.
        values["module"] = "understory"
    return values


def history_csv(history) -> str:
    """The history as CSV, a row an epoch."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()


def content_digest(paths) -> str:
    """16 hex digits of some files' contents, in order."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
