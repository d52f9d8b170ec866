"""Score the simplest classifier on a finished run's synthetic task: its lwlrap against the truth.

The centroid of a class is the mean over its examples of their spectrograms averaged over time. The prediction for a test
window is its negative squared distance to each centroid, and that for a recording the maximum over its windows.

    PYTHONPATH=scripts python benchmarks/nearest_centroid.py results/demo
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from understory.data import store
from understory.evaluation.metrics import lwlrap


def shards(out: Path, subset: str):
    """The time-averaged spectrograms of a run's examples (variant 0), and their table."""
    pairs = [
        store.read(path, path.with_suffix(".csv"))
        for path in sorted((out / "examples/log_mel/0").glob(f"{subset}-*.npy"))
    ]
    means = np.concatenate([array.astype(np.float32).mean(axis=2) for array, _ in pairs])
    index = pd.concat([index for _, index in pairs], ignore_index=True)
    # Shards of an earlier number of shards may lie there too.
    once = ~index.duplicated(
        [column for column in ("example_id", "recording_id", "start") if column in index]
    )
    return means[once], index[once].reset_index(drop=True)


def nearest_centroid(out: Path) -> float:
    """The lwlrap of the nearest centroid."""
    classes = json.loads((out / "labels.json").read_text())["classes"]
    examples, index = shards(out, "train")
    windows, test = shards(out, "test")
    present = (index.presence == "present").to_numpy()
    centroids = np.stack(
        [examples[present & (index.label == label).to_numpy()].mean(axis=0) for label in classes]
    )
    closeness = -np.square(windows[:, None] - centroids[None]).sum(axis=2)
    predictions = pd.DataFrame(closeness, columns=classes).groupby(test.recording_id).max()
    truth = store.read_table(out / "truth.csv").set_index("recording_id").loc[predictions.index, classes]
    return lwlrap.score(truth.to_numpy(), predictions.to_numpy())


if __name__ == "__main__":
    print(f"nearest centroid of the time-averaged mel: lwlrap {nearest_centroid(Path(sys.argv[1])):.3f}")
