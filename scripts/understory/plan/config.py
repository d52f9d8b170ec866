"""The configuration: checked, completed by the defaults, and what of it concerns a run."""

import math
from pathlib import Path

import yaml

from understory.core.errors import InputError, user_errors
from understory.core.hashing import ordered
from understory.core.untracked import Text
from understory.fetch import address
from understory.inference import saved_run
from understory.plan import config_checks
from understory.plan.config_block import join, validated
from understory.plan.config_model import Configuration, Own


def complete(config: dict, files=(), given: dict | None = None) -> dict:
    """The checked configuration, with the settings of the models of another run where it names one; in a fixed order.

    Parameters
    ----------
    config : dict
        As Snakemake read it.
    files : iterable of path
        The YAML files that it was read from.
    given : dict, optional
        What of it the user gave over config.yaml.

    Raises
    ------
    InputError
        A file has a key twice, the configuration cannot be used, there is no finished run at `models_from`, or what was
        given contradicts that run.
    """
    for path in files:
        _check_keys(Path(path))
    config = saved_run.taken(checked(with_train(config, given or {})), given or {})
    if problems := [*config_checks.hop_problems(config), *config_checks.unheard(config)]:
        raise _refused(problems)
    return ordered(_of_new_recordings(config) if only_detects(config) else config)


def with_train(config: dict, given: dict) -> dict:
    """The configuration as Snakemake read it, in which nothing is trained where `models_from` was given, and `train` was not."""
    return {**config, "train": []} if config.get("models_from") and "train" not in given else config


def only_detects(config: dict) -> bool:
    """Whether a run does nothing but detect events in new recordings, with the models of another run."""
    return bool(config["recordings"] and config["models_from"])


def _of_new_recordings(config):
    """The configuration of a run that only detects: its data are the new recordings, whatever was trained on."""
    own = {"data": config["recordings"], "dataset": "own", "own": Own().model_dump(), "subset": "all"}
    return {**config, **own, "shards": {**config["shards"], "test": 0}}


def of_recordings(config: dict, paths: list[str], which: str):
    """An input function: paths of what is made of new recordings; the run stops where no folder of them is given, `which`
    being what they are for."""

    def inputs(wildcards):
        with user_errors():
            if not config["recordings"]:
                raise InputError(
                    f"recordings: expected the folder of the recordings {which}, given none: add --config recordings=FOLDER"
                )
        return paths

    return inputs


def changed(base: dict) -> dict:
    """What of config.yaml, as `base` reads it, differs from the defaults, in the blocks that predictions depend on."""
    defaults = {name: Configuration.model_fields[name].default.model_dump() for name in saved_run.BLOCKS}
    return {
        name: {
            key: value for key, value in (base.get(name) or {}).items() if value != defaults[name].get(key)
        }
        for name in saved_run.BLOCKS
    }


def checked(config: dict) -> dict:
    """The configuration with its defaults, and with every number of the type of its key, so that 5 and 5.0 are the same.

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is expected, what was given, the closest valid key.
    """
    lines = dict(_not_finite(config, ""))
    if not lines:
        config, wrong = config_checks.choose(config)
        typed, lines = validated(Configuration, config)
        lines = wrong | lines
    if lines:
        raise _refused(line for _, line in sorted(lines.items()))
    config = typed.model_dump()
    if problems := list(config_checks.contradictions(config)):
        raise _refused(problems)
    return config


def _refused(lines):
    return InputError("\n  ".join(["The configuration cannot be used:", *lines]))


def _not_finite(value, place):
    """By key, a line for each number that is not finite, which YAML has and no setting can be."""
    if isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(each, join(place, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, f"{place}: expected a finite number, given {value}"


def _check_keys(path):
    """InputError where a YAML file has a key twice in a block: the second would replace the first."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return  # Snakemake has read it: it is no YAML, such as JSON with tabs.
    nodes, seen = [root], {id(root)}
    for node in nodes:
        first: dict[str, int] = {}
        # A node that is named by an anchor may come again.
        for pair in node.value if isinstance(node, yaml.MappingNode) else ():
            key, line = pair[0].value, pair[0].start_mark.line + 1
            if isinstance(key, str) and first.setdefault(key, line) != line:
                raise InputError(f"{path}, line {line}: {key} comes twice, first in line {first[key]}")
        if isinstance(node, yaml.CollectionNode):
            inner = (each for item in node.value for each in (item if isinstance(item, tuple) else (item,)))
            nodes += [each for each in inner if not (id(each) in seen or seen.add(id(each)))]


def effective(config: dict) -> dict:
    """A checked configuration without the blocks that its run does not use, such as models that are not trained."""
    kind = address.kind(config["data"])
    idle = {"synthetic"} if kind != "synthetic" else set()
    idle |= {"own"} if config["dataset"] != "own" else set()
    idle |= {"data_sha256"} if kind in ("synthetic", "folder") else set()
    # What is made of new recordings is no part of what a report tells, nor where verdicts lie.
    idle |= {"detect", "recordings", "review", "reviewed", "verdicts"}
    models = {name: config["models"][name] for name in sorted(config["train"])}
    features = {name: config["features"][name] for name in sorted(features_of(config))}
    used = {key: value for key, value in config.items() if key not in idle}
    return {**used, "features": features, "models": models, "train": sorted(models)}


def features_of(config: dict) -> set[str]:
    """The names of the features that the trained models are fed."""
    return {config["models"][name]["features"] for name in config["train"]}


def copies_of(config: dict, name: str) -> int:
    """Number of augmented copies that a model trains on."""
    own = config["models"][name]["copies"]
    return config["augment"]["copies"] if own is None else own


def copies_by_features(config: dict) -> dict[str, int]:
    """By features, the largest number of augmented copies that a trained model asks for."""
    copies: dict[str, int] = {}
    for name in config["train"]:
        fed = config["models"][name]["features"]
        copies[fed] = max(copies.get(fed, 0), copies_of(config, name))
    return copies


def tracked(config: dict) -> dict:
    """An effective configuration without what changes no result: the places of data and models, and what may stop a split."""
    tracked = {
        key: value for key, value in config.items() if key not in ("data", "data_sha256", "models_from")
    }
    tracked["split"] = {key: value for key, value in tracked["split"].items() if key != "rare_classes"}
    if "synthetic" in tracked:
        tracked["synthetic"] = {key: value for key, value in tracked["synthetic"].items() if key != "clips"}
    return tracked


def as_text(config: dict) -> Text:
    """A configuration as YAML, without the credentials that an address may contain."""
    shown = {**config, "data": address.shown(config["data"])}
    return Text(yaml.safe_dump(shown, allow_unicode=True, width=100))
