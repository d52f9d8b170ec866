"""Checking the configuration against its schema, with messages that a person can act on."""

import difflib
import json
import math
import re
from pathlib import Path

import jsonschema
import yaml

from understory.core.errors import InputError
from understory.core.hashing import ordered
from understory.core.untracked import Text
from understory.fetch import address
from understory.inference import saved_run
from understory.plan import config_checks


def complete(config: dict, schema: Path) -> dict:
    """The configuration checked against the schema in a file, with what goes with models of another run; in a fixed order."""
    return ordered(saved_run.taken(checked(config, json.loads(schema.read_text()))))


def checked(config: dict, schema: dict) -> dict:
    """The configuration with every number of the type its schema names, so that 5 and 5.0 are the same.

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is allowed, what was given, the closest valid key.
    """
    _check_plain(config, "")
    config = _mapped(_with_null, config, schema, schema)
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config),
        key=lambda error: list(map(str, error.absolute_path)),
    )
    lines = list(dict.fromkeys(line for error in errors for line in _lines(error)))
    if not lines:
        lines = list(config_checks.contradictions(config))
    if lines:
        raise InputError("The configuration cannot be used:\n" + "\n".join(f"  {line}" for line in lines))
    typed = _mapped(_typed, config, schema, schema)
    for model in typed["models"].values():
        model.update({key: value for key, value in config_checks.DEFAULTS.items() if key not in model})
        for key in config_checks.TAKES:
            model[key] = {option: value for option, value in model[key].items() if value is not None}
    for name, given in typed["features"].items():
        takes, _ = config_checks.FEATURES[given["kind"]]
        said = {key: value for key, value in given.items() if value is not None}
        typed["features"][name] = {
            key: said.get(key, config_checks.UNSAID.get(key)) for key in ("kind", *takes)
        }
    return typed


def effective(config: dict) -> dict:
    """A checked configuration without what concerns nothing in its run, such as models that are not trained."""
    kind = address.kind(config["data"])
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
    """An effective configuration without what changes no result: where data and models lie, and what may stop a split."""
    kept = {key: value for key, value in config.items() if key not in ("data", "data_sha256", "models_from")}
    kept["split"] = {key: value for key, value in kept["split"].items() if key != "rare_classes"}
    if "synthetic" in kept:
        kept["synthetic"] = {key: value for key, value in kept["synthetic"].items() if key != "clips"}
    return kept


def as_text(config: dict) -> Text:
    """A configuration as YAML, without the credentials that an address may hold."""
    shown = {**config, "data": address.shown(config["data"])}
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


def _mapped(leaf, value, schema, root):
    """The configuration with each value that is neither block nor list as `leaf` makes it of the value and its schema."""
    if "$ref" in schema:
        return _mapped(leaf, value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = next(iter(schema.get("patternProperties", {}).values()), {})
        return {key: _mapped(leaf, each, inner.get(key, other), root) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(leaf, each, schema.get("items", {}), root) for each in value]
    return leaf(value, schema)


def _with_null(value, schema):
    """Null for the text "null", as which the command line gives it, wherever null is allowed."""
    return None if value == "null" and "null" in schema.get("type", ()) else value


def _typed(value, schema):
    """A number of the type that the schema names."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        kinds = schema.get("type", ())
        if "number" in kinds:
            return float(value)
        if "integer" in kinds:
            return int(value)
    return value
