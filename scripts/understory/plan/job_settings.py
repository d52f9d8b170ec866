"""What the rules take of the configuration, and the modules that it chooses: by medium, and of the jobs with a model.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import math

from understory.core import choices
from understory.core.hashing import ordered
from understory.data.band import Band
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.plan.config import copies_by_features, detection_hop, shown_band, spared_band

# The keys of the configuration that a step reads: `test` is reading test recordings, for `compute`.
KEYS = {
    "audio": {
        "inspect": {},
        "crop": {"crop": ("absent", "background", "long_events", "sample_rate", "window")},
        "augment": {"crop": ("sample_rate",)},
        "compute": {"crop": ("sample_rate",)},
        "test": {"crop": ("hop", "sample_rate", "window")},
    },
    "images": {
        "inspect": {"images": ("sequences", "slices")},
        "crop": {"crop": ("absent",), "images": ("longest_side", "sequences")},
        "augment": {},
        "compute": {"images": ("sequences",)},
        "test": {"images": ("longest_side", "sequences")},
    },
}
# Of the JPEG files that photographs are stored as.
QUALITY = 95
# Settings that decide nothing about a training: which copies are its inputs, which of its models predicts, and how.
NOT_TRAINED = ("copies", "seed", "select", "shifts")
PREDICTED = ("architecture", "batch_size", "select", "shifts", "threads")


def modules_of(features: dict) -> list[str]:
    """The modules that a job loads by name to compute a block of features of sound."""
    if features["kind"] == model_files.KIND:
        own = [model_files.FROZEN, f"{model_files.FORMATS}.{features['format']}"]
        if "fed" not in features:
            return own
        architecture = f"understory.training.architectures.{features['architecture']}"
        return [*own, *modules_of(features["fed"]), architecture]
    return [f"understory.audio.features.{features['kind']}"]


class Medium:
    """A medium, with what a configuration chooses of it.

    Parameters
    ----------
    name : {"audio", "images"}
    config : dict
        The whole configuration.
    """

    def __init__(self, name: str, config: dict):
        self.name, self._config = name, config

    def module(self, name: str) -> str:
        """The full name of a module or package of the medium's own."""
        return f"understory.{self.name}.{name}"

    def settings(self, step: str, **others) -> dict:
        """What a step reads of the configuration, with other settings, in a fixed order."""
        keys = KEYS[self.name][step]
        blocks = {block: {key: self._config[block][key] for key in keys[block]} for block in keys}
        return ordered({**blocks, **others})

    @property
    def stored(self) -> dict:
        """Options of the store's `write`: photographs are stored as JPEG files, slices without loss."""
        if self.name == "audio":
            return {}
        return {"quality": None if self._config["images"]["sequences"] else QUALITY}

    def transforms(self) -> list[str]:
        """The modules of the transforms in the configured chain."""

        def names(chain):
            for step in chain:
                ((name, options),) = step.items()
                inner = (options or {}).get("transforms")
                yield from [name] if inner is None else names(inner)

        modules = map(choices.module_name, names(self._config["augment"]["chain"]))
        return sorted({self.module(f"transforms.{name}") for name in modules})

    def features(self, name: str) -> str:
        """The module of a block of features, by its name in the configuration."""
        return self.module(f"features.{self._config['features'][name]['kind']}")

    def names(self, *, embeddings: bool) -> str:
        """A pattern of the names of the features that frozen models give, or of all others; of none, one that nothing matches."""
        blocks = self._config["features"].items()
        found = [name for name, block in blocks if (block["kind"] == model_files.KIND) == embeddings]
        return "|".join(sorted(found)) or "(?!)"

    @property
    def band(self) -> Band | None:
        """The band that the features of the trained models show; None where events beside it are kept, or have no band."""
        return self.shown if self.name == "audio" and self._config["crop"]["out_of_band"] != "keep" else None

    @property
    def shown(self) -> Band:
        """The band that the features of the trained models show, of sound."""
        return shown_band(self._config)

    @property
    def covering(self) -> dict | None:
        """What the number of examples depends on where an event may have several, or none is one; None where each has one."""
        crop = self._config["crop"]
        if self.name != "audio" or (crop["long_events"] == "middle" and not crop["background"]):
            return None
        return {key: crop[key] for key in ("window", "sample_rate", "long_events", "background")}

    @property
    def samples(self) -> int:
        """The samples of a window of sound."""
        return round(self._config["crop"]["window"] * self._config["crop"]["sample_rate"])

    def windows(self, seconds: float) -> int:
        """How many windows a test recording of sound of a length has."""
        crop = self._config["crop"]
        return 1 + math.ceil(max(seconds - crop["window"], 0) / crop["hop"])

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of what a model is fed of one example, by the name of its features in the configuration."""
        options = dict(self._config["features"][name])
        module = choices.load(self.module("features"), options.pop("kind"))
        example = self.samples if self.name == "audio" else self._config["images"]["sequences"]
        return module.shape(example, **options)

    @property
    def copies_written(self) -> bool:
        """Whether augmented copies are written; else each is made by the job that computes its features.

        They are where they are kept, where several kinds of features are computed of them, and of images, whose copies
        are compressed.
        """
        reading = [count for count in copies_by_features(self._config).values() if count]
        return self._config["augment"]["keep_copies"] or self.name != "audio" or len(reading) > 1

    @property
    def copied(self) -> str:
        """The folder of the windows that a copy, `variant`, is made of."""
        return "random_crops/{variant}" if self._config["augment"]["random_crop"] else "windows"

    def augment_settings(self, **others) -> dict:
        """What augmented copies depend on."""
        chain = {"chain": self._config["augment"]["chain"]}
        return self.settings("augment", augment=chain, seed=self._config["seed"], **others)

    def copies(self, wildcards) -> dict | None:
        """A param: how a job that computes features makes the copies that it computes them of; None where it makes none."""
        if self.copies_written or wildcards.shard.startswith("test") or wildcards.variant == "0":
            return None
        return {
            "by": "understory.data.transforms",
            "module": self.module("augment"),
            "settings": self.augment_settings(),
            "transforms": self.module("transforms"),
        }

    def feature_modules(self, wildcards) -> list[str]:
        """The modules that a job loads by name to compute features: their own, and those that make copies."""
        copies = self.copies(wildcards)
        making = [copies["by"], copies["module"], *self.transforms()] if copies else []
        features = self._config["features"][wildcards.features]
        own = modules_of(features) if self.name == "audio" else [self.features(wildcards.features)]
        return [*own, *making]

    def windows_input(self, out: str):
        """An input function: the windows that features are computed of, or, for test shards, the recordings to cut."""

        def paths(wildcards):
            if wildcards.shard.startswith("test"):
                return {"recordings": f"{out}/recordings/{wildcards.shard}.csv"}
            copies = "augmented/{variant}" if self.copies_written else self.copied
            folder = "windows" if wildcards.variant == "0" else copies.format(variant=wildcards.variant)
            place = f"{out}/{folder}/{wildcards.shard}"
            return {"windows": f"{place}.npy", "index": f"{place}.csv"}

        return paths

    @staticmethod
    def only_test(value):
        """A param that counts for test shards alone; `value` is a function of the wildcards."""
        return lambda wildcards: value(wildcards) if wildcards.shard.startswith("test") else None


class ModelJobs:
    """What the rules ask of the models of a whole configuration. The methods are functions of a job's wildcards."""

    def __init__(self, config: dict):
        self.config = config

    def choices(self, wildcards) -> list[str]:
        """The modules that the configuration chooses for a training, for the digest of its code."""
        model = self.config["models"][wildcards.model]
        augmentations = {
            f"understory.training.augmentations.{name}" for step in model["augment"] for name in step
        }
        loss = f"understory.training.losses.{model['loss']['name']}"
        return [*self.architecture(wildcards), loss, *sorted(augmentations)]

    def architecture(self, wildcards) -> list[str]:
        """The module of a model's architecture, which may define classes that its saved models name."""
        return [f"understory.training.architectures.{self.config['models'][wildcards.model]['architecture']}"]

    def selected(self, folder: str):
        """An input function: the saved model of a fold that predicts, of the run in `folder`."""
        return lambda wildcards: self._selected(folder, wildcards.model, wildcards.fold)

    def _selected(self, folder, name, fold):
        models, select = saved_run.models_folder(self.config), self.config["models"][name]["select"]
        return f"{folder}/{models}/{name}/fold{fold}/{select}.keras"

    def _members(self):
        """The name and fold of each trained model."""
        folds = range(self.config["split"]["n_splits"])
        return [(name, fold) for name in sorted(self.config["train"]) for fold in folds]

    def saved(self, folder: str) -> list[str]:
        """The saved models of all folds that predict, of the run in `folder`, model by model."""
        return [self._selected(folder, name, fold) for name, fold in self._members()]

    def scoring(self) -> dict:
        """The settings of a job that scores windows of new recordings with all of `saved`."""
        crop = self.config["crop"]
        models = [self.config["models"][name] for name, _ in self._members()]
        return ordered(
            {
                "architectures": [model["architecture"] for model in models],
                # Ranks are among all windows, of which the last is not known before the first is scored.
                "combine": "geometric" if self.config["ensemble"]["folds"] == "geometric" else "mean",
                "features": [self.config["features"][model["features"]] for model in models],
                "folds": self.config["split"]["n_splits"],
                "hop": detection_hop(self.config)[1],
                "sample_rate": crop["sample_rate"],
                "threads": max(model["threads"] for model in models),
                "window": crop["window"],
            }
        )

    def scoring_modules(self) -> list[str]:
        """The modules that such a job loads by name."""
        settings = self.scoring()
        modules = {f"understory.training.architectures.{name}" for name in settings["architectures"]}
        return sorted(modules.union(*map(modules_of, settings["features"])))

    def detecting(self) -> dict:
        """The settings of a job that finds events in scores."""
        band, hop = list(shown_band(self.config)), detection_hop(self.config)[1]
        keys = ("low", "merge_gap", "min_duration", "precision", "smoothing", "threshold")
        return ordered({**{key: self.config["detect"][key] for key in keys}, "band": band, "hop": hop})

    def exporting(self) -> dict:
        """The settings of a job that writes all of `saved` as one file; `trained` names them."""
        own = {key: self.config[key] for key in ("export", "name")}
        of_jobs = {"detecting": self.detecting(), "scoring": self.scoring()}
        return ordered({**own, **of_jobs, "trained": list(map(list, self._members()))})

    def showing(self) -> dict:
        """The settings of a job that draws events."""
        rate, band = self.config["crop"]["sample_rate"], list(shown_band(self.config))
        return ordered({"band": band, "name": self.config["name"], "sample_rate": rate})

    def calibrating(self) -> dict:
        """The settings of a job that calibrates detections: `detect` has those that thresholds are chosen for."""
        own = {key: self.config["detect"][key] for key in ("low", "merge_gap", "min_duration", "smoothing")}
        return ordered(
            {
                "detect": {**own, "hop": detection_hop(self.config)[1]},
                "n_splits": self.config["split"]["n_splits"],
                "name": self.config["name"],
                "precision": self.config["detect"]["precision"],
                "seed": self.config["seed"],
                "threshold": self.config["detect"]["threshold"],
            }
        )

    def training_settings(self, wildcards) -> dict:
        """The settings of a training; its seed is that of the member, where it is one of several."""
        every = self.config["models"][wildcards.model]
        model = {key: value for key, value in every.items() if key not in NOT_TRAINED}
        own = {"control": self.config["control"], "seed": every.get("seed", self.config["seed"])}
        soft = {"confidence_smoothing": self.config["labels"]["confidence_smoothing"]}
        own |= {"labels": soft} if any(soft.values()) else {}
        band = spared_band(self.config, wildcards.model)
        return ordered({**own, **({"band": band} if band else {}), "models": {wildcards.model: model}})

    def prediction_settings(self, wildcards) -> dict:
        """The settings of a job that predicts with a saved model."""
        model = {key: self.config["models"][wildcards.model][key] for key in PREDICTED}
        own = {key: self.config[key] for key in ("predictions", "seed")}
        return ordered({**own, "models": {wildcards.model: model}})
