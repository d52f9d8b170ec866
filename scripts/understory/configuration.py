"""Checking the configuration against its schema, with messages that a person can act on."""

import difflib
import json

import jsonschema

from understory.tables import InputError


def checked(config: dict, schema: dict) -> dict:
    """The configuration with every number of the type its schema names, so that 5 and 5.0 are the same.

    Raises
    ------
    InputError
        One message for all that is wrong: the key, what is allowed, what was given, the closest valid key.
    """
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config),
        key=lambda error: list(map(str, error.absolute_path)),
    )
    lines = [line for error in errors for line in _lines(error)]
    if not lines:
        lines = list(_contradictions(config))
    if lines:
        raise InputError("The configuration cannot be used:\n" + "\n".join(f"  {line}" for line in lines))
    return _typed(config, schema, schema)


def _lines(error):
    place = ".".join(map(str, error.absolute_path))
    inside = f"{place}." if place else ""
    given = json.dumps(error.instance, default=str)
    match error.validator:
        case "additionalProperties":
            valid = sorted(error.schema.get("properties", {}))
            patterns = tuple(error.schema.get("patternProperties", ()))
            for key in sorted(set(map(str, error.instance)) - set(valid)):
                if patterns:
                    yield f"{inside}{key}: expected a name of the form {patterns[0]}"
                    continue
                close = difflib.get_close_matches(key, valid, n=1, cutoff=0.6)
                hint = f"; did you mean {inside}{close[0]}?" if close else ""
                yield f"{inside}{key}: no such key{hint} Allowed here: {', '.join(valid)}"
        case "required":
            for key in sorted(set(error.validator_value) - set(error.instance)):
                yield f"{inside}{key}: missing"
        case "type":
            kinds = (
                error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            )
            yield f"{place}: expected {' or '.join(NAMES[kind] for kind in kinds)}{_range(error.schema)}, given {given}"
        case "enum":
            close = difflib.get_close_matches(
                str(error.instance), list(map(str, error.validator_value)), n=1, cutoff=0.6
            )
            yield f"{place}: expected one of {', '.join(map(str, error.validator_value))}, given {given}" + (
                f"; did you mean {close[0]}?" if close else ""
            )
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield f"{place}: expected a number{_range(error.schema)}, given {given}"
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


def _contradictions(config):
    """What no schema of single keys can tell."""
    for name in config["train"]:
        if name not in config["models"]:
            close = difflib.get_close_matches(name, config["models"], n=1, cutoff=0.6)
            yield f"train: expected names of models ({', '.join(sorted(config['models']))}), given {name}" + (
                f"; did you mean {close[0]}?" if close else ""
            )
    mel = config["spectrogram"]
    if not mel["fmin"] < mel["fmax"] <= config["crop"]["sample_rate"] / 2:
        yield f"spectrogram.fmax: expected more than fmin ({mel['fmin']}) and at most half of crop.sample_rate ({config['crop']['sample_rate'] / 2:g}), given {mel['fmax']}"
    if mel["n_fft"] > config["crop"]["window"] * config["crop"]["sample_rate"]:
        yield f"spectrogram.n_fft: expected at most the samples of crop.window, given {mel['n_fft']}"
    made = config["synthetic"]
    if made["min_snr"] > made["max_snr"]:
        yield f"synthetic.max_snr: expected at least min_snr ({made['min_snr']}), given {made['max_snr']}"
    yield from _noise(config["augment"]["chain"], "augment.chain")


def _noise(chain, place):
    for number, step in enumerate(chain):
        for name, options in step.items():
            here = f"{place}.{number}.{name}"
            if "min_snr" in options and options["min_snr"] > options["max_snr"]:
                yield f"{here}.max_snr: expected at least min_snr ({options['min_snr']}), given {options['max_snr']}"
            yield from _noise(options.get("transforms", []), f"{here}.transforms")


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
