"""The configuration: each key with its type, unit, bounds, default and meaning.

Plans are checked by these classes; `understory.run.reference` writes schemas/config.schema.json and docs/configuration.md
from them. The options of what is chosen by name (an architecture, a loss, a transform, a kind of features) are described
by the module that is chosen, see `understory.plan.choice_options`.
"""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen
from pydantic import AfterValidator, Field

from understory.core.options import Share
from understory.plan.config_block import UNIQUE, Block, BlockName, FolderName, Sha256, key
from understory.plan.model_config import (
    Detect,
    Export,
    Labels,
    Model,
    PseudoLabels,
    Queue,
    Report,
    Review,
    Search,
    Seconds,
    Seed,
    Step,
    Text,
    different,
)

AnnotationField = Literal[
    "path", "start", "end", "label", "low", "high", "presence", "confidence", "song_type"
]
Parts = Annotated[int, Field(ge=1, le=10_000)]
Folders = Annotated[list[FolderName], AfterValidator(different), MaxLen(16), UNIQUE]
Names = Annotated[list[Text], AfterValidator(different), UNIQUE]

Recordings = Annotated[int, Field(ge=0, le=1_000_000)]
SomeRecordings = Annotated[int, Field(ge=1, le=1_000_000)]
Duration = Annotated[float, Field(ge=5, le=3600)]
Ratio = Annotated[float, Field(ge=-60, le=60)]


class Synthetic(Block):
    """The synthetic data set, made where `data` is `synthetic`."""

    train_recordings: SomeRecordings = key(480, "Training recordings with a confirmed event")
    rejected_recordings: Recordings = key(
        80, "Training recordings with a rejected event; a tenth of them have a confirmed one as well"
    )
    test_recordings: SomeRecordings = key(
        64,
        "Test recordings, each with three or four species; with fewer than five classes, all but one at most",
    )
    train_duration: Duration = key(12, "Length of a training recording", unit="s")
    test_duration: Duration = key(20, "Length of a test recording", unit="s")
    min_snr: Ratio = key(
        0, "Least signal-to-noise ratio: an event's power over the noise's in the event's band", unit="dB"
    )
    max_snr: Ratio = key(15, "Greatest signal-to-noise ratio", unit="dB")
    clips: Text | None = key(
        None,
        "Folder of sound clips that the events are built from, with a folder a class or laid out as ESC-50; null: "
        "events are computed",
    )
    background: Names = key(
        [],
        "Classes of the clips that are background and no labels: one or two a recording, 0 to 6 dB below its noise",
    )


class Own(Block):
    """One's own recordings (dataset: own): where annotations are, and how they are read."""

    annotations: Text | None = key(
        None, "Folder within the data folder whose tables are read; null: all tables in the data folder"
    )
    columns: dict[AnnotationField, Text] = key(
        {}, "Names of columns by what they hold, where they have none of the usual names"
    )
    labels: Text | None = key(
        None,
        "CSV file within the data folder with the columns from and to, and song_type if there are any: labels are renamed, those "
        "without a to left out",
    )
    exhaustive: bool = key(
        False,
        "Whether all that is heard in annotated recordings is annotated, so that other labels are absent",
    )
    min_confidence: Share = key(
        0, "Confidence of a row below which it is unknown whether its event is there, where tables have one"
    )


class Shards(Block):
    """Number of parts that the recordings are divided into by a hash of their id; a job handles one part.

    auto: a quarter of the square root of the number of recordings, kept until there are four times as many or as few.
    """

    train: Parts | Literal["auto"] = key("auto", "Parts of the training recordings")
    test: Annotated[int, Field(ge=0, le=10_000)] | Literal["auto"] = key(
        "auto", "Parts of the test recordings; 0 leaves them out: then there is no submission"
    )


class Split(Block):
    """How training examples are assigned to folds."""

    n_splits: int = key(
        4, "Number of folds; a data set with folds of its own has to have as many", ge=2, le=1000
    )
    seed: Seed = key(27, "Random seed of the split")
    group: Literal["recording", "none"] = key(
        "recording",
        "recording: all examples of a recording are in one fold; none: examples are assigned one by one",
    )
    rare_classes: Literal["fail", "allow"] = key(
        "fail", "Whether the run stops where a class has no training example in some fold"
    )


class Crop(Block):
    """Windows of audio."""

    window: Seconds = key(
        5, "Length of a window, centred on an annotation and clamped to its recording", unit="s"
    )
    hop: Seconds = key(2.5, "Step between windows over a test recording; the last ends with it", unit="s")
    sample_rate: int = key(
        48_000, "Sample rate that all recordings are resampled to", unit="Hz", ge=1000, le=1_000_000
    )
    absent: bool = key(True, "Whether rejected annotations make training examples as well")
    out_of_band: Literal["quarantine", "keep"] = key(
        "quarantine",
        "Annotations whose box of frequencies has no part in the band that the features of the trained models show",
    )
    long_events: Literal["middle", "cover"] = key(
        "middle",
        "Annotations that are longer than the window: one window at their middle, or as many as cover them",
    )
    background: int = key(
        0,
        "Windows without an annotation, at most, that each recording adds to the training examples in which all that is heard "
        "is annotated (own.exhaustive)",
        ge=0,
        le=10_000,
    )


class Slices(Block):
    """Which slices of a study's stack are used."""

    start: Share = key(0.25, "Share of the stack before the first slice")
    stop: Share = key(0.75, "Share of the stack before the last slice")
    step: int = key(3, "Step between slices", unit="slices", ge=1, le=10_000)
    all_below: int = key(10, "Stacks of fewer slices than this have step 1", unit="slices", ge=0, le=100_000)


