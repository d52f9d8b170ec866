"""What jobs need of a machine, told from counts before they run, and whether a run is cut into parts of a useful size.

Plain Python only: the Snakefile imports this module each time it is parsed, and asks it for every job.
"""

import csv
import math
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from understory.data import source
from understory.inference.new_recordings import NewRecordings
from understory.plan.config import copies_of, detection_hop
from understory.plan.job_settings import Medium


class Cost(NamedTuple):
    """What a job takes for each of its items: seconds of one core, and bytes of memory."""

    seconds: float
    bytes: float = 0.0


# By rule, on one core of an AMD EPYC, as measured by `benchmarks/unit_costs.py`. Sound is in windows of 10 s at 48 kHz.
# Inspection's cost is per recording, and of sound per byte as well; the others' per example, test window or prediction.
# Jobs write their items one at a time: only tables are in memory as a whole.
COSTS = {
    "download_data": Cost(0.05),
    "train_fold": Cost(0.006, 1000),
    "train_round": Cost(0.006, 1000),
    "validate_fold": Cost(0.01, 4000),
    "compute_pseudo_labels": Cost(0.01, 4000),
    "predict_fold": Cost(0.01, 4000),
    "score_recordings": Cost(0.02),
    # As `compute_embeddings` does.
    "embed_recordings": Cost(0.2),
    "find_nearest": Cost(0.000002, 100),
    "choose_queue": Cost(0.0001, 200),
    "detect_events": Cost(0.0005, 4000),
    "show_detections": Cost(0.0001, 1000),
    "score_held_out": Cost(0.02),
    "score_probes": Cost(0.02),
    "calibrate_detections": Cost(0.02, 20_000),
}
COSTS_OF_MEDIUM = {
    "audio": {
        "inspect_recordings": Cost(0.05),
        "crop_windows": Cost(0.01),
        "augment_windows": Cost(0.1),
        "compute_features": Cost(0.03),
        # Of a network such as EfficientNet-B1, on one thread.
        "compute_embeddings": Cost(0.2),
    },
    "images": {
        "inspect_recordings": Cost(0.02),
        "crop_windows": Cost(0.02),
        "augment_windows": Cost(0.03),
        "compute_features": Cost(0.02),
    },
}
# Of a rule that gathers what all shards made.
GATHERING = Cost(0.002, 4000)
# MB of a job before its first item: Python with the libraries of its kind.
BASE, TENSORFLOW = 1000, 4000
# Seconds of its start.
PYTHON_SECONDS, TENSORFLOW_SECONDS = 2, 5
OF_MODELS = (
    "compute_embeddings",
    "train_fold",
    "train_round",
    "compute_pseudo_labels",
    "validate_fold",
    "predict_fold",
    "score_recordings",
    "embed_recordings",
    "find_nearest",
    "score_held_out",
    "score_probes",
    "export_models",
)
TRAINING = ("train_fold", "train_round")
OF_NEW = ("detect_events", "show_detections", "find_nearest", "choose_queue")
OF_HELD_OUT = ("score_held_out", "calibrate_detections")
# How much more than expected is asked for: machines differ, and a job that is cut off has to begin again.
MARGIN = 4
# Minutes that are asked for beside those of the items: a start on a busy node.
START = 15
# Minutes and MB of a download, of which nothing is known.
FETCH = 24 * 60
# Seconds of sound that a test recording is taken to last until inspection says so: files are not opened for a plan.
TEST_SECONDS = 120
# Seconds that inspection takes for a byte of a sound file: a compressed one is decoded at 10 MB/s.
OF_BYTE = 1e-7
# Seconds that a shard's longest job should take: far longer than its start, far shorter than a night.
SHORTEST, LONGEST, AIM = 0.5, 3600, 300
# Parts that nobody minds, however small.
FEW_PARTS = 16
# Slices of a study.
SLICES = 10
# Jobs beyond which Snakemake's own plan takes its time.
MOST_JOBS = 10_000


class Counts(NamedTuple):
    """How much there is of a data set: recordings of either subset, annotated windows or images, and bytes of sound files of either
    subset.
    """

    train: int
    test: int
    examples: int
    train_bytes: int = 0
    test_bytes: int = 0


