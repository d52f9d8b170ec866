"""A block of the configuration: typed keys, and messages that say the key, what was expected and what was given."""

import json
from contextlib import suppress
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from understory.core.text import did_you_mean

BlockName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
FolderName = Annotated[str, StringConstraints(pattern=r"^[^\s/.][^\s/]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]
# Of a list, in the schema.
UNIQUE = Field(json_schema_extra={"uniqueItems": True})


def key(default, description: str, *, unit: str | None = None, **bounds):
    """A key of the configuration; `...` for a default where it has to be given."""
    return Field(
        default, description=description, json_schema_extra={"unit": unit} if unit else None, **bounds
    )


def kinds(annotation) -> set:
    """The plain types of an annotation, such as `int`, `list`, `Literal` and `NoneType`."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(kinds, get_args(annotation)))
    return {get_origin(annotation) or annotation}


class Block(BaseModel):
    """A block of keys. Numbers may be given as text, as YAML reads `1e-5` and the command line gives what is in a block."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        json_schema_extra=lambda schema: schema.pop("title"),
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_):
        cls._kinds = {name: kinds(field.annotation) for name, field in cls.model_fields.items()}

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value, info):
        """The value, with what the command line cannot say taken from text."""
        allowed = cls._kinds[info.field_name]
        if value == "null" and type(None) in allowed:
            return None
        if isinstance(value, str) and list in allowed and str not in allowed:
            return [value]
        if isinstance(value, str) and int in allowed and not {float, str} & allowed:
            with suppress(ValueError, OverflowError):
                value = int(number) if (number := float(value)).is_integer() else value
        if bool in allowed:
            value = (
                {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
            )
            if not isinstance(value, bool) and (value is not None or type(None) not in allowed):
                raise PydanticCustomError("bool_type", "not true or false")
        elif isinstance(value, bool) or (isinstance(value, list) and any(isinstance(v, bool) for v in value)):
            # Which pydantic would take for a number.
            raise PydanticCustomError("bool_given", "true or false")
        return value


def validated(block: type[Block], values, place: str = "") -> tuple[Block | None, dict[str, str]]:
    """The block with typed values, or None; and by key what is wrong, in one line each.

    Parameters
    ----------
    block : type
    values
        As YAML or the command line gives them.
    place : str
        Dotted key of the block in the configuration.
    """
    try:
        return block.model_validate(values), {}
    except ValidationError as error:
        root = block.model_json_schema()
        # Of several errors of one key, such as those of a list's items, the first is enough.
        lines = {}
        for each in error.errors(include_url=False):
            where, line = _line(each, root, place)
            lines.setdefault(where, line)
        return None, lines


def shown(value) -> str:
    """A given value as a message shows it."""
    try:
        return json.dumps(value, default=str)
    except TypeError:  # YAML has keys that JSON has not, such as dates
        return str(value)


def plain(number: float) -> str:
    """A number as a person writes it: 5 for 5.0."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _line(error, root, place):
    """The key that an error is about, and a line that says what is wrong."""
    path = _path(error["loc"], root)
    where = ".".join(map(str, [place, *path] if place else path))
    given, kind = error["input"], error["type"]
    above = node(root, path[:-1])
    if error["loc"][-1:] == ("[key]",) and kind == "string_pattern_mismatch":
        return where, f"{where}: expected a name of the form {next(iter(above['patternProperties']))}"
    if error["loc"][-1:] == ("[key]",) and kind == "literal_error":
        return where, f"{where}: no such key. Allowed here: {error['ctx']['expected'].replace(chr(39), '')}"
    if error["loc"][-1:] == ("[key]",) or kind == "invalid_key":
        return where, f"{where}: expected a name in text, given {path[-1]}"
    if kind == "extra_forbidden":
        valid = sorted(above["properties"])
        outer = where.rpartition(".")[0]
        hint = (
            _nested(path[-1], given, valid)
            or did_you_mean(path[-1], valid, f"{outer}." if outer else "")
            or "."
        )
        return where, f"{where}: no such key{hint} Allowed here: {', '.join(valid) or 'no keys'}"
    wanted = node(root, path)
    if kind == "finite_number" and isinstance(given, float):
        return where, f"{where}: expected a finite number, given {given}"
    if kind == "missing":
        return where, f"{where}: missing ({wanted.get('description', 'a block of keys')})"
    hint = ""
    if kind == "literal_error":
        hint = did_you_mean(given, (word for each in _nullable(wanted)[0] for word in _words(each)))
    elif kind == "string_too_short":
        hint = f" ({wanted['description']})" if "description" in wanted else ""
    elif kind == "repeated":
        return where, f"{where}: expected each item once, given {shown(given)}"
    return where, f"{where}: expected {expected(wanted)}, given {shown(given)}{hint}"


def _path(loc, root):
    """The keys of an error's place, without the name of an alternative that pydantic adds where a value has several."""
    path: list = []
    for key in loc:
        if len(_nullable(node(root, path))[0]) > 1:
            break
        path += [key] if key != "[key]" else []
    return path


def _nested(name, value, valid):
    """A hint where a key has the dotted name of one in a block."""
    block, _, rest = str(name).partition(".")
    if not rest or block not in valid:
        return ""
    keys = [block, *rest.split(".")]
    return f"; a key in a block is written {': {'.join(keys)}: {shown(value)}{'}' * (len(keys) - 1)}."


def node(root: dict, path) -> dict:
    """The part of a JSON schema that describes the value at a path; {} where there is none."""
    here = root
    for key in (*path, None):
        while "$ref" in here or "anyOf" in here:
            description = {k: v for k, v in here.items() if k not in ("$ref", "anyOf", "default")}
            if "$ref" in here:
                here = {**root["$defs"][here["$ref"].rsplit("/", 1)[1]], **description}
            elif key is None:
                return here
            else:
                here = next(each for each in here["anyOf"] if each.get("type") != "null")
        if key is None:
            return here
        if isinstance(key, int) and "items" in here:
            here = here["items"]
        else:
            patterns = here.get("patternProperties", {})
            here = here.get("properties", {}).get(key) or next(iter(patterns.values()), {})
    return here


def _nullable(schema):
    """The alternatives of a schema other than null, and whether null is one."""
    alternatives = schema.get("anyOf", [schema])
    others = [each for each in alternatives if each.get("type") != "null"]
    return others, len(others) < len(alternatives)


def _words(schema):
    return schema.get("enum", [schema["const"]] if "const" in schema else [])


NAMES = {
    "object": "a block of keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def expected(schema: dict, code=str) -> str:
    """What a JSON schema of one value allows, in words that follow "expected"; `code` marks what is written literally."""
    alternatives, null = _nullable(schema)
    return " or ".join(_expected(each, code) for each in alternatives) + (" or null" if null else "")


def _expected(schema, code):
    if words := _words(schema):
        return code(words[0]) if len(words) == 1 else f"one of {', '.join(map(code, words))}"
    said = NAMES.get(schema.get("type"), "a value")
    if bounds := [f"{word} {plain(schema[key])}" for key, word in BOUNDS.items() if key in schema]:
        said += f" {' and '.join(bounds)}"
    if "pattern" in schema:
        said += f" of the form {code(schema['pattern'])}"
    if schema.get("minLength"):
        said += " that is not empty"
    if schema.get("type") == "array":
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if low or high:
            said += f" of {_count(low, high)}"
    if schema.get("maxProperties") == 1:
        said = "exactly one name with its options"
    return said


def _count(low, high):
    if low == high:
        return str(low)
    if high is None:
        return f"at least {low}"
    return f"{low} to {high}" if low else f"at most {high}"
