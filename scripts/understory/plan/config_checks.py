"""What each choice in the configuration takes, and what of it does not go together."""

import difflib
import json
from collections.abc import Iterator

from understory.data import source
from understory.fetch import address

# What each choice of a model's block takes, and what of that it needs. A null stands for not given, so that a
# recipe can take back what config.yaml gives to another choice.
TAKES = {
    "loss": {
        "binary_crossentropy": (("unknown_weight",), ()),
        "categorical_crossentropy": (("label_smoothing",), ()),
    },
    "optimiser": {
        "adam": (("learning_rate",), ("learning_rate",)),
        "adamw": (("learning_rate", "weight_decay"), ("learning_rate",)),
        "sgd": (("learning_rate", "momentum"), ("learning_rate",)),
    },
    "schedule": {
        "constant": ((), ()),
        "cosine": (("warmup",), ()),
        "exponential": (("decay_rate", "decay_steps", "staircase"), ("decay_rate", "decay_steps")),
    },
    "options": {
        "cnn2d": ((), ()),
        "conv1d": ((), ()),
        "picture_cnn": (("dropout", "filters", "outputs", "scaling"), ()),
        "resnet34": ((), ()),
        "resnet50": ((), ()),
        "sed_cnn": (("dense", "dropout", "filters"), ()),
    },
}

# What of a model's block need not be given.
DEFAULTS = {
    "balance": 0.0,
    "copies": None,
    "mixup": 0.0,
    "patience": None,
    "precision": "float32",
    "xla": False,
}
# What each kind of features takes, and what of that it needs.
FEATURES = {
    "log_mel": (
        ("fmax", "fmin", "hop", "n_fft", "n_mels", "normalise", "resize", "scale"),
        ("fmax", "fmin", "hop", "n_fft", "n_mels", "normalise", "scale"),
    ),
    "fft_frames": (("frames",), ("frames",)),
    "picture": (
        ("channels", "crop_to_content", "fit", "oriented", "scale", "size"),
        ("fit", "size"),
    ),
}
# What each medium is fed as and changed by.
KINDS = {"audio": ("log_mel", "fft_frames"), "images": ("picture",)}
TRANSFORMS = {
    "audio": (
        "Compose",
        "GaussianNoiseSNR",
        "OneOf",
        "PinkNoiseSNR",
        "PitchShift",
        "TimeShift",
        "VolumeControl",
    ),
    "images": (
        "ColourJitter",
        "Compose",
        "HorizontalFlip",
        "OneOf",
        "RandomResizedCrop",
        "Rotation",
        "VerticalFlip",
    ),
}
# What features are where nothing is said.
UNSAID = {"crop_to_content": False, "oriented": True, "scale": "none"}
# What `scale` may be, which more than one kind has.
SCALES = {"log_mel": ("power_db", "notebook"), "picture": ("max", "none", "percentile", "window")}


def _given(block):
    return {key: value for key, value in block.items() if value is not None and key not in ("name", "kind")}


def _model_contradictions(name, model):
    for key, choices in TAKES.items():
        choice = model["architecture"] if key == "options" else model[key]["name"]
        yield from _options(f"models.{name}.{key}", choice, choices[choice], model[key])


def _options(place, choice, taken, block):
    """What a block holds that its choice does not take, and what it lacks."""
    (takes, needs), given = taken, _given(block)
    for option in sorted(set(given) - set(takes)):
        yield f"{place}.{option}: {choice} takes {', '.join(takes) or 'no options'}, given {json.dumps(given[option])}; null takes it back"
    for option in sorted(set(needs) - set(given)):
        yield f"{place}.{option}: missing, {choice} needs it"


def _named(place, name, known):
    """What is wrong where `name` has to be one of `known`; None where it is."""
    if name in known:
        return None
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{place} ({', '.join(sorted(known))}), given {name}" + (
        f"; did you mean {close[0]}?" if close else ""
    )


def _feature_contradictions(config):
    for name, given in sorted(config["features"].items()):
        kind = given["kind"]
        yield from _options(f"features.{name}", kind, FEATURES[kind], given)
        scale = given.get("scale")
        if kind in SCALES and scale is not None and scale not in SCALES[kind]:
            yield f"features.{name}.scale: expected one of {', '.join(SCALES[kind])} for {kind}, given {scale}"
    for name, model in sorted(config["models"].items()):
        if wrong := _named(
            f"models.{name}.features: expected a name in features", model["features"], config["features"]
        ):
            yield wrong
        if (model.get("copies") or 0) > config["augment"]["copies"]:
            yield f"models.{name}.copies: expected at most augment.copies ({config['augment']['copies']}), given {model['copies']}"


