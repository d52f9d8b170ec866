"""The configuration: checked, completed by the defaults, and what of it concerns a run."""

import json
from contextlib import suppress
from glob import escape, glob
from pathlib import Path

import yaml

from understory.core import members
from understory.core.errors import InputError
from understory.core.file_digests import stamp
from understory.core.hashing import ordered
from understory.core.untracked import Text
from understory.data import source
from understory.data.band import Band
from understory.fetch import address
from understory.inference import saved_run
from understory.plan import code_digests

LIBRARY = Path(__file__).resolve().parents[1]


def complete(config: dict, files=(), given=dict) -> dict:
    """The checked configuration, with the settings of the models of another run where it names one; in a fixed order.

    What was checked is remembered, as the description of the configuration takes longer to load than all else.

    Parameters
    ----------
    config : dict
        As Snakemake read it.
    files : iterable of path
        The YAML files that it was read from.
    given : callable, optional
        What of it the user gave over config.yaml; asked for where `models_from` names a run.

    Raises
    ------
    InputError
        A file has a key twice, the configuration cannot be used, there is no finished run at `models_from`, or what was
        given contradicts that run.
    """
    for path in files:
        check_file(Path(path))
    if config.get("models_from") is not None:
        return _of_saved_run(config, given())
    library = [
        (path, stamp(path)) for path in sorted(glob(f"{escape(str(LIBRARY))}/**/*.py", recursive=True))
    ]
    content = repr([config, library, code_digests.version("pydantic")]).encode(errors="surrogateescape")
    return code_digests.remembered(content, lambda: ordered(checked(config)))


def _of_saved_run(config, given):
    from understory.plan.checks import contradictions

    config = saved_run.taken(checked(with_train(config, given)), given)
    if problems := [*contradictions.unheard(config), *contradictions.ranked(config)]:
        raise _refused(problems)
    return ordered(_of_new_recordings(config) if only_detects(config) else config)


def with_train(config: dict, given: dict) -> dict:
    """The configuration as Snakemake read it; where `models_from` was given, what that run says is left out.

    Nothing is trained unless `train` was given as well, and of features that have no `kind` the run has the rest: `given` says of
    them where a frozen model is now.
    """
    if not config.get("models_from"):
        return config
    config = config if "train" in given else {**config, "train": []}
    features = config.get("features")
    if not isinstance(features, dict):
        return config
    whole = {name: each for name, each in features.items() if not isinstance(each, dict) or "kind" in each}
    return {**config, "features": whole}


def only_detects(config: dict) -> bool:
    """Whether a run does nothing but detect events in new recordings, with the models of another run."""
    return bool(config["recordings"] and config["models_from"])


def _of_new_recordings(config):
    """The configuration of a run that only detects: its data are the new recordings, whatever was trained on."""
    from understory.plan.config_model import Own

    own = {"data": config["recordings"], "dataset": "own", "own": Own().model_dump(), "subset": "all"}
    return {**config, **own, "shards": {**config["shards"], "test": 0}}


def shown_band(config: dict) -> Band:
    """The band that the features of the trained models show, of sound."""
    features = [config["features"][name] for name in features_of(config)]
    rate = config["crop"]["sample_rate"]
    # A frozen model may take sound of a lower rate.
    highest = [each.get("fmax", min(rate, each.get("sample_rate", rate)) / 2) for each in features]
    return Band(
        min((each.get("fmin", 0.0) for each in features), default=0.0), max(highest, default=rate / 2)
    )


def detection_hop(config: dict) -> tuple[str, float]:
    """The key that gives the step between the windows over new and held-out recordings, and the step, s."""
    own = config["detect"]["hop"]
    return ("crop.hop", config["crop"]["hop"]) if own is None else ("detect.hop", own)


def check_hop(config: dict, *, tested: bool):
    """InputError where the step of windows over recordings cannot be used: over new and held-out ones, and where `tested` over
    test ones.

    Nothing else is cut at a step.
    """
    crop = config["crop"]
    hops = {"crop.hop": crop["hop"]} if tested else {}
    calibrated = not config["models_from"] and (config["dataset"] == "own" or config["detect"]["calibrate"])
    if config["recordings"] or calibrated:
        hops.update([detection_hop(config)])
    seconds = getattr(source.reader(config["dataset"]), "WINDOW", None) if tested else None
    if seconds not in (None, crop["window"]):
        raise _refused(
            [
                f"crop.window: expected {seconds:g}, the seconds of a row of a submission of dataset {config['dataset']}, given "
                f"{crop['window']:g}"
            ]
        )
    if problems := [
        f"{key}: expected at least one sample and at most crop.window ({crop['window']:g}), given {hop:g}"
        for key, hop in hops.items()
        if not 1 / crop["sample_rate"] <= hop <= crop["window"]
    ]:
        raise _refused(problems)


def changed(base: dict) -> dict:
    """What of config.yaml, as `base` reads it, differs from the defaults, in the blocks that predictions depend on."""
    from understory.plan.config_model import Configuration

    defaults = {name: Configuration.model_fields[name].default.model_dump() for name in saved_run.BLOCKS}
    return {
        name: {
            key: value for key, value in (base.get(name) or {}).items() if value != defaults[name].get(key)
        }
        for name in saved_run.BLOCKS
    }


