"""What jobs cost: seconds and bytes of an item of each rule, and what a job takes besides its items.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from typing import NamedTuple


class Cost(NamedTuple):
    """What a job takes for each of its items: seconds of one core, and bytes of memory."""

    seconds: float
    bytes: float = 0.0


# By rule, on one core of an AMD EPYC, as measured by `benchmarks/unit_costs.py`. Sound is in windows of 10 s at 48 kHz.
# Inspection's cost is per recording, and per second of sound or byte as well; the others' per example, test window or prediction.
# Jobs write their items one at a time: only tables are in memory as a whole.
COSTS = {
    "train_fold": Cost(0.012, 1000),
    "train_round": Cost(0.012, 1000),
    "validate_fold": Cost(0.004, 4000),
    "compute_pseudo_labels": Cost(0.004, 4000),
    "predict_fold": Cost(0.004, 4000),
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
        # Of a second of sound.
        "download_data": Cost(0.006),
        "inspect_recordings": Cost(0.01),
        "crop_windows": Cost(0.008),
        "crop_copies": Cost(0.008),
        "augment_windows": Cost(0.035),
        "compute_features": Cost(0.015),
        # Of a network such as EfficientNet-B1, on one thread.
        "compute_embeddings": Cost(0.2),
    },
    "images": {
        "download_data": Cost(0.05),
        "inspect_recordings": Cost(0.02),
        "crop_windows": Cost(0.02),
        "augment_windows": Cost(0.03),
        "compute_features": Cost(0.02),
    },
}
# Of a rule that gathers what all shards made.
GATHERING = Cost(0.0005, 4000)
# MB of a job before its first item: Python with the libraries of its kind, and under Slurm Snakemake.
BASE, TENSORFLOW = 900, 2500
# Bytes of memory that a training takes for each value of a batch, by architecture with its default options: its layers keep their
# outputs for the gradients. A fifth more than `benchmarks/training_memory.py` measures.
OF_BATCH = {
    "acdnet": 680,
    "cnn2d": 1000,
    "conv1d": 30,
    "convnext_tiny": 5000,
    "densenet_cnn": 1600,
    "efficientnetv2b0": 1800,
    "picture_cnn": 140,
    "residual_cnn": 500,
    "resnet34": 500,
    "resnet50": 2200,
    "sed_cnn": 100,
}
# The same of an architecture that is not named here.
OF_ANY_BATCH = 2000
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
# Whose costs follow the samples of a window, and those that read files as a whole.
OF_WINDOWS = (
    *TRAINING,
    "crop_windows",
    "crop_copies",
    "augment_windows",
    "compute_features",
    "compute_pseudo_labels",
    "validate_fold",
    "predict_fold",
)
READING = ("inspect_recordings",)
# Samples of the windows that costs were measured with.
SAMPLES = 10 * 48_000
OF_NEW = ("detect_events", "show_detections", "find_nearest", "choose_queue")
OF_HELD_OUT = ("score_held_out", "calibrate_detections")
# How much more than expected is asked for: machines differ, and a job that is cut off has to begin again.
MARGIN = 2
# The same of memory, which depends less on the machine.
MEMORY_MARGIN = 1.7
# Minutes that are asked for beside those of the items: a start on a busy node.
START = 2
# Minutes of a download, of which nothing is known.
FETCH = 24 * 60
# Seconds of sound that a test recording is taken to last until inspection says so: files are not opened for a plan.
TEST_SECONDS = 120
# Seconds that a file takes which is decoded as a whole: a second of sound, and a byte of a photograph.
OF_SOUND, OF_PHOTOGRAPH = 0.001, 3e-8
# Bytes of memory for a byte of the largest photograph of a shard, as a JPEG file: its pixels, and a copy of them.
OF_IMAGE = 60
# Seconds that a shard's longest job should take: far longer than its start, far shorter than a night.
SHORTEST, LONGEST, AIM = 0.5, 3600, 300
# Parts that nobody minds, however small.
FEW_PARTS = 16
# Bytes of memory for a second of the longest recording that each process of `download_data` synthesizes.
SYNTHESIZED = 2_400_000
# Slices of a study.
SLICES = 10
# Jobs beyond which Snakemake's own plan takes its time.
MOST_JOBS = 10_000
