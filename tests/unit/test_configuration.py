import copy
import datetime
import json
import re
from pathlib import Path

import hypothesis.strategies as st
import jsonschema
import pytest
import yaml
from hypothesis import given
from snakemake.cli import parse_config
from snakemake.utils import update_config

from understory.core import choices
from understory.core.errors import InputError
from understory.core.hashing import ordered
from understory.data import source
from understory.plan import choice_options, code_digests, config_model, model_config
from understory.plan import config as configuration
from understory.plan.checks import contradictions
from understory.run import reference
from understory.training import models

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text())
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
RECIPES = [None, *sorted(path.name for path in (ROOT / "recipes").glob("*.yaml"))]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
ARCHITECTURES = ", ".join(choices.names(models.PACKAGE))


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
    config = configuration.checked(merged(CONFIG, {"data": data}))
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
    found = configuration.checked(merged(CONFIG, over))
    assert (found["name"], found["data_sha256"], found["synthetic"]["clips"]) == ("null", None, None)


def refused(**over):
    with pytest.raises(InputError) as raised:
        configuration.checked(merged(CONFIG, over))
    return str(raised.value)


def with_recipe(recipe, base=CONFIG):
    over = yaml.safe_load((ROOT / "recipes" / recipe).read_text()) if recipe else {}
    return merged(base, over)


@pytest.mark.parametrize(
    ("recipe", "over", "said"),
    [
        (
            "esc10.yaml",
            {"models": {"residual_cnn": {"loss": {"name": loss}}}},
            f"models.residual_cnn.options.outputs: expected sigmoid with loss {loss}, as several labels",
        )
        for loss in ("binary_crossentropy", "focal")
    ]
    + [
        (
            "esc10.yaml",
            {"models": {"residual_cnn": {"mixup_labels": "union"}}},
            "models.residual_cnn.mixup_labels: expected shares with loss categorical_crossentropy",
        ),
        (
            None,
            {"models": {"sed_cnn": {"init_from": {"frozen": 5}}}},
            "models.sed_cnn.init_from: expected run, the folder of a finished run, or weights, a file",
        ),
        (
            None,
            {"models": {"sed_cnn": {"init_from": {"model": "net", "weights": "a.h5"}}}},
            "models.sed_cnn.init_from.run: expected the folder of a finished run, as model is given",
        ),
        (
            None,
            {"models": {"sed_cnn": {"init_from": {"run": "results/a", "weights": "a.h5"}}}},
            "models.sed_cnn.init_from: expected either run or weights, given both",
        ),
        (
            None,
            {"models": {"sed_cnn": {"init_from": {"weights": "a.h5"}}}},
            "models.sed_cnn.init_from.weights: expected an architecture with a network of keras.applications "
            "(convnext_tiny, efficientnetv2b0), given sed_cnn",
        ),
        (
            "rsna_miccai.yaml",
            {"features": {"brain": {"scale": "none"}}},
            "features.brain.scale: expected max, percentile or window, as slices have 16 bits, given none",
        ),
        (
            "rsna_miccai.yaml",
            {"features": {"brain": {"channels": ["T1w", "T9"]}}},
            "features.brain.channels: expected some of images.sequences (",
        ),
        (
            "rsna_miccai.yaml",
            {"images": {"sequences": []}},
            "images.sequences: expected names of sequences, as recordings of dataset rsna_miccai are studies, given none",
        ),
        (
            "rsna_miccai.yaml",
            {"ensemble": {"prior_power": -0.5}},
            "ensemble.prior_power: expected 0, as dataset rsna_miccai is scored by recording",
        ),
        (
            "herbarium2021.yaml",
            {"images": {"sequences": ["T1w"]}},
            "images.sequences: expected none, as recordings of dataset herbarium2021 are photographs, given T1w",
        ),
        (
            "herbarium2021.yaml",
            {"features": {"photo": {"scale": "window"}}},
            "features.photo.scale: expected max, percentile or none, as photographs have no window",
        ),
    ],
)
def test_what_only_a_job_would_have_found_is_said_before_any(recipe, over, said):
    with pytest.raises(InputError) as raised:
        configuration.checked(merged(with_recipe(recipe), over))
    assert said in str(raised.value)