def checked(config: dict) -> dict:
    """The configuration with its defaults, and with every number of the type of its key, so that 5 and 5.0 are the same.

    Each seed of a model is a model (`understory.core.members`).

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is expected, what was given, the closest valid key.
    """
    # Imported here, as in `complete`: what is remembered needs neither.
    from understory.plan.checks import choices, contradictions
    from understory.plan.config_block import validated
    from understory.plan.config_model import Configuration

    config, lines = choices.choose(config)
    typed, wrong = validated(Configuration, config)
    if lines := wrong | lines:
        raise _refused(line for _, line in sorted(lines.items()))
    config = typed.model_dump()
    if problems := list(contradictions.found(config)) or list(contradictions.unheard(config)):
        raise _refused(problems)
    return members.expanded(config)


def _refused(lines):
    return InputError("\n  ".join(["The configuration cannot be used:", *lines]))


class _OnceEach(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses a key that comes twice in a block: the second would replace the first."""

    def construct_mapping(self, node, deep=False):
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key.value, str) and key.value in first:
                raise InputError(f"line {line}: {key.value} comes twice, first in line {first[key.value]}")
            first[key.value if isinstance(key.value, str) else id(key)] = line
        return super().construct_mapping(node, deep)


def check_file(path: Path):
    """InputError where a file has no keys, cannot be read, or has a key twice in a block: the second would replace the first."""
    try:
        text = path.read_text(encoding="utf-8")
        content = _OnceEach(text).get_single_data()
    except InputError as error:
        raise InputError(f"{path}, {error}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: expected text in UTF-8, found other bytes") from None
    except yaml.YAMLError as error:
        with suppress(ValueError):
            json.loads(text)
            return  # Snakemake reads JSON with tabs, which YAML does not allow.
        raise InputError(f"{path}{_yaml_problem(error, text)}") from None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: expected YAML, found a value that cannot be read: {error}") from None
    except OSError as error:
        raise InputError(
            f"{path}: expected a file of settings, found that it cannot be read ({error.strerror})"
        ) from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else "other text"
        raise InputError(f"{path}: expected keys with values, such as name: mine, found {found}")


def _yaml_problem(error, text):
    """Where and why a text is no YAML, as far as its parser tells."""
    mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return f": expected YAML; its parser says: {error}"
    if text[mark.index : mark.index + 1] == "\t":
        return f", line {mark.line + 1}: expected blanks before a key, found a tab"
    since = f" of what begins in line {begun.line + 1}" if begun and begun.line != mark.line else ""
    return f", line {mark.line + 1}: expected YAML; its parser says{since}: {error.problem}"


def effective(config: dict) -> dict:
    """A checked configuration without the blocks that its run does not use, such as models that are not trained."""
    kind = address.kind(config["data"])
    idle = {"synthetic"} if kind != "synthetic" else set()
    idle |= {"own"} if config["dataset"] != "own" else set()
    idle |= {"data_sha256"} if kind in ("synthetic", "folder") else set()
    idle |= set() if config["pseudo_labels"]["rounds"] else {"pseudo_labels"}
    idle |= set() if any(config["labels"].values()) else {"labels"}
    # What is made of new recordings is no part of what a report tells, nor where verdicts lie.
    idle |= {"detect", "export", "like", "queue", "recordings", "review", "reviewed", "search", "verdicts"}
    models = {name: config["models"][name] for name in sorted(config["train"])}
    features = {name: config["features"][name] for name in sorted(features_of(config))}
    return {**_without(config, *idle), "features": features, "models": models, "train": sorted(models)}


def features_of(config: dict) -> set[str]:
    """The names of the features that the trained models are fed."""
    return {config["models"][name]["features"] for name in config["train"]}


def copies_of(config: dict, name: str) -> int:
    """Number of augmented copies that a model trains on."""
    own = config["models"][name]["copies"]
    return config["augment"]["copies"] if own is None else own


def spared_band(config: dict, name: str) -> list[float] | None:
    """The range of the features of a model whose augmentation spares the bands of events, Hz; None where it spares none."""
    model = config["models"][name]
    features = config["features"][model["features"]]
    sparing = any(options.get("spare_event") for step in model["augment"] for options in step.values())
    return [features["fmin"], features["fmax"]] if sparing else None


def copies_by_features(config: dict) -> dict[str, int]:
    """By features, the largest number of augmented copies that a trained model asks for."""
    copies: dict[str, int] = {}
    for name in config["train"]:
        fed = config["models"][name]["features"]
        copies[fed] = max(copies.get(fed, 0), copies_of(config, name))
    return copies


def tracked(config: dict) -> dict:
    """An effective configuration without what changes no result: the places of data and models, how files are checked, and what may
    stop a split."""
    tracked = _without(config, "append_only", "data", "data_sha256", "models_from")
    tracked["split"] = _without(tracked["split"], "rare_classes")
    if "synthetic" in tracked:
        tracked["synthetic"] = _without(tracked["synthetic"], "clips")
    return tracked


def _without(block, *keys):
    return {key: value for key, value in block.items() if key not in keys}


def as_text(config: dict) -> Text:
    """A configuration as YAML, without the credentials that an address may contain."""
    shown = {**config, "data": address.shown(config["data"])}
    return Text(yaml.safe_dump(shown, allow_unicode=True, width=100))
