"""Checks of the configuration beyond single keys: the options of each choice, and keys that contradict each other."""

from collections.abc import Iterator

from understory.core.text import did_you_mean
from understory.data import source
from understory.fetch import address
from understory.plan import choice_options
from understory.plan.choice_options import COMBINATIONS
from understory.plan.config_block import plain, shown, validated

FEATURES = ("features of audio", "features of images")
TRANSFORMS = ("transform of audio", "transform of images")
AUGMENTATIONS = ("augmentation",)
# Models that config.yaml had once, and the recipes that have them now.
FORMER = {"resnet50": "recipes/rfcx_notebook.yaml"}
# A key that models had once. It never did anything: Keras compiles nothing with XLA where operations are deterministic.
FORMER_KEY = "xla"


def choose(config: dict) -> tuple[dict, dict[str, str]]:
    """The configuration with typed options of all that is chosen by name; and by key what is wrong, in one line each.

    An option that is null is left out, so that a recipe can take back what config.yaml gives to another choice. Features are
    completed by their defaults.
    """
    config, lines = dict(config), {}
    for key, check in (("models", _model), ("features", _features)):
        if isinstance(config.get(key), dict):
            blocks = config[key].items()
            config[key] = {name: check(f"{key}.{name}", block, lines) for name, block in blocks}
    if isinstance(config.get("augment"), dict) and isinstance(config["augment"].get("chain"), list):
        chain = _chain("augment.chain", TRANSFORMS, config["augment"]["chain"], lines)
        config["augment"] = {**config["augment"], "chain": chain}
    return config, lines


def _block(kinds, name):
    """The options of a choice of one of some kinds, or None."""
    return next(filter(None, (choice_options.block(kind, name) for kind in kinds)), None)


def _names(kinds):
    return sorted({name for kind in kinds for name in choice_options.names(kind)})


def _model(place, model, lines):
    if not isinstance(model, dict):
        return model
    model = dict(model)
    if model.pop(FORMER_KEY, False) not in (False, None, "false", "null"):
        lines[f"{place}.{FORMER_KEY}"] = (
            f"{place}.{FORMER_KEY}: models no longer have this key, as XLA cannot compile deterministic operations; leave it out"
        )
    architecture, name = model.get("architecture"), place.removeprefix("models.")
    if architecture is None and name in FORMER:
        lines[place] = f"{place}: config.yaml no longer has this model; copy it from {FORMER[name]}"
    if isinstance(architecture, str):
        block = choice_options.block("architecture", architecture)
        if block is None:
            known = choice_options.names("architecture")
            lines[f"{place}.architecture"] = _one_of(f"{place}.architecture", architecture, known)
        elif isinstance(model.get("options"), dict):
            model["options"] = _options(f"{place}.options", architecture, block, model["options"], lines)
    for kind in ("loss", "optimiser", "schedule"):
        if isinstance(model.get(kind), dict):
            model[kind] = _named(f"{place}.{kind}", "name", model[kind], [kind], lines)
    if isinstance(model.get("augment"), list):
        model["augment"] = _chain(f"{place}.augment", AUGMENTATIONS, model["augment"], lines)
    return model


def _named(place, key, values, kinds, lines):
    """The options beside the key that holds the choice's name."""
    name, names = values.get(key), _names(kinds)
    if name is None:
        lines[f"{place}.{key}"] = f"{place}.{key}: missing (one of {', '.join(names)})"
    elif name not in names:
        lines[f"{place}.{key}"] = _one_of(f"{place}.{key}", name, names)
    else:
        others = {option: value for option, value in values.items() if option != key}
        return {key: name, **_options(place, name, _block(kinds, name), others, lines)}
    return values


def _features(place, values, lines):
    return _named(place, "kind", values, FEATURES, lines) if isinstance(values, dict) else values


def _chain(place, kinds, chain, lines):
    return [_step(f"{place}.{number}", kinds, step, lines) for number, step in enumerate(chain)]


def _step(place, kinds, step, lines):
    if not isinstance(step, dict) or len(step) != 1:
        lines[place] = f"{place}: expected exactly one name with its options, given {shown(step)}"
        return step
    ((name, values),) = step.items()
    if not isinstance(name, str):
        return step
    here, block = f"{place}.{name}", _block(kinds, name)
    if block is None:
        known = _names(kinds)
        lines[here] = (
            f"{here}: no such {kinds[0].partition(' ')[0]}{did_you_mean(name, known) or '.'} Expected one of {', '.join(known)}"
        )
    elif isinstance(values, dict):
        values = _options(here, name, block, values, lines)
        if name in COMBINATIONS and isinstance(values.get("transforms"), list):
            values["transforms"] = _chain(f"{here}.transforms", kinds, values["transforms"], lines)
    else:
        lines[here] = f"{here}: expected a block of options, given {shown(values)}"
    return {name: values}


