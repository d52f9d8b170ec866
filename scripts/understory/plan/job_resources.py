"""What jobs need of a machine, told from counts before they run, and whether a run is cut into parts of a useful size.

Plain Python only: the Snakefile imports this module each time it is parsed, and asks it for every job.
"""

import csv
import math
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from understory.core import usage
from understory.data import source
from understory.data.dataset import SUBSETS
from understory.inference.new_recordings import BYTES_OF_SECOND, NewRecordings
from understory.plan import choice_options
from understory.plan import job_costs as cost
from understory.plan.config import copies_of, detection_hop
from understory.plan.data_counts import UNKNOWN, Counts, Part
from understory.plan.job_settings import Medium


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
        self._costs = cost.COSTS | cost.COSTS_OF_MEDIUM[self._medium.name]
        self._items = cost.SLICES if config["images"]["sequences"] and not self._sound else 1

    def _own_name(self, rulename):
        """The rule's name in this workflow: `use rule * from understory as NAME_*` puts a prefix before it."""
        names = (name for name in self._costs if rulename.endswith(f"_{name}"))
        return rulename if rulename in self._costs else next(names, rulename)

    def mem_mb(self, wildcards, attempt: int, rulename: str, threads: int = 1) -> int:
        """MB that a job asks for."""
        return round(self._asked(self._own_name(rulename), wildcards, attempt, threads)[0])

    def runtime(self, wildcards, attempt: int, rulename: str) -> int:
        """Minutes that a job asks for."""
        return math.ceil(self._asked(self._own_name(rulename), wildcards, attempt)[1])

    def _asked(self, rule, wildcards, attempt, threads=1):
        """MB and minutes. A further attempt asks for more of what the last one lacked, as far as its record tells."""
        memory, minutes = self._memory(rule, wildcards, threads), self._minutes(rule, wildcards)
        if attempt == 1:
            return memory, minutes
        last = usage.read(usage.place(self._out, rule, wildcards))
        if last is None or not (last.mem_mb and last.runtime):
            return memory * 2 ** (attempt - 1), minutes * 2 ** (attempt - 1)
        # A node may know by now how large the data are, and record less than the run asked for.
        return last.next_attempt(max(memory, last.mem_mb), max(minutes, last.runtime))

    def forget(self, job):
        """Delete the record of an earlier run's job; to be called with each job that starts."""
        # Another instance of this workflow, as a module, may have jobs of the same rules.
        if job.attempt == 1 and str(next(iter(job.log), "")).startswith(f"{self._out}/"):
            rule = self._own_name(job.rule.name)
            with suppress(OSError):
                usage.place(self._out, rule, job.wildcards).unlink()

    def _memory(self, rule, wildcards, threads):
        base = cost.TENSORFLOW if rule in cost.OF_MODELS else cost.BASE
        each = cost.MEMORY_MARGIN * self._costs.get(rule, cost.GATHERING).bytes
        held = 0 if self._sound else cost.OF_IMAGE * self._part(wildcards).largest
        made = self._config["synthetic"]
        if rule == "download_data" and self._sound:
            held = cost.SYNTHESIZED * threads * max(made["train_duration"], made["test_duration"])
        if rule in cost.TRAINING:
            held = self._of_batch(self._config["models"][wildcards.model])
        return base + (each * self._number(rule, wildcards) + held) / 1e6

    def _of_batch(self, model):
        """Bytes that the layers of a model keep of a batch. As many more as its first layer has more filters than by default."""
        name = model["architecture"]
        each = cost.OF_BATCH.get(name, cost.OF_ANY_BATCH)
        usual = choice_options.block("architecture", name).model_fields.get("filters")
        # Those of an architecture of the user's own may be anything.
        if name in cost.OF_BATCH and usual is not None:
            each *= model["options"].get("filters", usual.default)[0] / usual.default[0]
        return each * model["batch_size"] * math.prod(self._medium.shape(model["features"]))

    def _minutes(self, rule, wildcards):
        if rule == "download_data" and self._config["data"] != "synthetic":
            return cost.FETCH
        return cost.START + math.ceil(cost.MARGIN * self.seconds(rule, wildcards) / 60)

    def expected(self, rulename: str, wildcards) -> float:
        """How many seconds a job is expected to take on one core, with its start; 0 for a rule that does no work."""
        rule = self._own_name(rulename)
        if rule == "all":
            return 0.0
        start = cost.TENSORFLOW_SECONDS if rule in cost.OF_MODELS else cost.PYTHON_SECONDS
        return start + self.seconds(rule, wildcards)

    def seconds(self, rule: str, wildcards) -> float:
        """How long a job is expected to take on one core."""
        passes = self._config["models"][wildcards.model]["epochs"] if rule in cost.TRAINING else 1
        number = self._number(rule, wildcards)
        seconds = self._costs.get(rule, cost.GATHERING).seconds * number * passes
        if rule in ("compute_features", "compute_embeddings") and self._medium.copies(wildcards) is not None:
            seconds += self._costs["augment_windows"].seconds * number
        if rule in cost.OF_WINDOWS and self._sound:
            seconds *= self._medium.samples / cost.SAMPLES
        if rule in cost.READING:
            part = self._part(wildcards)
            seconds += cost.OF_SOUND * part.seconds if self._sound else cost.OF_PHOTOGRAPH * part.bytes
        return seconds

    def _part(self, wildcards):
        """How much there is of a job's shard: as the tables say, or the mean of all shards."""
        counts, shard = self._counts, getattr(wildcards, "shard", None)
        if shard in counts.parts:
            return counts.parts[shard]
        subset = (shard or "").split("-")[0]
        if subset not in SUBSETS:
            return Part(0, 0, 0, 0)
        parts, recordings = max(self._config["shards"][subset], 1), getattr(counts, subset)
        windows = counts.examples if subset == "train" else recordings * self._usual_windows()
        size = getattr(counts, f"{subset}_bytes")
        each = [math.ceil(number / parts) for number in (recordings, windows, size)]
        return Part(*each, 0, size / parts / BYTES_OF_SECOND[".flac"])

    def _number(self, rule, wildcards):
        """How many items a job works on."""
        counts = self._counts
        shard = getattr(wildcards, "shard", None)
        if rule in cost.OF_NEW or (shard or "").startswith("new"):
            return math.ceil(self._new.seconds(shard) / detection_hop(self._config)[1])
        if rule in cost.OF_HELD_OUT:
            own = [part.seconds for name, part in counts.parts.items() if name.startswith("train")]
            examples, seconds = counts.examples, sum(own) or counts.train_bytes / BYTES_OF_SECOND[".flac"]
            if shard is not None:
                _, examples, _, _, seconds = self._part(wildcards)
            return max(examples, math.ceil(seconds / detection_hop(self._config)[1]))
        if shard is None:
            examples, windows = counts.examples * self._items, self._test_windows()
            if rule in cost.TRAINING:
                return examples * (1 + copies_of(self._config, wildcards.model))
            if rule == "validate_fold":
                return math.ceil(examples / self._config["split"]["n_splits"])
            if rule == "predict_fold":
                return windows
            if rule == "download_data":
                made = self._config["synthetic"] if self._sound else {}
                lengths = (made.get("train_duration", 1), made.get("test_duration", 1))
                return counts.train * lengths[0] + counts.test * lengths[1]
            return examples + windows
        if rule == "inspect_recordings":
            return self._part(wildcards).recordings * self._items
        if shard.startswith("test"):
            return self._shard_windows(shard)
        return self._part(wildcards).examples * self._items

    def _test_windows(self):
        """How many windows, or images, all test recordings have."""
        return sum(self._shard_windows(f"test-{number}") for number in range(self._config["shards"]["test"]))

    def _shard_windows(self, shard):
        """How many those of a shard have: as inspection found, or before it as files of their size usually have."""
        usual = self._part(SimpleNamespace(shard=shard)).examples * self._items
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
        """How many windows a test recording usually has."""
        if not self._sound:
            return 1
        made = self._config["data"] == "synthetic"
        return self._medium.windows(self._config["synthetic"]["test_duration"] if made else cost.TEST_SECONDS)

    def remarks(self, jobs: int) -> list[str]:
        """What is said at the start of a run, of so many jobs, whose shards are too big or too many."""
        if self._counts == UNKNOWN:
            return []
        found = []
        for subset in SUBSETS:
            parts, recordings = self._config["shards"][subset], getattr(self._counts, subset)
            if not parts or not recordings or (subset == "train" and self._config["models_from"]):
                continue
            seconds, rule = max(self._jobs_of_shards(subset, parts))
            fitting = max(1, round(seconds * parts / cost.AIM))
            if seconds > cost.LONGEST:
                found.append(
                    f"shards.{subset}: {parts} parts of {recordings} recordings make jobs of about "
                    f"{seconds / 3600:.1f} hours ({rule}); with {fitting} of them, jobs would take minutes"
                )
            elif seconds < cost.SHORTEST and fitting < parts and parts > cost.FEW_PARTS:
                found.append(
                    f"shards.{subset}: {parts} parts of {recordings} recordings make jobs of about "
                    f"{1000 * seconds:.0f} ms ({rule}), less than their start takes; {fitting} would do"
                )
        if jobs > cost.MOST_JOBS:
            found.append(
                f"shards: they make {jobs} jobs of this run; beyond {cost.MOST_JOBS}, plans take long. Set fewer of them"
            )
        return found

    def _jobs_of_shards(self, subset, parts):
        """The seconds and the rule of each job that makes examples of a subset."""
        copied = "augment_windows" if self._medium.copies_written else "compute_features"
        copied = copied if self._config["augment"]["copies"] else "crop_windows"
        for number in range(parts):
            shard = SimpleNamespace(shard=f"{subset}-{number}", variant="1")
            for rule in ("inspect_recordings", {"train": copied, "test": "compute_features"}[subset]):
                yield self.seconds(rule, shard), rule
