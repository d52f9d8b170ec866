"""What a plan has to know of an export: whether the models of a configuration can be exported.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from importlib.util import find_spec

from understory.core.errors import InputError, user_errors
from understory.core.text import listed

# The module that a job loads by name where an ONNX file is wanted, and the packages that it needs.
FORMATS, ONNX = "understory.export.formats", "onnx_model"
NEEDED = ("onnx", "onnxruntime", "tf2onnx")


def modules(config: dict) -> list[str]:
    """The modules that an export loads by name."""
    return [f"{FORMATS}.{ONNX}"] if config["export"]["onnx"] else []


def of_models(config: dict, medium: str, paths: list[str]):
    """An input function: paths of what is made of the models; the run stops where these cannot be exported."""

    def inputs(wildcards):
        with user_errors():
            check(config, medium)
        return paths

    return inputs


def check(config: dict, medium: str):
    """InputError where the models of a configuration cannot be exported."""
    if medium != "audio":
        raise InputError("export: expected models of sound, found models of images, which cannot be exported")
    if config["ensemble"]["folds"] == "rank":
        raise InputError(
            "ensemble.folds: expected mean or geometric for an export, given rank, which is a rank among all windows: "
            "add --config 'ensemble={folds: mean}'"
        )
    fed = {config["models"][name]["features"] for name in config["train"]}
    check_kinds({config["features"][name]["kind"] for name in fed})
    absent = [name for name in NEEDED if find_spec(name) is None]
    if config["export"]["onnx"] and absent:
        raise InputError(
            f"export.onnx: expected the packages {listed(NEEDED)}, found these missing: {listed(absent)}: "
            f"pip install {' '.join(absent)}"
        )


def check_kinds(kinds: set[str]):
    """InputError where features of one of these kinds cannot be computed in a model."""
    if other := sorted(kinds - {"log_mel"}):
        raise InputError(
            f"features: expected models that are fed log_mel for an export, found {', '.join(other)}, which cannot be "
            "exported"
        )
