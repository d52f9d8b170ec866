"""What the rules of pseudo-labels take of the configuration.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from understory.core.errors import InputError
from understory.core.hashing import ordered
from understory.inference import saved_run

# What of a model's block its predictions depend on; which of its models predicts does not matter, as the last one does.
PREDICTED = ("architecture", "batch_size", "threads")


class Rounds:
    """The rounds of pseudo-labels of a run.

    Parameters
    ----------
    config : dict
        The whole configuration.
    out : str
        The folder of the run's results.
    test : list of str
        The shards of test recordings.

    Attributes
    ----------
    count : int
        How many.
    unlabelled : list of str
        The shards whose windows are trained on without labels.

    Raises
    ------
    InputError
        There are none where the configuration asks for some.
    """

    def __init__(self, config: dict, out: str, test: list[str]):
        self._config, self._out = config, out
        self.count = config["pseudo_labels"]["rounds"]
        asked = self.count and config["pseudo_labels"]["unlabelled"] == "test"
        self.unlabelled = test if asked else []
        if asked and not test:
            raise InputError(
                "pseudo_labels.unlabelled: expected none, as this run has no test recordings, given test"
            )

    def before(self, file: str):
        """An input function: a file beside the same fold's model of the round before."""

        def path(wildcards):
            folder = f"{self._out}/{saved_run.round_folder(int(wildcards.round) - 1)}models"
            return f"{folder}/{wildcards.model}/fold{wildcards.fold}/{file}"

        return path

    def labelling(self, wildcards) -> dict:
        """The settings of a job that computes pseudo-labels."""
        model = {key: self._config["models"][wildcards.model][key] for key in PREDICTED}
        pseudo = {key: self._config["pseudo_labels"][key] for key in ("by", "high", "low")}
        seed = self._config["models"][wildcards.model].get("seed", self._config["seed"])
        own = {"control": self._config["control"], "seed": seed}
        return ordered({**own, "models": {wildcards.model: model}, "pseudo_labels": pseudo})

    def facts(self) -> list[list[str]]:
        """What the report tells of them; nothing where there are none."""
        pseudo = self._config["pseudo_labels"]
        if not self.count:
            return []
        low = "" if pseudo["low"] is None else f" or at most {pseudo['low']:g}"
        of = (
            "unknown labels and of the windows of the test recordings"
            if self.unlabelled
            else "unknown labels"
        )
        told = f"{self.count} of {of}, by {pseudo['by']} of at least {pseudo['high']:g}{low}"
        return [["rounds of pseudo-labels", told]]
