"""Several seeds of a model: each is a model of its own."""

import copy
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from understory.core import members
from understory.core.errors import InputError
from understory.inference import saved_run
from understory.plan import config as configuration
from understory.plan.job_settings import ModelJobs

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def config(seeds, **others):
    given = copy.deepcopy(CONFIG) | others
    given["models"]["sed_cnn"]["seeds"] = seeds
    return given


def training(config, name):
    return ModelJobs(config).training_settings(SimpleNamespace(model=name))


def test_each_seed_is_a_model_and_without_seeds_nothing_changes():
    one = configuration.checked(CONFIG)
    assert configuration.checked(config(None)) == one
    assert "seeds" not in one["models"]["sed_cnn"]
    found = configuration.checked(config([3, 1]))
    assert found["train"] == ["sed_cnn-seed1", "sed_cnn-seed3"]
    assert found["models"] == {
        f"sed_cnn-seed{seed}": {**one["models"]["sed_cnn"], "seed": seed} for seed in (1, 3)
    }


def test_a_training_depends_on_the_range_of_its_features_only_where_it_spares_the_bands_of_events():
    found = [config(None) for _ in range(3)]
    for each, spared in zip(found, (None, False, True), strict=True):
        mask = {} if spared is None else {"spare_event": spared}
        each["models"]["sed_cnn"]["augment"] = [{"time_roll": {}}, {"frequency_mask": mask}]
    bands = [training(configuration.checked(each), "sed_cnn").get("band") for each in found]
    assert bands == [None, None, [84, 15_056]]


def test_a_training_depends_on_its_own_seed_alone():
    few, more = (configuration.checked(config(seeds)) for seeds in ([1, 3], [3, 2, 1]))
    other = configuration.checked(config([1, 3], seed=5))
    for name, seed in (("sed_cnn-seed1", 1), ("sed_cnn-seed3", 3)):
        assert training(few, name) == training(more, name) == training(other, name)
        assert training(few, name)["seed"] == seed
    # What the only model would be trained with, by another name.
    single = training(configuration.checked(config(None, seed=3)), "sed_cnn")
    member = training(few, "sed_cnn-seed3")
    assert member == {**single, "models": {"sed_cnn-seed3": single["models"]["sed_cnn"]}}


@given(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), st.integers(0, 2**32 - 1))
def test_a_members_name_tells_its_model_and_its_seed_and_is_no_models_name(model, seed):
    name = members.name_of(model, seed)
    assert (members.model_of(name), members.seed_of(name)) == (model, str(seed))
    assert (members.model_of(model), members.seed_of(model)) == (model, "")
    assert not re.fullmatch(r"[a-z][a-z0-9_]*", name)
    wildcard = re.search(r'model=r"(.*)"', (ROOT / "Snakefile").read_text())[1]
    assert re.fullmatch(wildcard, name)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ([], "models.sed_cnn.seeds: expected a list of 1 to 100 or null"),
        ([1, 1], "models.sed_cnn.seeds: expected each item once"),
        ([-1], "models.sed_cnn.seeds.0: expected a whole number at least 0"),
        (5, "models.sed_cnn.seeds: expected a list"),
    ],
)
def test_seeds_that_are_none_are_refused(seeds, said):
    with pytest.raises(InputError, match=re.escape(said)):
        configuration.checked(config(seeds))


def test_members_are_not_trained_by_their_names():
    with pytest.raises(InputError, match=r"train: expected names of models \(sed_cnn\), given sed_cnn-seed1"):
        configuration.checked(config([1], train=["sed_cnn-seed1"]))


@pytest.mark.parametrize("seeds", [None, [1, 2]])
def test_a_run_with_members_predicts_whatever_seeds_the_recipe_has(tmp_path, seeds):
    """And a setting that contradicts what all members were trained with is refused by the name of their model."""
    run = saved_run.described(configuration.checked(config([1, 2])))
    (tmp_path / "ensemble").mkdir()
    (tmp_path / saved_run.FILE).write_text(json.dumps({"run": run, "thresholds": None, "priors": {}}))
    (tmp_path / "labels.json").touch()
    for name in run["train"]:
        for fold in range(run["split"]["n_splits"]):
            place = tmp_path / f"models/{name}/fold{fold}"
            place.mkdir(parents=True)
            # The end of an empty archive.
            (place / "last.keras").write_bytes(b"PK\5\6" + bytes(18))
    own = config(seeds, train=[], models_from=str(tmp_path))
    found = saved_run.taken(configuration.checked(own), {"models": {"sed_cnn": {"seeds": seeds}}})
    assert found["train"] == ["sed_cnn-seed1", "sed_cnn-seed2"]
    assert set(found["models"]) == set(found["train"])
    own["models"]["sed_cnn"]["options"]["dense"] = 7
    with pytest.raises(InputError, match=r"models.sed_cnn.options.dense: expected 128, .* given 7"):
        saved_run.taken(configuration.checked(own), {"models": {"sed_cnn": {"options": {"dense": 7}}}})
