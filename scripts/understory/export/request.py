"""What a plan has to know of an export: whether the models of a configuration can be exported.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from understory.core.errors import InputError, user_errors


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


def check_kinds(kinds: set[str]):
    """InputError where features of one of these kinds cannot be computed in a model."""
    if other := sorted(kinds - {"log_mel"}):
        raise InputError(
            f"features: expected models that are fed log_mel for an export, found {', '.join(other)}, which cannot be "
            "exported"
        )