def test_outputs_that_an_architecture_has_by_default_have_to_go_with_the_loss():
    config = with_recipe("esc10.yaml")
    config["models"]["residual_cnn"] |= {
        "architecture": "acdnet",
        "options": {},
        "loss": {"name": "binary_crossentropy"},
    }
    with pytest.raises(InputError, match=r"options\.outputs: expected sigmoid with loss binary_crossentropy"):
        configuration.checked(config)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_configuration_and_every_recipe_are_valid(recipe):
    """By the schema that editors use as well, as they are written and as they are completed."""
    config = with_recipe(recipe)
    VALIDATOR.validate(config)
    VALIDATOR.validate(ordered(configuration.checked(config)))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_former_configuration_gives_the_same_run(recipe):
    """In it, config.yaml held every key, and the model of rfcx_notebook. The number of shards changes no result."""
    former = yaml.safe_load(Path(__file__).with_name("former_config.yaml").read_text())
    former["shards"] = CONFIG["shards"]
    before, now = (configuration.checked(with_recipe(recipe, base)) for base in (former, CONFIG))
    assert repr(ordered(configuration.effective(now))) == repr(ordered(configuration.effective(before)))


@pytest.mark.parametrize(("value", "allowed"), [(False, True), (None, True), ("false", True), (True, False)])
def test_a_switch_that_did_nothing_is_gone(value, allowed):
    changed = merged(CONFIG, {"models": {"sed_cnn": {"xla": value}}})
    if allowed:
        assert configuration.checked(changed) == configuration.checked(CONFIG)
    else:
        with pytest.raises(
            InputError, match=r"models\.sed_cnn\.xla: models no longer have this key, .* leave it out"
        ):
            configuration.checked(changed)


