"""The configuration: checked, completed by the defaults, and what of it concerns a run."""

from contextlib import suppress
from glob import glob
from pathlib import Path

import yaml

from understory.core.errors import InputError
from understory.core.file_digests import stamp
from understory.core.hashing import ordered
from understory.core.untracked import Text
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
        _check_keys(Path(path))
    if config.get("models_from") is not None:
        return _of_saved_run(checked(config), given)
    library = [(path, stamp(path)) for path in sorted(glob(f"{LIBRARY}/**/*.py", recursive=True))]
    content = repr([config, library, code_digests.version("pydantic")]).encode(errors="surrogateescape")
    return code_digests.remembered(content, lambda: ordered(checked(config)))


def _of_saved_run(config, given):
    from understory.plan import config_checks

    config = saved_run.taken(config, given())
    if problems := list(config_checks.hop_problems(config)):
        raise _refused(problems)
    return ordered(config)


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

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is expected, what was given, the closest valid key.
    """
    # Imported here, as in `complete`: what is remembered needs neither.
    from understory.plan import config_checks
    from understory.plan.config_block import validated
    from understory.plan.config_model import Configuration

    config, lines = config_checks.choose(config)
    typed, wrong = validated(Configuration, config)
    if lines := wrong | lines:
        raise _refused(line for _, line in sorted(lines.items()))
    config = typed.model_dump()
    if problems := list(config_checks.contradictions(config)):
        raise _refused(problems)
    return config


def _refused(lines):
    return InputError("\n  ".join(["The configuration cannot be used:", *lines]))


class _OnceEach(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses a key that comes twice in a block: the second would replace the first."""

    def construct_mapping(self, node, deep=False):
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key.value, str) and first.setdefault(key.value, line) != line:
                place = f"{key.start_mark.name}, line {line}"
                raise InputError(f"{place}: {key.value} comes twice, first in line {first[key.value]}")
        return super().construct_mapping(node, deep)


def _check_keys(path):
    with open(path, encoding="utf-8") as file, suppress(UnicodeError, yaml.YAMLError):
        # Otherwise, Snakemake has read it, and it is no YAML, such as JSON with tabs.
        _OnceEach(file).get_single_data()


def effective(config: dict) -> dict:
    """A checked configuration without the blocks that its run does not use, such as models that are not trained."""
    kind = address.kind(config["data"])
    idle = {"synthetic"} if kind != "synthetic" else set()
    idle |= {"own"} if config["dataset"] != "own" else set()
    idle |= {"data_sha256"} if kind in ("synthetic", "folder") else set()
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


def copies_by_features(config: dict) -> dict[str, int]:
    """By features, the largest number of augmented copies that a trained model asks for."""
    copies: dict[str, int] = {}
    for name in config["train"]:
        fed = config["models"][name]["features"]
        copies[fed] = max(copies.get(fed, 0), copies_of(config, name))
    return copies


def tracked(config: dict) -> dict:
    """An effective configuration without what changes no result: the places of data and models, and what may stop a split."""
    tracked = _without(config, "data", "data_sha256", "models_from")
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