def _options(place, choice, block, values, lines):
    """The options that are given, typed, and of features all of them."""
    given = {option: value for option, value in values.items() if value is not None and value != "null"}
    takes = block.model_fields
    for option in sorted(set(given) - set(takes), key=str):
        hint = did_you_mean(option, takes) or "; null takes it back"
        lines[f"{place}.{option}"] = (
            f"{place}.{option}: {choice} takes {', '.join(sorted(takes)) or 'no options'}, given {shown(given[option])}{hint}"
        )
    for option in sorted(set(takes) - set(given)):
        if takes[option].is_required():
            lines[f"{place}.{option}"] = (
                f"{place}.{option}: missing, {choice} needs it ({takes[option].description})"
            )
    known = {option: value for option, value in given.items() if option in takes}
    typed, wrong = validated(block, known, place)
    lines |= {key: line for key, line in wrong.items() if key not in lines}
    if typed is None:
        return known
    return typed.model_dump(exclude_unset=not place.startswith("features."))


def _one_of(place, given, known):
    """A message where a name has to be one of those known."""
    return f"{place}: expected one of {', '.join(sorted(known))}, given {shown(given)}{did_you_mean(given, known)}"


def contradictions(config: dict) -> Iterator[str]:
    """What is wrong with a configuration of which each key is right by itself, in one line each."""
    if wrong := address.problem(config["data"]):
        yield f"data: {wrong}"
    if config["detect"]["smoothing"] % 2 == 0:
        yield f"detect.smoothing: expected an odd number of windows, given {config['detect']['smoothing']}"
    slices = config["images"]["slices"]
    if slices["start"] >= slices["stop"]:
        yield f"images.slices.stop: expected more than start ({slices['start']:g}), given {slices['stop']:g}"
    yield from _noise("synthetic", config["synthetic"])
    if config["synthetic"]["background"] and config["synthetic"]["clips"] is None:
        given = ", ".join(config["synthetic"]["background"])
        yield f"synthetic.background: expected no classes without synthetic.clips, given {given}"
    for place, _, options in _steps("augment.chain", config["augment"]["chain"]):
        yield from _noise(place, options)
    yield from _model_contradictions(config)
    yield from _pseudo_label_contradictions(config)
    if config["dataset"] in source.names():
        yield from _medium_contradictions(config, source.reader(config["dataset"]).MEDIUM)
    else:
        yield _unknown(f"dataset: expected a module in {source.PLACE}", config["dataset"], source.names())


def _pseudo_label_contradictions(config):
    """What does not go with pseudo-labels, where there are some."""
    pseudo, split = config["pseudo_labels"], config["split"]
    low = pseudo["low"]
    if low is not None and low >= pseudo["high"]:
        yield f"pseudo_labels.low: expected less than high ({pseudo['high']:g}), given {low:g}"
    if not pseudo["rounds"]:
        return
    if split["group"] != "recording":
        yield (
            f"split.group: expected recording with pseudo_labels.rounds, as a fold's model may know nothing of the recordings that the "
            f"fold holds out, given {split['group']}"
        )
    for name in sorted(set(config["train"]) & set(config["models"])):
        loss = config["models"][name]["loss"]["name"]
        if choice_options.constant(("loss",), loss, "TARGETS", default="") != "labels":
            yield f"models.{name}.loss.name: expected a loss of labels with pseudo_labels.rounds, given {loss}, which has one class an example"


def unheard(config: dict) -> Iterator[str]:
    """What is wrong with the models that detect events in new recordings: those of images hear nothing."""
    kinds = {config["features"][config["models"][name]["features"]]["kind"] for name in config["train"]}
    others = sorted(kind for kind in kinds if not choice_options.block(FEATURES[0], kind))
    if config["recordings"] and others:
        yield f"recordings: expected models of sound, given some that are fed {', '.join(others)}"


def _noise(place, options):
    if {"min_snr", "max_snr"} <= options.keys() and options["min_snr"] > options["max_snr"]:
        yield (
            f"{place}.max_snr: expected at least min_snr ({plain(options['min_snr'])}), "
            f"given {plain(options['max_snr'])}"
        )


def _steps(place, chain):
    """The key, name and options of each transform of a chain, and of the chains in it."""
    for number, step in enumerate(chain):
        for name, options in step.items():
            here = f"{place}.{number}.{name}"
            yield here, name, options
            yield from _steps(f"{here}.transforms", options.get("transforms", []))


