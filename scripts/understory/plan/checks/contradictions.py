"""Keys of the configuration that contradict each other, though each is right by itself."""

from collections.abc import Iterator

from understory.core.text import did_you_mean, listed
from understory.data import source
from understory.fetch import address
from understory.plan import choice_options
from understory.plan.checks.choices import AUGMENTATIONS, FEATURES, FORMER
from understory.plan.config_block import plain


def found(config: dict) -> Iterator[str]:
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
    yield from ranked(config)
    yield from _model_contradictions(config)
    yield from _pseudo_label_contradictions(config)
    for key in sorted(key for key, value in config["labels"].items() if value):
        yield from _without_labels(config, f"labels.{key}")
    if config["dataset"] in source.names():
        yield from _medium_contradictions(config, source.reader(config["dataset"]).MEDIUM)
        yield from _scored_by_recording(config)
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
    if config["augment"]["random_crop"]:
        yield (
            "augment.random_crop: expected false with pseudo_labels.rounds, as pseudo-labels are of the window of an example, given true"
        )
    yield from _without_labels(config, "pseudo_labels.rounds")


def _without_labels(config, key):
    """The losses that have one class an example, where a key needs labels that may be unknown or soft."""
    for name in sorted(set(config["train"]) & set(config["models"])):
        loss = config["models"][name]["loss"]["name"]
        if choice_options.constant(("loss",), loss, "TARGETS", default="") != "labels":
            yield f"models.{name}.loss.name: expected a loss of labels with {key}, given {loss}, which has one class an example"


def unheard(config: dict) -> Iterator[str]:
    """What is wrong with the models that detect events in new recordings: those of images hear nothing."""
    kinds = {config["features"][config["models"][name]["features"]]["kind"] for name in config["train"]}
    others = sorted(kind for kind in kinds if not choice_options.block(FEATURES[0], kind))
    if config["recordings"] and others:
        yield f"recordings: expected models of sound, given some that are fed {', '.join(others)}"


def ranked(config: dict) -> Iterator[str]:
    """What is wrong with an ensemble of ranks of which the classes are scaled."""
    how = config["ensemble"]
    if how["folds"] == "rank" and how["prior_power"] != 0:
        yield (
            "ensemble.prior_power: expected 0 with ensemble.folds rank, as ranks are no probabilities and have no odds, given "
            f"{how['prior_power']}"
        )


def _scored_by_recording(config: dict) -> Iterator[str]:
    """What is wrong with an ensemble whose predictions of examples become ones of recordings before they are scored."""
    how, reader = config["ensemble"], source.reader(config["dataset"])
    if reader.SCORED == "recording" and how["prior_power"] != 0:
        yield (
            f"ensemble.prior_power: expected 0, as dataset {config['dataset']} is scored by recording, where scaled examples and scaled "
            f"recordings differ, given {how['prior_power']}"
        )


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
        if name in train:
            yield from _untrainable(f"models.{name}", model)


def _untrainable(place, model):
    """What is wrong with how a model's outputs and labels go with its loss, and with how it begins."""
    loss = model["loss"]["name"]
    labels = choice_options.constant(("loss",), loss, "TARGETS", default="") == "labels"
    usual = choice_options.block("architecture", model["architecture"]).model_fields.get("outputs")
    outputs = model["options"].get("outputs", usual and usual.default)
    if labels and outputs == "softmax":
        yield (
            f"{place}.options.outputs: expected sigmoid with loss {loss}, as several labels of an example may be present, given softmax"
        )
    if not labels and model["mixup"] and model["mixup_labels"] == "union":
        yield f"{place}.mixup_labels: expected shares with loss {loss}, which has one class an example, given union"
    yield from _unfounded(f"{place}.init_from", model)


def _unfounded(place, model):
    """What is wrong with what a model begins with."""
    init = model.get("init_from") or {}
    run, weights = init.get("run"), init.get("weights")
    if not run and init.get("model"):
        yield f"{place}.run: expected the folder of a finished run, as model is given, given none"
    elif not run and not weights and init.get("frozen"):
        yield f"{place}: expected run, the folder of a finished run, or weights, a file, as frozen is given, given neither"
    if run and weights:
        yield f"{place}: expected either run or weights, given both"
    having = [
        name
        for name in choice_options.names("architecture")
        if choice_options.constant(("architecture",), name, "APPLICATION", default=False)
    ]
    if weights and model["architecture"] not in having:
        yield (
            f"{place}.weights: expected an architecture with a network of keras.applications ({listed(having)}), given "
            f"{model['architecture']}"
        )


def _unfit(place, model, features):
    """What is wrong with how a model draws its examples anew, for the features that it is fed."""
    wanted = {"kind": "log_mel", "scale": "power_db", "normalise": "none"}
    others = {key: features.get(key) for key in wanted if features.get(key) != wanted[key]}
    expected, given = (
        ", ".join(f"{key} {value}" for key, value in each.items() if value) for each in (wanted, others)
    )
    if model["mixup"] and model["mixup_of"] == "power" and others:
        yield f"{place}.mixup_of: expected values, or features in dB of power ({expected}), given power of {given}"
    framed = choice_options.constant(FEATURES, features["kind"], "FRAMED", default=True)
    if model["shifts"] > 1 and not framed:
        yield f"{place}.shifts: expected 1, as features of kind {features['kind']} have no frames, given {model['shifts']}"
    for step, name, options in _steps(f"{place}.augment", model["augment"]):
        if others and choice_options.constant(AUGMENTATIONS, name, "IN_DECIBELS", default=False):
            yield f"{step}: expected features in dB of power ({expected}), given {given}"
        of_frames = choice_options.constant(AUGMENTATIONS, name, "OF_FRAMES", default=False)
        if of_frames and not framed:
            yield f"{step}: expected features of bands and frames, such as log_mel, given kind {features['kind']}"
        elif options.get("spare_event") and features["kind"] != "log_mel":
            yield f"{step}.spare_event: expected features of mel bands, of kind log_mel, given kind {features['kind']}"


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
        elif medium == "images":
            yield from _image_contradictions(
                f"features.{fed}", config["features"][fed], config["images"]["sequences"]
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
    if medium == "images" and config["augment"]["random_crop"]:
        yield (
            f"augment.random_crop: expected false, as dataset {config['dataset']} has images and no windows, given true"
        )
    if medium == "images":
        given, studies = (
            config["images"]["sequences"],
            getattr(source.reader(config["dataset"]), "FOLDERS", False),
        )
        if studies != bool(given):
            wanted, found = ("names of sequences", "none") if studies else ("none", ", ".join(given))
            what = "studies" if studies else "photographs"
            yield f"images.sequences: expected {wanted}, as recordings of dataset {config['dataset']} are {what}, given {found}"
    known = choice_options.names(f"transform of {medium}")
    for place, name, _ in _steps("augment.chain", config["augment"]["chain"]):
        if config["augment"]["copies"] and name not in known:
            yield f"{place}: expected transforms of {medium} ({', '.join(known)})"


def _image_contradictions(place, features, sequences):
    """What is wrong with features of a photograph, or with `sequences` of a slice."""
    scale = features.get("scale")
    if sequences and scale == "none":
        yield f"{place}.scale: expected max, percentile or window, as slices have 16 bits, given none"
    if not sequences and scale == "window":
        yield f"{place}.scale: expected max, percentile or none, as photographs have no window, given window"
    if others := [name for name in features.get("channels") or () if name not in sequences]:
        yield (
            f"{place}.channels: expected some of images.sequences ({', '.join(sequences) or 'none'}), given {', '.join(others)}"
        )


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