def test_a_model_that_left_config_yaml_is_found_in_its_recipe():
    assert "given resnet50; recipes/rfcx_notebook.yaml has a model of this name" in refused(
        train=["resnet50"]
    )
    message = refused(models={"resnet50": {"epochs": 3}})
    assert (
        "resnet50: config.yaml no longer has this model; copy it from recipes/rfcx_notebook.yaml" in message
    )


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"split": {"n_split": 3}}, "split.n_split: no such key; did you mean split.n_splits?"),
        (
            {"synthetic": {"clips": ""}},
            'synthetic.clips: expected text that is not empty or null, given "" (Folder of sound clips that the events are built',
        ),
        ({"name": "null", "data_sha256": "nil"}, "data_sha256: expected text of the form"),
        ({"sead": 1}, "sead: no such key; did you mean seed?"),
        ({"data": "s3://me:secret@bucket"}, "data: expected the address of an archive, such as https://host"),
        ({"data": "kaggle:a/b"}, "data: expected kaggle:COMPETITION"),
        ({"data_sha256": "12ab"}, "data_sha256: expected text of the form ^[0-9a-fA-F]{64}$ or null, given"),
        (
            {"split": {"n_splits": 1}},
            "split.n_splits: expected a whole number at least 2 and at most 1000, given 1",
        ),
        (
            {"split": {"n_splits": 2.5}},
            "split.n_splits: expected a whole number at least 2 and at most 1000, given 2.5",
        ),
        (
            {"split": {"group": "recordings"}},
            'split.group: expected one of recording, none, given "recordings"; did you mean recording?',
        ),
        (
            {"models.sed_cnn.epochs": 5},
            "models.sed_cnn.epochs: no such key; a key in a block is written models: {sed_cnn: {epochs: 5}}.",
        ),
        ({"crop": {"window": "ten"}}, 'crop.window: expected a number above 0 and at most 3600, given "ten"'),
        (
            {"pseudo_labels": {"high": 0.1}},
            "pseudo_labels.low: expected less than high (0.1), given 0.1",
        ),
        (
            {"pseudo_labels": {"rounds": 1}, "split": {"group": "none"}},
            "split.group: expected recording with pseudo_labels.rounds, as a fold's model may know nothing of",
        ),
        (
            {
                "pseudo_labels": {"rounds": 1},
                "models": {"sed_cnn": {"loss": {"name": "categorical_crossentropy", "unknown_weight": None}}},
            },
            "models.sed_cnn.loss.name: expected a loss of labels with pseudo_labels.rounds, given categorical_crossentropy",
        ),
        (
            {"pseudo_labels": {"rounds": 1}, "augment": {"random_crop": True}},
            "augment.random_crop: expected false with pseudo_labels.rounds, as pseudo-labels are of the window of an example, given true",
        ),
        (
            {"dataset": "herbarium2021", "augment": {"random_crop": True}},
            "augment.random_crop: expected false, as dataset herbarium2021 has images and no windows, given true",
        ),
        ({"crop": {"absent": 1}}, "crop.absent: expected true or false, given 1"),
        (
            {"augment": {"chain": [{"PitchShft": {}}]}},
            "augment.chain.0.PitchShft: no such transform; did you mean PitchShift? Expected one of ColourJitter, Compose, ",
        ),
        (
            {"augment": {"chain": [{"PitchShift": {}}]}},
            "augment.chain.0.PitchShift.max_steps: missing, PitchShift needs it",
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
            "features.log_mel.resize: expected a list of 2 or null, given [128]",
        ),
        (
            {"features": {"log_mel": {"fmax": 30000}}},
            "features.log_mel.fmax: expected more than fmin (84) and at most half of crop.sample_rate (24000), given 30000",
        ),
        (
            {"train": ["sed_cn"]},
            "train: expected names of models (sed_cnn), given sed_cn; did you mean sed_cnn?",
        ),
        (
            {"detect": {"smoothing": 4}},
            "detect.smoothing: expected an odd number of windows, given 4",
        ),
        (
            {"detect": {"low": 0}},
            "detect.low: expected a number above 0 and at most 1, given 0",
        ),
        (
            {"train": []},
            "train: expected names of models, or [] where models_from names the run whose models predict, given [] without models_from",
        ),
        (
            {"models": {"sed_cnn": {"epochs": None}}},
            "models.sed_cnn.epochs: expected a whole number at least 1",
        ),
        (
            {"models": {"mine": {"architecture": "sed_cnn"}}},
            "models.mine.batch_size: missing (Examples in a training step)",
        ),
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
        ({"synthetic": {"clips": 3}}, "synthetic.clips: expected text that is not empty or null, given 3"),
        (
            {"split": {"n_splits": "three"}},
            'expected a whole number at least 2 and at most 1000, given "three"',
        ),
        (
            {"split": {"n_splits": True}},
            "split.n_splits: expected a whole number at least 2 and at most 1000, given true",
        ),
        (
            {"models": {"sed_cnn": {"epochs": True}}},
            "models.sed_cnn.epochs: expected a whole number at least 1 and at most 100000, given true",
        ),
        (
            {"models": {"sed_cnn": {"options": {"filters": [True]}}}},
            "models.sed_cnn.options.filters: expected a list of 1 to 6, given [true]",
        ),
        (
            {"ensemble": {"prior_power": "fit"}},
            'ensemble.prior_power: expected a number at least -2 and at most 2 or fitted, given "fit"',
        ),
        ({"name": 2021}, "name: expected text of the form ^[A-Za-z0-9][A-Za-z0-9_.-]*$, given 2021"),
        (
            {"augment": {"chain": [{"OneOf": {"transforms": [{"TimeShift": {"max_shift": -1}}]}}]}},
            "augment.chain.0.OneOf.transforms.0.TimeShift.max_shift: expected a number at least 0",
        ),
        (
            {"models": {"sed_cnn": {"architecture": "sed_cn"}}},
            f'models.sed_cnn.architecture: expected one of {ARCHITECTURES}, given "sed_cn"; did you mean sed_cnn?',
        ),
        (
            {"models": {"sed_cnn": {"options": {"filters": ["x"]}}}},
            'models.sed_cnn.options.filters.0: expected a whole number at least 1 and at most 4096, given "x"',
        ),
        (
            {"features": {"log_mel": {"kind": "log_mal"}}},
            'features.log_mel.kind: expected one of embedding, fft_frames, log_mel, picture, waveform, given "log_mal"; did you mean log_mel?',
        ),
        (
            {
                "augment": {"chain": [{"SpectralPitchShift": {"max_steps": 2}}]},
                "features": {"rows": {"kind": "fft_frames", "frames": 10}},
                "models": {"sed_cnn": {"features": "rows"}},
            },
            "models.sed_cnn.features: expected features of kind log_mel, which SpectralPitchShift in augment.chain shifts, "
            "given rows, of kind fft_frames",
        ),
        (
            {"features": {"new": {}}},
            "features.new.kind: missing (one of embedding, fft_frames, log_mel, picture, waveform)",
        ),
        (
            {"models": {"sed_cnn": {"mixup": 0.4, "mixup_of": "power"}}},
            "models.sed_cnn.mixup_of: expected values, or features in dB of power (kind log_mel, scale power_db, normalise none), "
            "given power of normalise min_max",
        ),
        (
            {
                "features": {"rows": {"kind": "fft_frames", "frames": 10}},
                "models": {"sed_cnn": {"features": "rows", "mixup": 0.4, "mixup_of": "power"}},
            },
            "normalise none), given power of kind fft_frames",
        ),
        (
            {
                "features": {"rows": {"kind": "fft_frames", "frames": 10}},
                "models": {"sed_cnn": {"features": "rows", "augment": [{"time_roll": {}}]}},
            },
            "models.sed_cnn.augment.0.time_roll: expected features of bands and frames, such as log_mel, given kind fft_frames",
        ),
        (
            {
                "features": {"rows": {"kind": "fft_frames", "frames": 10}},
                "models": {"sed_cnn": {"features": "rows", "shifts": 4}},
            },
            "models.sed_cnn.shifts: expected 1, as features of kind fft_frames have no frames, given 4",
        ),
        (
            {
                "features": {"photo": {"kind": "picture", "size": [32, 32], "fit": "pad"}},
                "models": {"sed_cnn": {"features": "photo", "shifts": 4}},
            },
            "models.sed_cnn.shifts: expected 1, as features of kind picture have no frames, given 4",
        ),
        (
            {"models": {"sed_cnn": {"augment": [{"gain": {}}]}}},
            "models.sed_cnn.augment.0.gain: expected features in dB of power (kind log_mel, scale power_db, normalise none), given "
            "normalise min_max",
        ),
        ({"crop": None}, "crop: expected a block of keys, given null"),
        ({"augment": {"chain": {}}}, "augment.chain: expected a list, given {}"),
        (
            {"features": {"log_mel": {"n_fft": 2047}}},
            "features.log_mel.n_fft: expected an even number of samples, given 2047",
        ),
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
    "features", [{"kind": "fft_frames", "frames": 10}, {"kind": "embedding", "model": "m"}]
)
@pytest.mark.parametrize("name", ["frequency_mask", "frequency_shift", "time_mask", "time_roll"])
def test_what_changes_bands_or_frames_is_refused_for_features_that_have_none(name, features):
    said = refused(
        features={"rows": features}, models={"sed_cnn": {"features": "rows", "augment": [{name: {}}]}}
    )
    assert f"augment.0.{name}: expected features of bands and frames, such as log_mel, given kind" in said


