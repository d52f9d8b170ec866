"""Checking the configuration against its schema, with messages that a person can act on."""

import difflib
import json
import math
import re
from pathlib import Path

import jsonschema
import yaml

from understory import addresses, datasets, members
from understory.tables import InputError
from understory.tracking import ordered
from understory.untracked import Text


def complete(config: dict, schema: Path) -> dict:
    """The configuration checked against the schema in a file, with what goes with models of another run; in a fixed order."""
    return ordered(members.taken(checked(config, json.loads(schema.read_text()))))


def checked(config: dict, schema: dict) -> dict:
    """The configuration with every number of the type its schema names, so that 5 and 5.0 are the same.

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is allowed, what was given, the closest valid key.
    """
    _check_plain(config, "")
    config = _with_nulls(config, schema, schema)
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config),
        key=lambda error: list(map(str, error.absolute_path)),
    )
    lines = list(dict.fromkeys(line for error in errors for line in _lines(error)))
    if not lines:
        lines = list(_contradictions(config))
    if lines:
        raise InputError("The configuration cannot be used:\n" + "\n".join(f"  {line}" for line in lines))
    typed = _typed(config, schema, schema)
    for model in typed["models"].values():
        model.update({key: value for key, value in DEFAULTS.items() if key not in model})
        for key in TAKES:
            model[key] = {option: value for option, value in model[key].items() if value is not None}
    for name, given in typed["features"].items():
        takes, _ = FEATURES[given["kind"]]
        said = {key: value for key, value in given.items() if value is not None}
        typed["features"][name] = {key: said.get(key, UNSAID.get(key)) for key in ("kind", *takes)}
    return typed


def effective(config: dict) -> dict:
    """A checked configuration without what concerns nothing in its run, such as models that are not trained."""
    kind = addresses.kind(config["data"])
    idle = {"synthetic"} if kind != "synthetic" else set()
    idle |= {"data_sha256"} if kind in ("synthetic", "folder") else set()
    models = {name: config["models"][name] for name in sorted(config["train"])}
    features = {name: config["features"][name] for name in sorted(features_of(config))}
    kept = {key: value for key, value in config.items() if key not in idle}
    return {**kept, "features": features, "models": models, "train": sorted(models)}


def features_of(config: dict) -> set[str]:
    """The names of the features that are fed to the models that are trained."""
    return {config["models"][name]["features"] for name in config["train"]}


def copies_of(config: dict, name: str) -> int:
    """How many augmented copies a model trains on."""
    own = config["models"][name]["copies"]
    return config["augment"]["copies"] if own is None else own


def copies_by_features(config: dict) -> dict[str, int]:
    """Of each features that are made, how many augmented copies some model that is trained asks for."""
    found: dict[str, int] = {}
    for name in config["train"]:
        fed = config["models"][name]["features"]
        found[fed] = max(found.get(fed, 0), copies_of(config, name))
    return found


def tracked(config: dict) -> dict:
    """An effective configuration without where data and models lie: they may be moved, and come out the same."""
    kept = {key: value for key, value in config.items() if key not in ("data", "data_sha256", "models_from")}
    if "synthetic" in kept:
        kept["synthetic"] = {key: value for key, value in kept["synthetic"].items() if key != "clips"}
    return kept


def as_text(config: dict) -> Text:
    """A configuration as YAML, without the credentials that an address may hold."""
    shown = {**config, "data": addresses.shown(config["data"])}
    return Text(yaml.safe_dump(shown, allow_unicode=True, width=100))


def _check_plain(value, place):
    """InputError for what YAML can say and no setting can be: keys that are not text, numbers that are not finite."""
    for key, each in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        here = f"{place}.{key}" if place else str(key)
        if isinstance(value, dict) and not isinstance(key, str):
            raise InputError(
                f"The configuration cannot be used:\n  {here}: expected a name in text, given {key!r}"
            )
        if isinstance(each, float) and not math.isfinite(each):
            raise InputError(
                f"The configuration cannot be used:\n  {here}: expected a finite number, given {each}"
            )
        _check_plain(each, here)


