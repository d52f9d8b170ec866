import copy
import json
from pathlib import Path

import pytest
import yaml

from understory.core import choices
from understory.core.errors import InputError
from understory.data import source
from understory.plan import config as configuration
from understory.plan import config_checks
from understory.training import fit, models

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text())
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def merged(base, over):
    out = dict(base)
    for key, value in over.items():
        out[key] = (
            merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        )
    return out


def test_recipes_are_named_like_their_results():
    for path in (ROOT / "recipes").glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["name"] == path.stem


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("synthetic", "synthetic"),
        ("some/folder", "some/folder"),
        ("https://me:secret@host.example/a.zip?key=secret", "https://host.example/a.zip?…"),
    ],
)
def test_what_concerns_the_run_is_shown_and_where_data_lie_is_not_tracked(data, shown):
    config = configuration.checked(merged(CONFIG, {"data": data}), SCHEMA)
    effective = configuration.effective(config)
    assert list(effective["models"]) == CONFIG["train"]
    assert ("synthetic" in effective) == (data == "synthetic")
    text = configuration.as_text(effective)
    assert yaml.safe_load(text.text) == {**effective, "data": shown}
    assert "secret" not in text.text
    # As Snakemake compares it.
    assert repr(text) == "Text"
    assert text == {}
    tracked = configuration.tracked(effective)
    assert not {"data", "data_sha256"} & set(tracked)
    assert "clips" not in tracked.get("synthetic", {})
    assert {"max_quarantined", "on_bad_file", "crop", "augment"} <= set(tracked)


def test_null_may_come_as_text():
    """As it does from the command line."""
    over = {"name": "null", "data_sha256": "null", "synthetic": {"clips": "null"}}
    found = configuration.checked(merged(CONFIG, over), SCHEMA)
    assert (found["name"], found["data_sha256"], found["synthetic"]["clips"]) == ("null", None, None)


def refused(**over):
    with pytest.raises(InputError) as raised:
        configuration.checked(merged(CONFIG, over), SCHEMA)
    return str(raised.value)


@pytest.mark.parametrize("recipe", [None, *sorted(path.name for path in (ROOT / "recipes").glob("*.yaml"))])
def test_the_configuration_and_every_recipe_are_valid(recipe):
    over = yaml.safe_load((ROOT / "recipes" / recipe).read_text()) if recipe else {}
    configuration.checked(merged(CONFIG, over), SCHEMA)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"split": {"n_split": 3}}, "split.n_split: no such key; did you mean split.n_splits?"),
        (
            {"synthetic": {"clips": ""}},
            'synthetic.clips: expected a folder of sound clips that sing instead of arithmetic, or null, given ""',
        ),
        ({"name": "null", "data_sha256": "nil"}, "data_sha256: expected text of the form"),
        ({"sead": 1}, "sead: no such key; did you mean seed?"),
        ({"data": "s3://me:secret@bucket"}, "data: expected the address of an archive, such as https://host"),
        ({"data": "kaggle:a/b"}, "data: expected kaggle:COMPETITION"),
        ({"data_sha256": "12ab"}, "data_sha256: expected text of the form ^[0-9a-fA-F]{64}$, given"),
        (
            {"split": {"n_splits": 1}},
            "split.n_splits: expected a number at least 2 and at most 1000, given 1",
        ),
        (
            {"split": {"n_splits": 2.5}},
            "split.n_splits: expected a whole number at least 2 and at most 1000, given 2.5",
        ),
        (
            {"split": {"group": "recordings"}},
            'split.group: expected one of recording, none, given "recordings"; did you mean recording?',
        ),
        ({"crop": {"window": "ten"}}, 'crop.window: expected a number above 0 and at most 3600, given "ten"'),
        ({"crop": {"absent": 1}}, "crop.absent: expected true or false, given 1"),
        (
            {"augment": {"chain": [{"PitchShft": {}}]}},
            "augment.chain.0.PitchShft: no such key; did you mean augment.chain.0.PitchShift?",
        ),
        (
            {"augment": {"chain": [{"PitchShift": {}}]}},
            "augment.chain.0.PitchShift.max_steps: missing (Semitones)",
        ),
        (
            {"augment": {"chain": [{}]}},
            "augment.chain.0: expected exactly one name with its options, given {}",
        ),
        (
            {"augment": {"chain": [{"GaussianNoiseSNR": {"min_snr": 9, "max_snr": 3}}]}},
            "augment.chain.0.GaussianNoiseSNR.max_snr: expected at least min_snr (9), given 3",
        ),
        (
            {"features": {"log_mel": {"resize": [128]}}},
            "features.log_mel.resize: expected a list of 2, given [128]",
        ),
        (
            {"features": {"log_mel": {"fmax": 30000}}},
            "features.log_mel.fmax: expected more than fmin (84) and at most half of crop.sample_rate (24000), given 30000",
        ),
        (
            {"train": ["sed_cn"]},
            "train: expected names of models (resnet50, sed_cnn), given sed_cn; did you mean sed_cnn?",
        ),
        (
            {"train": []},
            "train: expected names of models, or [] where models_from names the run whose models predict, given [] without models_from",
        ),
        (
            {"models": {"sed_cnn": {"epochs": None}}},
            "models.sed_cnn.epochs: expected a whole number at least 1",
        ),
        ({"models": {"mine": {"architecture": "sed_cnn"}}}, "models.mine.batch_size: missing (Examples)"),
        ({"name": "../up"}, "name: expected text of the form"),
        ({"dataset": "rfxc"}, "dataset: expected a module in scripts/understory/datasets/ (birdclef2021, "),
        ({"dataset": "rfxc"}, "given rfxc; did you mean rfcx?"),
        ({"dataset": "rfcx_replica"}, "rsna_miccai), given rfcx_replica"),
        ({"dataset": "os.path"}, "dataset: expected text of the form"),
        (
            {"synthetic": {"background": ["rain"]}},
            "synthetic.background: expected no classes without synthetic.clips, given rain",
        ),
        (
            {"synthetic": {"clips": "clips", "background": ["rain", "rain"]}},
            'synthetic.background: expected each item once, given ["rain", "rain"]',
        ),
        ({"synthetic": {"clips": 3}}, "synthetic.clips: expected text or null, given 3"),
        ({"split": {"n_splits": "3"}}, 'given "3"; in a file, write 3: YAML'),
        (
            {"features": {"log_mel": {"hop": 4096}}},
            "features.log_mel.hop: expected at most n_fft (2048), given 4096",
        ),
        (
            {"images": {"slices": {"start": 0.75}}},
            "images.slices.stop: expected more than start (0.75), given 0.75",
        ),
    ],
)
def test_errors_name_the_key_what_is_allowed_and_what_was_given(over, said):
    assert said in refused(**over)