def _unknown(expected, name, known):
    return f"{expected} ({', '.join(sorted(known))}), given {name}{did_you_mean(name, known)}"


def _model_contradictions(config):
    """What is wrong with the names of models and of their features, and with their copies."""
    train, copies = config["train"], config["augment"]["copies"]
    if bool(train) == (config["models_from"] is not None):
        given = f"{', '.join(train)} beside models_from" if train else "[] without models_from"
        yield (
            "train: expected names of models, or [] where models_from names the run whose models predict, "
            f"given {given}"
        )
    for name in train:
        if name not in config["models"]:
            hint = f"; {FORMER[name]} has a model of this name" if name in FORMER else ""
            yield _unknown("train: expected names of models", name, config["models"]) + hint
    for name, model in sorted(config["models"].items()):
        if model["features"] not in config["features"]:
            expected = f"models.{name}.features: expected a name in features"
            yield _unknown(expected, model["features"], config["features"])
        if (model["copies"] or 0) > copies:
            yield f"models.{name}.copies: expected at most augment.copies ({copies}), given {model['copies']}"
        if name in train and model["features"] in config["features"]:
            yield from _unfit(f"models.{name}", model, config["features"][model["features"]])


def _unfit(place, model, features):
    """What is wrong with how a model draws its examples anew, for the features that it is fed."""
    wanted = {"kind": "log_mel", "scale": "power_db", "normalise": "none"}
    others = {key: features.get(key) for key in wanted if features.get(key) != wanted[key]}
    if model["mixup"] and model["mixup_of"] == "power" and others:
        expected, given = (
            ", ".join(f"{key} {value}" for key, value in each.items() if value) for each in (wanted, others)
        )
        yield f"{place}.mixup_of: expected values, or features in dB of power ({expected}), given power of {given}"
    for step, name, _ in _steps(f"{place}.augment", model["augment"]):
        of_frames = choice_options.constant(AUGMENTATIONS, name, "OF_FRAMES", default=False)
        if of_frames and not choice_options.constant(FEATURES, features["kind"], "FRAMED", default=True):
            yield f"{step}: expected features of bands and frames, such as log_mel, given kind {features['kind']}"


def _medium_contradictions(config, medium):
    """What does not go with the medium of the data set."""
    known = choice_options.names(f"features of {medium}")
    for name in sorted(set(config["train"]) & set(config["models"])):
        fed = config["models"][name]["features"]
        if fed not in config["features"]:
            continue
        kind = config["features"][fed]["kind"]
        if kind not in known:
            yield (
                f"models.{name}.features: expected features of {medium} ({', '.join(known)}), as dataset "
                f"{config['dataset']} has, given {fed}, of kind {kind}"
            )
        elif medium == "audio":
            yield from _audio_contradictions(f"features.{fed}", config["features"][fed], config["crop"])
            chain = {step for _, step, _ in _steps("", config["augment"]["chain"])}
            copied = config["augment"]["copies"] and config["models"][name]["copies"] != 0
            if copied and "SpectralPitchShift" in chain and kind != "log_mel":
                yield (
                    f"models.{name}.features: expected features of kind log_mel, which SpectralPitchShift in "
                    f"augment.chain shifts, given {fed}, of kind {kind}"
                )
    known = choice_options.names(f"transform of {medium}")
    for place, name, _ in _steps("augment.chain", config["augment"]["chain"]):
        if config["augment"]["copies"] and name not in known:
            yield f"{place}: expected transforms of {medium} ({', '.join(known)})"


def _audio_contradictions(place, features, crop):
    """What is wrong with features of a window of audio."""
    samples = round(crop["window"] * crop["sample_rate"])
    if features["kind"] == "fft_frames" and features["frames"] > samples // 2:
        yield (
            f"{place}.frames: expected at most half the samples of crop.window ({samples // 2}), "
            f"given {features['frames']}"
        )
    if features["kind"] == "log_mel":
        hop, n_fft, fmin, fmax = (features[option] for option in ("hop", "n_fft", "fmin", "fmax"))
        if n_fft % 2:
            yield f"{place}.n_fft: expected an even number of samples, given {n_fft}"
        if hop > n_fft:
            yield f"{place}.hop: expected at most n_fft ({n_fft}), given {hop}"
        if not fmin < fmax <= crop["sample_rate"] / 2:
            yield (
                f"{place}.fmax: expected more than fmin ({plain(fmin)}) and at most half of crop.sample_rate "
                f"({plain(crop['sample_rate'] / 2)}), given {plain(fmax)}"
            )
        if n_fft > samples:
            yield f"{place}.n_fft: expected at most the samples of crop.window ({samples}), given {n_fft}"