# What is asked for where a data set is still to be fetched, and nothing is known of it.
UNKNOWN = Counts(60_000, 6_000, 90_000)


def planned(config: dict) -> Counts:
    """The counts of a data set that is still to be made; `UNKNOWN` where it is to be fetched."""
    if config["data"] != "synthetic":
        return UNKNOWN
    made = config["synthetic"]
    train = made["train_recordings"] + made["rejected_recordings"]
    return Counts(train, made["test_recordings"], 3 * train // 2)


def examples(config: dict, tables, seconds: float) -> int:
    """How many training examples of sound there are, where a recording is taken to last `seconds`."""
    crop = config["crop"]
    lengths = [
        (seconds if each.t_max == math.inf else each.t_max) - each.t_min
        for each in tables.annotations
        if each.presence == "present" or crop["absent"]
    ]
    covering = crop["long_events"] == "cover"
    windows = sum(max(1, math.ceil(length / crop["window"])) if covering else 1 for length in lengths)
    return windows + len(tables.background) * crop["background"]


class Sizes:
    """What each job needs.

    Parameters
    ----------
    config : dict
        The whole configuration.
    counts : Counts
        Of the data set.
    out : Path
        The folder of the run's results: what inspection found there says how long test recordings are.
    new : NewRecordings, optional
        Those that events are detected in.
    """

    def __init__(self, config: dict, counts: Counts, out: Path, new: NewRecordings | None = None):
        self._config, self._counts, self._out, self._new = config, counts, out, new
        self._windows_of: dict[tuple[Path, int], int] = {}
        self._medium = Medium(source.reader(config["dataset"]).MEDIUM, config)
        self._sound = self._medium.name == "audio"
        self._costs = COSTS | COSTS_OF_MEDIUM[self._medium.name]
        self._items = SLICES if config["images"]["sequences"] and not self._sound else 1

    def _own_name(self, rulename):
        """The rule's name in this workflow: `use rule * from understory as NAME_*` puts a prefix before it."""
        names = (name for name in self._costs if rulename.endswith(f"_{name}"))
        return rulename if rulename in self._costs else next(names, rulename)

    def mem_mb(self, wildcards, attempt: int, rulename: str) -> int:
        """MB that a job asks for, twice as many at each further attempt."""
        rulename = self._own_name(rulename)
        base = TENSORFLOW if rulename in OF_MODELS else BASE
        each = self._costs.get(rulename, GATHERING).bytes
        return round(
            (base + MARGIN / 2 * each * self._number(rulename, wildcards) / 1e6) * 2 ** (attempt - 1)
        )

    def runtime(self, wildcards, attempt: int, rulename: str) -> int:
        """Minutes that a job asks for, twice as many at each further attempt."""
        rulename = self._own_name(rulename)
        if rulename == "download_data" and self._config["data"] != "synthetic":
            return FETCH
        minutes = START + math.ceil(MARGIN * self.seconds(rulename, wildcards) / 60)
        return minutes * 2 ** (attempt - 1)

    def expected(self, rulename: str, wildcards) -> float:
        """How many seconds a job is expected to take on one core, with its start; 0 for a rule that does no work."""
        rule = self._own_name(rulename)
        if rule == "all":
            return 0.0
        start = TENSORFLOW_SECONDS if rule in OF_MODELS else PYTHON_SECONDS
        return start + self.seconds(rule, wildcards)

    def seconds(self, rule: str, wildcards) -> float:
        """How long a job is expected to take on one core."""
        passes = self._config["models"][wildcards.model]["epochs"] if rule in TRAINING else 1
        seconds = self._costs.get(rule, GATHERING).seconds * self._number(rule, wildcards) * passes
        if rule in ("compute_features", "compute_embeddings") and self._medium.copies(wildcards) is not None:
            seconds += self._costs["augment_windows"].seconds * self._number(rule, wildcards)
        if rule == "inspect_recordings":
            subset = wildcards.shard.split("-")[0]
            size = getattr(self._counts, f"{subset}_bytes")
            seconds += OF_BYTE * size / max(self._config["shards"][subset], 1)
        return seconds

    def _number(self, rule, wildcards):
        """How many items a job works on."""
        counts, shards = self._counts, self._config["shards"]
        shard = getattr(wildcards, "shard", None)
        if rule in OF_NEW or (shard or "").startswith("new"):
            return math.ceil(self._new.seconds(shard) / detection_hop(self._config)[1])
        if rule in OF_HELD_OUT:
            # Files are not opened for a plan: a second of sound is taken for 48 kB.
            windows = max(
                counts.examples, math.ceil(counts.train_bytes / 48_000 / detection_hop(self._config)[1])
            )
            return math.ceil(windows / (max(shards["train"], 1) if shard else 1))
        if shard is None:
            examples, windows = counts.examples * self._items, self._test_windows()
            if rule in TRAINING:
                return examples * (1 + copies_of(self._config, wildcards.model))
            if rule == "validate_fold":
                return math.ceil(examples / self._config["split"]["n_splits"])
            if rule == "predict_fold":
                return windows
            return examples + windows if rule != "download_data" else counts.train + counts.test
        subset = shard.split("-")[0]
        parts = max(shards[subset], 1)
        if rule.startswith("inspect"):
            return math.ceil(getattr(counts, subset) * self._items / parts)
        if subset == "test":
            return self._shard_windows(shard)
        return math.ceil(counts.examples * self._items / parts)

    def _test_windows(self):
        """How many windows, or images, all test recordings have."""
        return sum(self._shard_windows(f"test-{number}") for number in range(self._config["shards"]["test"]))

    def _shard_windows(self, shard):
        """How many those of a shard have: as inspection found, or before it as a recording usually has."""
        usual = math.ceil(self._counts.test * self._usual_windows() / max(self._config["shards"]["test"], 1))
        if not self._sound:
            return usual
        path = self._out / "recordings" / f"{shard}.csv"
        try:
            key = path, path.stat().st_mtime_ns
            if key not in self._windows_of:
                with open(path, newline="", encoding="utf-8") as file:
                    lengths = [
                        float(row["frames"]) / float(row["sample_rate"]) for row in csv.DictReader(file)
                    ]
                self._windows_of[key] = sum(map(self._medium.windows, lengths))
            return self._windows_of[key]
        except (OSError, ValueError, TypeError, KeyError, ZeroDivisionError):
            return usual

    def _usual_windows(self):
        """How many windows, or images, a test recording usually has."""
        if not self._sound:
            return self._items
        made = self._config["data"] == "synthetic"
        return self._medium.windows(self._config["synthetic"]["test_duration"] if made else TEST_SECONDS)

    def remarks(self, jobs: int) -> list[str]:
        """What is said at the start of a run, of so many jobs, whose shards are too big or too many."""
        if self._counts == UNKNOWN:
            return []
        found = []
        copied = "augment_windows" if self._medium.copies_written else "compute_features"
        copied = copied if self._config["augment"]["copies"] else "crop_windows"
        longest = {"train": copied, "test": "compute_features"}
        for subset, rule in longest.items():
            parts, recordings = self._config["shards"][subset], getattr(self._counts, subset)
            if not parts or not recordings or (subset == "train" and self._config["models_from"]):
                continue
            seconds = self.seconds(rule, SimpleNamespace(shard=f"{subset}-0", variant="1"))
            fitting = max(1, round(seconds * parts / AIM))
            if seconds > LONGEST:
                found.append(
                    f"shards.{subset}: {parts} parts of {recordings} recordings make jobs of about "
                    f"{seconds / 3600:.1f} hours ({rule}); with {fitting} of them, jobs would take minutes"
                )
            elif seconds < SHORTEST and fitting < parts and parts > FEW_PARTS:
                found.append(
                    f"shards.{subset}: {parts} parts of {recordings} recordings make jobs of about "
                    f"{1000 * seconds:.0f} ms ({rule}), less than their start takes; {fitting} would do"
                )
        if jobs > MOST_JOBS:
            found.append(
                f"shards: they make {jobs} jobs of this run; beyond {MOST_JOBS}, plans take long. Set fewer of them"
            )
        return found