def test_the_power_of_features_is_mixed_where_they_are_decibels_of_it():
    model = {"mixup": 0.4, "mixup_of": "power"}
    over = {"features": {"log_mel": {"normalise": "none"}}, "models": {"sed_cnn": model}}
    assert configuration.checked(merged(CONFIG, over))["models"]["sed_cnn"]["mixup_of"] == "power"
    # Where nothing is mixed, nothing is wrong.
    configuration.checked(merged(CONFIG, {"models": {"sed_cnn": {**model, "mixup": 0}}}))


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
            {"options": {"drop_out": 0.1}},
            "options.drop_out: sed_cnn takes average_frames, dense, downsampling, dropout, filters, given 0.1; did you mean dropout?",
        ),
        (
            "sed_cnn",
            {"loss": {"gamma": 2}},
            "loss.gamma: binary_crossentropy takes label_smoothing, unknown_weight, given 2",
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
        (
            "sed_cnn",
            {"architecture": "resnet50"},
            "options.dense: resnet50 takes no options, given 128; null takes it back",
        ),
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
    model = configuration.checked(merged(CONFIG, over))["models"]["sed_cnn"]
    assert model["loss"] == {"name": "categorical_crossentropy"}
    assert model["schedule"] == {"name": "cosine", "warmup": 0.1}


def test_features_are_completed_by_their_defaults_and_other_choices_are_left_as_they_are():
    """Models of former runs were trained with such settings, which decide on what reruns."""
    features = {"photo": {"kind": "picture", "size": [8, 8], "fit": "pad"}}
    config = configuration.checked(merged(CONFIG, {"features": features}))
    completed = {"channels": None, "crop_to_content": False, "oriented": True, "scale": "none"}
    assert config["features"]["photo"] == {**features["photo"], **completed}
    assert config["augment"]["chain"][1] == {"PitchShift": {"max_steps": 5}}
    assert config["models"]["sed_cnn"]["optimiser"] == {"name": "adam", "learning_rate": 0.003}


def places(value, place=()):
    """The path of every value in a configuration."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, key)
        if isinstance(each, (dict, list)):
            yield from places(each, (*place, key))


ODD = [
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    10**400,
    float("nan"),
    "",
    "null",
    "x",
    "9" * 5000,
    "Ünï",
    b"x",
    {},
    {"a": 1},
    {None: 1},
]
ODD += [
    datetime.date(2020, 1, 1),
    {datetime.date(2020, 1, 1): 1},
    {"name": ["x"]},
    {"name": "adam"},
    {"kind": {}},
    [],
    [1],
    [[]],
]
ODD += [
    [{}],
    [None],
    [{"OneOf": {"transforms": "x"}}],
    [{"OneOf": {"transforms": [3]}}],
    [{"PitchShift": None}],
]


@given(place=st.sampled_from([*places(CONFIG)]), value=st.sampled_from(ODD), keep=st.booleans())
def test_whatever_a_file_has_is_taken_or_refused_by_the_name_of_its_key(place, value, keep):
    config = copy.deepcopy(CONFIG)
    block = config
    for key in place[:-1]:
        block = block[key]
    if keep:
        block[place[-1]] = value
    else:
        del block[place[-1]]
    try:
        assert set(configuration.checked(config)) == set(config_model.Configuration.model_fields)
    except InputError as error:
        lines = str(error).splitlines()[1:]
        assert lines
        assert all(re.match(r"  [\w.]+(\(.*\))?: ", line) for line in lines), lines


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
    one = configuration.checked(merged(CONFIG, {"crop": {"window": 5}, "split": {"n_splits": 4.0}}))
    two = configuration.checked(merged(CONFIG, {"crop": {"window": 5.0}, "split": {"n_splits": 4}}))
    assert repr(one) == repr(two)
    assert isinstance(one["crop"]["window"], float)
    assert isinstance(one["split"]["n_splits"], int)
    noise = one["augment"]["chain"][0]["OneOf"]["transforms"][0]["GaussianNoiseSNR"]
    assert isinstance(noise["min_snr"], float)


def walk(schema, name=None):
    """Every part of a schema, with the name of the key that it describes."""
    if isinstance(schema, dict):
        yield name, schema
        for key, value in schema.items():
            for each in (
                value.items() if key in ("properties", "patternProperties", "$defs") else [(None, value)]
            ):
                yield from walk(each[1], each[0] if key == "properties" else None)
    elif isinstance(schema, list):
        for each in schema:
            yield from walk(each, name)


def test_the_schema_is_closed_and_describes_every_key():
    keys = 0
    for name, schema in walk(SCHEMA):
        if "properties" in schema and schema.get("type"):
            assert schema.get("additionalProperties") is False, schema
        if name and not {"$ref", "const"} & set(schema) and schema.get("type") != "null":
            described = [schema, *schema.get("anyOf", [])]
            assert any(
                each.get("description") or "properties" in each or "oneOf" in each for each in described
            ), (name, schema)
            keys += 1
    assert keys > 100


def test_every_reader_can_be_named():
    assert {"birdclef2021", "esc50", "herbarium2021", "rfcx", "rsna_miccai"} <= set(source.names())
    for name in source.names():
        assert choice_options.names(f"features of {source.reader(name).MEDIUM}")


def test_the_schema_and_the_reference_page_are_those_of_the_code(tmp_path):
    for name in (reference.SCHEMA, reference.PAGE):
        (tmp_path / name).parent.mkdir()
    reference.main(tmp_path)
    for name in (reference.SCHEMA, reference.PAGE):
        assert (ROOT / name).read_text() == (tmp_path / name).read_text(), "run `make reference`"


def test_the_reference_page_has_every_key_with_its_meaning():
    page = (ROOT / reference.PAGE).read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if len(row) < 4 or len(row[-1]) < 5] == []
    for key in {key for key, _ in walk(SCHEMA) if key}:
        assert re.search(rf"[`.]{key}[`.]|^##+ {key}$", page, flags=re.M), key
    for kind in choice_options.PLACES:
        for name in choice_options.names(kind):
            assert f"### {name}\n" in page


def test_config_yaml_gives_the_defaults():
    """So that what is left out of it is what it would say, but for what has no default that is of use to all."""
    defaults = config_model.Configuration(features={"x": {}}, models=CONFIG["models"], train=[]).model_dump()
    for key in set(CONFIG) - {"features", "models", "train"}:
        given, default = CONFIG[key], defaults[key]
        if isinstance(given, dict):
            given, default = (
                given | {"chain": []} if key == "augment" else given,
                {k: default[k] for k in given},
            )
        assert given == default, key


def test_optimisers_and_schedules_take_what_the_library_takes():
    values = {"learning_rate": 0.1, "weight_decay": 0.1, "momentum": 0.1, "warmup": 0.1}
    values |= {"decay_rate": 0.9, "decay_steps": 3, "staircase": True}
    for key, blocks in (("optimiser", model_config.OPTIMISERS), ("schedule", model_config.SCHEDULES)):
        for name, block in blocks.items():
            fields = block.model_fields
            for options in (fields, [option for option in fields if fields[option].is_required()]):
                settings = {
                    "optimiser": {"name": "adam", "learning_rate": 0.1},
                    "schedule": {"name": "constant"},
                    key: {"name": name, **{option: values[option] for option in options}},
                }
                assert models.optimiser(settings, 10) is not None


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["models={sed_cnn: {epochs: 11}}"], "models.sed_cnn.epochs", 11),
        (
            ["models={sed_cnn: {optimiser: {learning_rate: 1e-5}, options: {filters: [4, 8]}}}"],
            "models.sed_cnn.optimiser.learning_rate",
            1e-5,
        ),
        (["models={sed_cnn: {options: {filters: [4, 8]}}}"], "models.sed_cnn.options.filters", [4, 8]),
        (["models={sed_cnn: {copies: null}}"], "models.sed_cnn.copies", None),
        (["crop={absent: true}"], "crop.absent", True),
        (
            ["augment={chain: [{PitchShift: {max_steps: 3}}]}"],
            "augment.chain",
            [{"PitchShift": {"max_steps": 3}}],
        ),
        (["features={log_mel: {n_mels: 64, resize: [64, 100]}}"], "features.log_mel.resize", [64, 100]),
        (["crop={window: 5.5, absent: false}"], "crop.absent", False),
        (["crop={window: 5.5, absent: False}"], "crop.window", 5.5),
        (["ensemble={threshold: 0.5}"], "ensemble.threshold", 0.5),
        (["ensemble={threshold: null}"], "ensemble.threshold", None),
        (["ensemble={prior_power: -0.5}"], "ensemble.prior_power", -0.5),
        (["ensemble={prior_power: fitted}"], "ensemble.prior_power", "fitted"),
        (["ensemble={prior_power: 1}"], "ensemble.prior_power", 1.0),
        (["train=sed_cnn"], "train", ["sed_cnn"]),
        (["report={title: 5}"], "report.title", "5"),
    ],
)
def test_the_command_line_may_give_what_is_in_a_block(words, key, value):
    """Snakemake hands over text for all that is not at the top level."""
    config = copy.deepcopy(CONFIG)
    update_config(config, parse_config(words))
    found = configuration.checked(config)
    for part in key.split("."):
        found = found[part]
    assert repr(found) == repr(value)


def test_numbers_may_be_text_where_numbers_are_expected():
    """As PyYAML reads 1e-5, which has no decimal point."""
    model = yaml.safe_load('{epochs: "5", batch_size: "16.0", optimiser: {learning_rate: 1e-5}}')
    assert model["optimiser"]["learning_rate"] == "1e-5"
    over = {"models": {"sed_cnn": model}, "report": {"title": "5"}}
    found = configuration.checked(merged(CONFIG, over))
    model = found["models"]["sed_cnn"]
    assert (model["epochs"], model["batch_size"], model["optimiser"]["learning_rate"]) == (5, 16, 1e-5)
    assert found["report"]["title"] == "5"


@pytest.mark.parametrize("power", [0.5, "fitted"])
def test_ranks_have_no_odds_to_scale(power):
    said = f"ensemble.prior_power: expected 0 with ensemble.folds rank, .* given {power}"
    assert re.search(said, refused(ensemble={"folds": "rank", "prior_power": power}))
    assert configuration.checked(merged(CONFIG, {"ensemble": {"folds": "rank"}}))


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "", "5 000", "0x10"])
def test_other_text_is_no_number(text):
    assert "crop.window: expected a number above 0" in refused(crop={"window": text})


def test_a_key_that_comes_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("crop:\n  window: 5\n  hop: 1\n  window: 4\n")
    with pytest.raises(InputError, match=r"mine.yaml, line 4: window comes twice, first in line 2"):
        configuration.complete(CONFIG, [path])
    path.write_text('{"a": {"x": 1}, "b": {"x": 1}}')
    configuration.complete(CONFIG, [ROOT / "config.yaml", path, *(ROOT / "recipes").glob("*.yaml")])


def test_a_copy_is_checked_and_the_original_is_left_alone():
    before = copy.deepcopy(CONFIG)
    configuration.checked(CONFIG)
    assert before == CONFIG


def test_what_was_checked_is_remembered_until_it_or_the_library_changes(tmp_path, monkeypatch):
    memory, library = tmp_path / "code.json", tmp_path / "a [copy]" / "library.py"
    library.parent.mkdir()
    library.touch()
    monkeypatch.setattr(configuration, "LIBRARY", library.parent)
    monkeypatch.setattr(code_digests, "_memory", None)
    code_digests.remember(memory)
    wanted = configuration.complete(CONFIG)

    def refuse(config):
        raise ZeroDivisionError

    monkeypatch.setattr(configuration, "checked", refuse)
    code_digests.remember(memory)
    assert repr(configuration.complete(copy.deepcopy(CONFIG))) == repr(wanted)
    with pytest.raises(ZeroDivisionError):
        configuration.complete({**CONFIG, "seed": 28})
    library.write_text("OPTION = 1")
    with pytest.raises(ZeroDivisionError):
        configuration.complete(CONFIG)


def test_a_hop_is_between_a_sample_and_a_window():
    with pytest.raises(
        InputError, match=r"crop\.hop: expected at least one sample and at most crop\.window \(2\)"
    ):
        configuration.check_hop(configuration.checked(merged(CONFIG, {"crop": {"window": 2}})), tested=True)
    configuration.check_hop(configuration.checked(merged(CONFIG, {"crop": {"window": 5}})), tested=True)
    configuration.check_hop(configuration.checked(merged(CONFIG, {"crop": {"window": 2}})), tested=False)


def test_where_rows_of_a_submission_are_windows_windows_are_as_long():
    recipe = with_recipe("birdclef2021.yaml")
    configuration.check_hop(configuration.checked(recipe), tested=True)
    config = configuration.checked(merged(recipe, {"crop": {"window": 10, "hop": 5}}))
    said = r"crop\.window: expected 5, the seconds of a row of a submission of dataset birdclef2021, given 10"
    with pytest.raises(InputError, match=said):
        configuration.check_hop(config, tested=True)
    configuration.check_hop(config, tested=False)


@pytest.mark.parametrize("of", [{"recordings": "new"}, {"dataset": "own"}, {"detect": {"calibrate": True}}])
@pytest.mark.parametrize(
    ("key", "over"), [("detect.hop", {"detect": {"hop": 11}}), ("crop.hop", {"crop": {"hop": 11}})]
)
def test_a_hop_over_new_and_held_out_recordings_is_between_a_sample_and_a_window(key, over, of):
    config = configuration.checked(merged(merged(CONFIG, of), over))
    said = rf"{key}: expected at least one sample and at most crop.window \(5\), given 11"
    with pytest.raises(InputError, match=said):
        configuration.check_hop(config, tested=False)


@pytest.mark.parametrize("given", ["aut", 0, 2.5, None, True, [3]])
def test_a_number_of_shards_is_a_number_or_left_to_the_run(given):
    with pytest.raises(
        InputError, match=r"shards\.train: expected a whole number at least 1 .* or auto, given"
    ):
        configuration.checked(merged(CONFIG, {"shards": {"train": given}}))
    for fitting in ("auto", "7", 7):
        checked = configuration.checked(merged(CONFIG, {"shards": {"train": fitting}}))
        assert checked["shards"]["train"] == {"7": 7}.get(fitting, fitting)


def test_a_transform_with_one_bound_of_a_ratio_is_none_to_compare():
    assert list(contradictions._noise("augment.chain.0.Hum", {"min_snr": 3})) == []
    assert len(list(contradictions._noise("augment.chain.0.Hum", {"min_snr": 3, "max_snr": 2}))) == 1