def _sound_contradictions(config):
    """What is wrong with features of sound that some trained model is fed."""
    crop = config["crop"]
    samples = round(crop["window"] * crop["sample_rate"])
    for name in sorted(
        {config["models"][model]["features"] for model in config["train"] if model in config["models"]}
    ):
        mel, place = config["features"].get(name, {}), f"features.{name}"
        if mel.get("kind") == "fft_frames" and samples // 2 < (mel.get("frames") or 0):
            yield f"{place}.frames: expected at most half the samples of crop.window ({samples // 2}), given {mel['frames']}"
        if mel.get("kind") != "log_mel" or set(FEATURES["log_mel"][1]) - set(_given(mel)):
            continue
        if mel["hop"] > mel["n_fft"]:
            yield f"{place}.hop: expected at most n_fft ({mel['n_fft']}), given {mel['hop']}"
        if not mel["fmin"] < mel["fmax"] <= crop["sample_rate"] / 2:
            yield f"{place}.fmax: expected more than fmin ({mel['fmin']}) and at most half of crop.sample_rate ({crop['sample_rate'] / 2:g}), given {mel['fmax']}"
        if mel["n_fft"] > samples:
            yield f"{place}.n_fft: expected at most the samples of crop.window, given {mel['n_fft']}"


def _medium_contradictions(config, medium):
    """What does not go with what the data set holds."""
    if medium == "audio":
        yield from _sound_contradictions(config)
    for name in sorted(set(config["train"]) & set(config["models"])):
        fed = config["models"][name]["features"]
        kind = config["features"].get(fed, {}).get("kind")
        if kind is not None and kind not in KINDS[medium]:
            yield f"models.{name}.features: expected features of {medium} ({', '.join(KINDS[medium])}), as dataset {config['dataset']} holds, given {fed}, of kind {kind}"
    if config["augment"]["copies"]:
        yield from _foreign(config["augment"]["chain"], medium, "augment.chain")


def contradictions(config: dict) -> Iterator[str]:
    """What is wrong with a configuration of which each key is right, a line each: what no schema of single keys can tell."""
    if wrong := address.problem(config["data"]):
        yield f"data: {wrong}"
    for name, model in sorted(config["models"].items()):
        yield from _model_contradictions(name, model)
    crop = config["crop"]
    if not 1 / crop["sample_rate"] <= crop["hop"] <= crop["window"]:
        yield f"crop.hop: expected at least one sample and at most crop.window ({crop['window']}), given {crop['hop']}"
    if bool(config["train"]) == (config["models_from"] is not None):
        yield (
            "train: expected names of models, or [] where models_from names the run whose models predict, given "
            + (
                f"{', '.join(config['train'])} beside models_from"
                if config["train"]
                else "[] without models_from"
            )
        )
    slices = config["images"]["slices"]
    if slices["start"] >= slices["stop"]:
        yield f"images.slices.stop: expected more than start ({slices['start']:g}), given {slices['stop']:g}"
    for name in config["train"]:
        if wrong := _named("train: expected names of models", name, config["models"]):
            yield wrong
    yield from _feature_contradictions(config)
    if wrong := _named(f"dataset: expected a module in {source.PLACE}", config["dataset"], source.names()):
        yield wrong
    else:
        yield from _medium_contradictions(config, source.reader(config["dataset"]).MEDIUM)
    made = config["synthetic"]
    if made["min_snr"] > made["max_snr"]:
        yield f"synthetic.max_snr: expected at least min_snr ({made['min_snr']}), given {made['max_snr']}"
    if made["background"] and made["clips"] is None:
        yield f"synthetic.background: expected no classes without synthetic.clips, given {', '.join(made['background'])}"
    yield from _noise(config["augment"]["chain"], "augment.chain")


def _foreign(chain, medium, place):
    """Transforms of another medium."""
    for number, step in enumerate(chain):
        for name, options in step.items():
            here = f"{place}.{number}.{name}"
            if name not in TRANSFORMS[medium]:
                yield f"{here}: expected transforms of {medium} ({', '.join(TRANSFORMS[medium])})"
            yield from _foreign(options.get("transforms", []), medium, f"{here}.transforms")


def _noise(chain, place):
    for number, step in enumerate(chain):
        for name, options in step.items():
            here = f"{place}.{number}.{name}"
            if "min_snr" in options and options["min_snr"] > options["max_snr"]:
                yield f"{here}.max_snr: expected at least min_snr ({options['min_snr']}), given {options['max_snr']}"
            yield from _noise(options.get("transforms", []), f"{here}.transforms")