@pytest.mark.parametrize(
    ("model", "over", "said"),
    [
        (
            "sed_cnn",
            {"loss": {"name": "categorical_crossentropy"}},
            "loss.unknown_weight: categorical_crossentropy takes label_smoothing, given 0.3; null takes it back",
        ),
        (
            "sed_cnn",
            {"loss": {"label_smoothing": 0.1}},
            "loss.label_smoothing: binary_crossentropy takes unknown_weight, given 0.1",
        ),
        (
            "sed_cnn",
            {"schedule": {"name": "exponential", "warmup": None}},
            "schedule.decay_rate: missing, exponential needs it",
        ),
        (
            "sed_cnn",
            {"optimiser": {"momentum": 0.9}},
            "optimiser.momentum: adam takes learning_rate, given 0.9",
        ),
        ("resnet50", {"options": {"dense": 3}}, "options.dense: resnet50 takes no options, given 3"),
        (
            "sed_cnn",
            {"optimiser": {"learning_rate": float("nan")}},
            "optimiser.learning_rate: expected a finite number, given nan",
        ),
    ],
)
def test_options_of_another_choice_are_refused(model, over, said):
    assert f"models.{model}.{said}" in refused(models={model: over})


def test_what_config_yaml_gives_can_be_taken_back():
    over = {"models": {"sed_cnn": {"loss": {"name": "categorical_crossentropy", "unknown_weight": None}}}}
    model = configuration.checked(merged(CONFIG, over), SCHEMA)["models"]["sed_cnn"]
    assert model["loss"] == {"name": "categorical_crossentropy"}
    assert model["schedule"] == {"name": "cosine", "warmup": 0.1}