def _lines(error):
    place = ".".join(map(str, error.absolute_path))
    inside = f"{place}." if place else ""
    given = json.dumps(error.instance, default=str)
    match error.validator:
        case "additionalProperties":
            valid = sorted(error.schema.get("properties", {}))
            patterns = tuple(error.schema.get("patternProperties", ()))
            for key in sorted(set(map(str, error.instance)) - set(valid)):
                if any(re.search(pattern, key) for pattern in patterns):
                    continue
                if patterns:
                    yield f"{inside}{key}: expected a name of the form {patterns[0]}"
                    continue
                close = difflib.get_close_matches(key, valid, n=1, cutoff=0.6)
                hint = f"; did you mean {inside}{close[0]}?" if close else "."
                yield f"{inside}{key}: no such key{hint} Allowed here: {', '.join(valid)}"
        case "required":
            for key in sorted(set(error.validator_value) - set(error.instance)):
                wanted = error.schema["properties"][key].get("description", "a block of keys")
                yield f"{inside}{key}: missing ({wanted})"
        case "type":
            kinds = (
                error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            )
            names = " or ".join(NAMES[kind] for kind in kinds)
            yield f"{place}: expected {names}{_range(error.schema)}, given {given}{_hint(error.instance, kinds)}"
        case "enum":
            close = difflib.get_close_matches(
                str(error.instance), list(map(str, error.validator_value)), n=1, cutoff=0.6
            )
            yield f"{place}: expected one of {', '.join(map(str, error.validator_value))}, given {given}" + (
                f"; did you mean {close[0]}?" if close else ""
            )
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield f"{place}: expected a number{_range(error.schema)}, given {given}"
        case "pattern" if error.validator_value == ".":
            wanted = error.schema["description"]
            null = ", or null" if "null" in error.schema["type"] else ""
            yield f"{place}: expected {wanted[0].lower()}{wanted[1:]}{null}, given {given}"
        case "pattern":
            yield f"{place}: expected text of the form {error.validator_value}, given {given}"
        case "minProperties" | "maxProperties":
            yield f"{place}: expected exactly one name with its options, given {given}"
        case "minItems" | "maxItems":
            yield f"{place}: expected {_count(error.schema)}, given {given}"
        case "uniqueItems":
            yield f"{place}: expected each item once, given {given}"
        case _:
            yield f"{place}: {error.message}"


def _hint(value, kinds):
    """What may have been meant by a number that YAML, or the command line inside a block, took for text."""
    if not isinstance(value, str) or not {"number", "integer"} & set(kinds):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    return f"; in a file, write {number:g}: YAML wants a decimal point, and --config takes numbers at the top level alone"


NAMES = {
    "object": "a block of keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _range(schema):
    bounds = [
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    ]
    said = [f"{word} {schema[key]}" for key, word in bounds if key in schema]
    return f" {' and '.join(said)}" if said else ""


def _count(schema):
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if low == high:
        return f"a list of {low}"
    return f"a list of at least {low}" if high is None else f"a list of {low} to {high}"


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


def _contradictions(config):
    """What no schema of single keys can tell."""
    if wrong := addresses.problem(config["data"]):
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
    if wrong := _named(
        f"dataset: expected a module in {datasets.PLACE}", config["dataset"], datasets.names()
    ):
        yield wrong
    else:
        yield from _medium_contradictions(config, datasets.reader(config["dataset"]).MEDIUM)
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


def _with_nulls(value, schema, root):
    """The configuration with null for the text "null", as which the command line gives it, wherever null is allowed."""
    if "$ref" in schema:
        return _with_nulls(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = next(iter(schema.get("patternProperties", {}).values()), {})
        return {key: _with_nulls(each, inner.get(key, other), root) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_nulls(each, schema.get("items", {}), root) for each in value]
    return None if value == "null" and "null" in schema.get("type", ()) else value


def _typed(value, schema, root):
    if "$ref" in schema:
        return _typed(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = next(iter(schema.get("patternProperties", {}).values()), {})
        return {key: _typed(each, inner.get(key, other), root) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each, schema.get("items", {}), root) for each in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        kinds = schema.get("type", ())
        if "number" in kinds:
            return float(value)
        if "integer" in kinds:
            return int(value)
    return value
