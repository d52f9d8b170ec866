"""The models of the public entries beside those that recipes train."""

import pytest
import yaml
from workflow import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("recipe", "model"),
    [
        ("birdclef2021", "conv1d"),
        ("herbarium2021", "resnet34"),
        ("rsna_miccai", "cnn2d"),
        ("rfcx", "resnet50"),
    ],
)
def test_the_originals_can_be_chosen(run_snakemake, tmp_path, recipe, model):
    path = ROOT / "recipes" / f"{recipe}.yaml"
    assert model not in (yaml.safe_load(path.read_text()).get("train") or ["sed_cnn"])
    done = run_snakemake(
        tmp_path, "--dry-run", "--config", f'train=["{model}"]', "data=synthetic", recipe=recipe
    )
    assert f"wildcards: model={model}, fold=0" in done.stdout