def test_every_option_is_one_that_the_library_takes():
    """The table of options holds no more than the code takes, and needs no less than it needs."""
    values = {
        "unknown_weight": 0.5,
        "label_smoothing": 0.1,
        "learning_rate": 0.1,
        "weight_decay": 0.1,
        "momentum": 0.1,
    }
    values |= {
        "warmup": 0.1,
        "decay_rate": 0.9,
        "decay_steps": 3,
        "staircase": True,
        "dense": 4,
        "dropout": 0.1,
        "filters": [2, 2],
        "outputs": "sigmoid",
        "scaling": "imagenet",
    }
    for key in ("loss", "optimiser", "schedule", "options"):
        for choice, (takes, needs) in config_checks.TAKES[key].items():
            for options in (takes, needs):
                block = {option: values[option] for option in options}
                named = {"name": choice, **block}
                if key == "loss":
                    fit.loss_and_targets(named)
                elif key == "options":
                    models.build(choice, (64, 64, 3), 2, block)
                elif key == "optimiser":
                    fit.optimiser({"optimiser": named, "schedule": {"name": "constant"}}, 10)
                else:
                    fit.optimiser(
                        {"optimiser": {"name": "adam", "learning_rate": 0.1}, "schedule": named}, 10
                    )


def test_a_name_that_is_a_number_is_refused():
    assert "models.50: expected a name in text, given 50" in refused(models={50: CONFIG["models"]["sed_cnn"]})


def test_one_bad_name_is_no_fault_of_the_others():
    message = refused(models={"My CNN": CONFIG["models"]["sed_cnn"]})
    assert "models.My CNN: expected a name of the form" in message
    assert "models.sed_cnn" not in message


def test_each_missing_key_is_said_once():
    message = refused(models={"mine": {"architecture": "sed_cnn"}})
    assert message.count("models.mine.epochs: missing (Passes over the training examples)") == 1
    assert message.count("\n") == 9


def test_all_that_is_wrong_is_said_at_once():
    message = refused(sead=1, split={"n_splits": 0}, crop={"window": -1})
    assert message.count("\n") == 3


def test_numbers_have_the_type_of_their_schema():
    one = configuration.checked(merged(CONFIG, {"crop": {"window": 5}, "split": {"n_splits": 4.0}}), SCHEMA)
    two = configuration.checked(merged(CONFIG, {"crop": {"window": 5.0}, "split": {"n_splits": 4}}), SCHEMA)
    assert repr(one) == repr(two)
    assert isinstance(one["crop"]["window"], float)
    assert isinstance(one["split"]["n_splits"], int)
    noise = one["augment"]["chain"][0]["OneOf"]["transforms"][0]["GaussianNoiseSNR"]
    assert isinstance(noise["min_snr"], float)


def walk(schema):
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from walk(value)


def test_the_schema_is_closed_and_describes_every_value():
    for node in walk(SCHEMA):
        if node.get("type") == "object":
            assert node.get("additionalProperties") is False, node
        kinds = node["type"] if isinstance(node.get("type"), list) else [node.get("type")]
        if {"integer", "number", "string", "boolean"} & set(kinds):
            assert node.get("description"), node


def test_the_schema_knows_what_the_code_offers():
    named = set(SCHEMA["$defs"]["transform"]["properties"])
    assert named == {name for names in config_checks.TRANSFORMS.values() for name in names}
    for medium, names in config_checks.TRANSFORMS.items():
        modules = set(map(choices.module_name, set(names) - {"Compose", "OneOf"}))
        assert modules == set(choices.names(f"understory.{medium}.transforms"))
        assert set(config_checks.KINDS[medium]) == set(choices.names(f"understory.{medium}.features"))
    model = next(iter(SCHEMA["properties"]["models"]["patternProperties"].values()))
    assert set(model["properties"]["architecture"]["enum"]) == set(choices.names(models.PACKAGE))


def test_every_reader_can_be_named():
    assert {"birdclef2021", "esc50", "herbarium2021", "rfcx", "rsna_miccai"} <= set(source.names())
    for name in source.names():
        assert source.reader(name).MEDIUM in config_checks.KINDS


def test_every_key_of_the_configuration_says_what_it_is():
    text = (ROOT / "config.yaml").read_text().splitlines()
    bare = [
        line
        for line in text
        if ":" in line
        and not line.lstrip().startswith("#")
        and not line.rstrip().endswith(":")
        and "#" not in line
    ]
    # The second model and a second transform repeat keys that are explained above them.
    explained = {line.split(":")[0].strip(" -") for line in text if "#" in line}
    assert [line for line in bare if line.split(":")[0].strip(" -") not in explained | {"options"}] == []


def test_a_copy_is_checked_and_the_original_is_left_alone():
    before = copy.deepcopy(CONFIG)
    configuration.checked(CONFIG, SCHEMA)
    assert before == CONFIG