class Images(Block):
    """What is taken from photographs, and from studies (a recording that is a folder, with a folder a sequence)."""

    longest_side: int = key(
        512, "Longest side of a stored photograph; larger ones are scaled down", unit="px", ge=8, le=65_536
    )
    sequences: Folders = key(
        [], "Sequences (folders) of a study that become channels, in order; slices are chosen by the first"
    )
    slices: Slices = Slices()


class Augment(Block):
    """Augmentation of the training examples."""

    copies: int = key(1, "Augmented copies of each training example", ge=0, le=1000)
    keep_copies: bool = key(
        True,
        "Whether augmented copies are kept; false: only their features are written. Copies of images, and those that several "
        "kinds of features are computed of, are written and then deleted",
    )
    random_crop: bool = key(
        False,
        "Whether each copy of sound is cut anew: from a window at random around the event, of which it is a part; longer events fill "
        "the window. false: from the window of the example",
    )
    chain: list[Step] = key([], "Transforms in order, each a name with its options")


class Predictions(Block):
    """How predictions are stored."""

    top_k: Annotated[int, Field(ge=1, le=100_000)] | None = key(
        None, "Classes of each row that are stored, the highest, where there are thousands; null: all"
    )


class Ensemble(Block):
    """From predictions of windows by each fold's model to predictions of recordings."""

    windows: Literal["max", "mean", "top_k_mean", "votes"] = key(
        "max", "From windows to recordings; votes: share of the windows in which the class is the highest"
    )
    top_k: int = key(3, "Windows that top_k_mean averages", unit="windows", ge=1, le=100_000)
    folds: Literal["mean", "geometric", "rank"] = key("mean", "Mean over folds and models")
    weights: Literal["equal", "greedy"] = key(
        "equal",
        "Weights of the models in that mean; greedy: chosen one by one for the highest score out of fold",
    )
    prior_power: Annotated[float, Field(ge=-2, le=2)] | Literal["fitted"] = key(
        0.0,
        "Power of a class's share of the training labels, over an even share, that its odds are multiplied by; 0: they are not; below "
        "0: frequent classes are predicted lower; fitted: from -1 to 1, for the highest score out of fold",
    )
    threshold: Share | None = key(
        None,
        "Probability above which a label is predicted, where the submission has labels; null: a threshold a class, fitted "
        "out of fold",
    )


class Configuration(Block):
    """Settings of a run."""

    name: str = key("demo", "Outputs are written to results/{name}/", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    dataset: str = key(
        "rfcx", "Layout of the data: a module in scripts/understory/datasets/", pattern=r"^[a-z][a-z0-9_]*$"
    )
    data: Text = key(
        "synthetic",
        "synthetic; a folder, used in place and never written to; the http(s) URL of an archive (zip, tar, tar.gz, "
        "tar.bz2, tar.xz) or kaggle:COMPETITION, downloaded to data/ for all runs",
    )
    data_sha256: Sha256 | None = key(
        None, "SHA-256 of the archive that is downloaded, 64 hex digits; null: the archive is not verified"
    )
    append_only: bool = key(
        False,
        "Whether files in data and recordings are added, and never changed or deleted: what a known one holds is not checked again",
    )
    subset: str = key(
        "all",
        "all; available: only recordings whose files are there; or a part that the data set has (esc50: esc10)",
        pattern=r"^[a-z0-9_]+$",
    )
    seed: Seed = key(27, "Random seed of everything but the split, and which windows are background")
    instruction_set: Literal["avx2"] | None = key(
        None,
        "avx2: jobs use no later instructions of the processor, so that nodes of different age give the same results; null: all "
        "that it has, on which last digits depend",
    )
    on_bad_file: Literal["quarantine", "fail"] = key(
        "quarantine", "Whether a recording or annotation that cannot be used is quarantined, or stops the run"
    )
    max_quarantined: Share = key(
        0.05, "Share of the recordings, and of the annotations, that may be quarantined before the run stops"
    )
    control: Literal["none", "shuffled_labels"] = key(
        "none", "shuffled_labels: training labels are permuted, so that scores have to fall to chance"
    )
    synthetic: Synthetic = Synthetic()
    own: Own = Own()
    shards: Shards = Shards()
    split: Split = Split()
    crop: Crop = Crop()
    images: Images = Images()
    augment: Augment = Augment()
    features: Annotated[dict[BlockName, dict[str, Any]], MinLen(1)] = key(
        ..., "What models are fed, by a name of your choice: a kind with its options"
    )
    models: Annotated[dict[BlockName, Model], MinLen(1)] = key(..., "Models, by a name of your choice")
    train: Names = key(..., "Names of the models to train, one job a model and fold")
    models_from: Text | None = key(
        None, "Folder of a finished run, results/NAME: its models predict, and nothing is trained (train: [])"
    )
    recordings: Text | None = key(
        None,
        "Folder of new recordings in which events are detected (snakemake detections); with models_from, data is not read",
    )
    like: Text | None = key(
        None, "Example of what is sought in recordings (snakemake search): a sound file, or a folder of some"
    )
    verdicts: Text | Names | None = key(
        None,
        "File of verdicts on detections, as the review page gives it, or several: they become annotations",
    )
    reviewed: Text | None = key(
        None, "Folder that the paths in verdicts are relative to; null: recordings, or without it data"
    )
    labels: Labels = Labels()
    pseudo_labels: PseudoLabels = PseudoLabels()
    predictions: Predictions = Predictions()
    ensemble: Ensemble = Ensemble()
    detect: Detect = Detect()
    review: Review = Review()
    search: Search = Search()
    queue: Queue = Queue()
    export: Export = Export()
    report: Report = Report()
