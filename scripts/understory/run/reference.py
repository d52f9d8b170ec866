"""Write the schema of the configuration, for editors, and its reference page, from the description that plans are checked by.

python -m understory.run.reference [FOLDER]
"""

import json
import sys
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from understory.plan import choice_options
from understory.plan.config_block import expected, node, plain
from understory.plan.config_model import Configuration
from understory.plan.model_config import Model

SCHEMA = "schemas/config.schema.json"
PAGE = "docs/configuration.md"
INTRODUCTION = """# Configuration

Every key of the configuration, with its type, unit, bounds, default and meaning. `make reference` writes this page and
[`schemas/config.schema.json`](../schemas/config.schema.json) from the code; edit neither by hand.

[`config.yaml`](../config.yaml) is read first and holds the keys that are changed most. Files after `--configfile` and
values after `--config` go over it: blocks are merged key by key, lists are replaced. A key that is in none of them has the
default that is given here. `null` takes back an option that another file gives to a choice. Numbers may be written as
`5`, `5.0`, `1e-5` or `"5"`, and nested values may be given on the command line:

    snakemake --cores all --config 'models={sed_cnn: {epochs: 20, optimiser: {learning_rate: 1e-3}}}' name=longer

Everything that is wrong is reported at once, before any job: the key, what was expected, what was given and the closest
valid key.
"""
# The sections of choices: heading, introduction, and their blocks by name.
SECTIONS = (
    (
        "Architectures",
        "`models.NAME.architecture`, with its options in `models.NAME.options`.",
        "architecture",
    ),
    ("Augmentations", "`models.NAME.augment`, each `NAME: {option: value}`.", "augmentation"),
    ("Losses", "`models.NAME.loss`, with the loss's `name`.", "loss"),
    ("Optimisers", "`models.NAME.optimiser`, with the optimiser's `name`.", "optimiser"),
    ("Schedules of the learning rate", "`models.NAME.schedule`, with the schedule's `name`.", "schedule"),
    ("Features of audio", "`features.NAME`, with the features' `kind`.", "features of audio"),
    ("Features of images", "`features.NAME`, with the features' `kind`.", "features of images"),
    ("Transforms of audio", "`augment.chain`, each `NAME: {option: value}`.", "transform of audio"),
    ("Transforms of images", "`augment.chain`, each `NAME: {option: value}`.", "transform of images"),
)


def blocks(kind: str) -> dict:
    """The options of each choice of a kind, by name."""
    return {name: choice_options.block(kind, name) for name in choice_options.names(kind)}


def page() -> str:
    """The reference page, in Markdown."""
    root = Configuration.model_json_schema()
    tops = [key for key in root["properties"] if "properties" not in node(root, [key])]
    lines = [INTRODUCTION, "## Keys at the top level", "", *_table(root, [[key] for key in tops])]
    for key in root["properties"]:
        if key not in tops:
            lines += [f"## {key}", "", node(root, [key])["description"], "", *_table(root, [[key]])]
    lines += _block("## models.NAME", Model)
    for heading, introduction, kind in SECTIONS:
        lines += [f"## {heading}", "", introduction, ""]
        for name, block in blocks(kind).items():
            lines += _block(f"### {name}", block)
    return "\n".join(lines).rstrip() + "\n"


def _block(heading, block):
    root = block.model_json_schema()
    table = _table(root, [[key] for key in root["properties"]]) if root["properties"] else ["No options.", ""]
    return [heading, "", root.get("description", ""), "", *table]


def _table(root, paths):
    """A table of the keys at some paths, and of those in their blocks."""
    rows = [row for path in paths for row in _rows(root, path)]
    heading = ("key", "type and bounds", "unit", "default", "meaning")
    columns = [number for number in range(len(heading)) if any(row[number] for row in rows)]
    table = [heading, ["---"] * len(heading), *rows]
    return [*(f"| {' | '.join(row[number] for number in columns)} |" for row in table), ""]


def _rows(root, path):
    schema, block = node(root, path), node(root, path[:-1])
    if "properties" in schema:
        return [row for key in schema["properties"] for row in _rows(root, [*path, key])]
    key = path[-1]
    default = (
        "required" if key in block.get("required", []) else _code(_value(block["properties"][key]["default"]))
    )
    cells = (
        _code(".".join(path)),
        _type(schema),
        schema.get("unit", ""),
        default,
        schema.get("description", ""),
    )
    return [[cell.replace("|", "/") for cell in cells]]


def _code(text):
    return f"`{text}`"


def _value(value):
    if isinstance(value, float):
        return plain(round(value, 6))
    return value if isinstance(value, str) else json.dumps(value)


def _type(schema):
    """The type and the bounds of a value, as a cell of a table."""
    said = expected(schema, _code)
    items = next((each["items"] for each in schema.get("anyOf", [schema]) if "items" in each), {})
    return f"{said} (each {expected(items)})" if items.get("type") in ("integer", "number") else said


class _Schema(GenerateJsonSchema):
    """Without titles, and closed where the names of keys follow a pattern."""

    def field_title_should_be_set(self, schema):
        return False

    def dict_schema(self, schema):
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made


def schema() -> dict:
    """The JSON schema of a whole configuration: config.yaml, with a recipe over it."""
    root = _options(Configuration)
    definitions = root["$defs"]
    model = definitions["Model"]
    for kind in ("loss", "optimiser", "schedule"):
        model["properties"][kind] |= _named("name", blocks(kind))
    networks = {name: _options(block) for name, block in blocks("architecture").items()}
    model["properties"]["architecture"]["enum"] = sorted(networks)
    model["allOf"] = [
        {
            "if": {"properties": {"architecture": {"const": name}}},
            "then": {"properties": {"options": _loose(options, networks.values())}},
        }
        for name, options in networks.items()
    ]
    features = blocks("features of audio") | blocks("features of images")
    pattern = next(iter(root["properties"]["features"]["patternProperties"]))
    root["properties"]["features"]["patternProperties"][pattern] = _named("kind", features)
    transforms = blocks("transform of audio") | blocks("transform of images")
    definitions["transform"] = _step(transforms)
    for name in choice_options.COMBINATIONS:
        items = definitions["transform"]["properties"][name]["properties"]["transforms"]
        items["items"] = {"$ref": "#/$defs/transform"}
    model["properties"]["augment"]["items"] = _step(blocks("augmentation"))
    definitions["Augment"]["properties"]["chain"]["items"] = {"$ref": "#/$defs/transform"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}


def _options(block):
    return block.model_json_schema(schema_generator=_Schema)


def _step(chosen):
    """The schema of a name with its options."""
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: _options(block) for name, block in chosen.items()},
    }


def _named(key, chosen):
    """The schema of a block with a choice's name and its options."""
    options = {name: _options(block) for name, block in chosen.items()}
    return {"oneOf": [_loose(each, options.values(), key, name) for name, each in options.items()]}


def _loose(own, others, key=None, name=None):
    """The options of a choice, where null stands for none: also for those that another choice has."""
    foreign = {option: {"type": "null"} for other in others for option in other["properties"]}
    optional = {
        option: schema if option in own.get("required", ()) else {"anyOf": [schema, {"type": "null"}]}
        for option, schema in own["properties"].items()
    }
    named = {key: {"const": name}} if key else {}
    required = [*named, *own.get("required", ())]
    return {**own, "properties": foreign | optional | named, "required": required}


def main(folder: Path):
    """Write both files below a folder."""
    (folder / SCHEMA).write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
