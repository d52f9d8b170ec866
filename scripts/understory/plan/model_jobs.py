"""The settings, inputs and code of the jobs that train or predict with a model.

Plain Python only: the Snakefile imports this module each time it is parsed. The methods are functions of a job's wildcards.
"""

from understory.core.hashing import ordered

# Settings that decide nothing about a training: which copies are its inputs, and which of its models predicts.
NOT_TRAINED = ("copies", "select")
PREDICTED = ("architecture", "batch_size", "select", "threads")


class ModelJobs:
    """What the rules ask of the models of a configuration.

    Parameters
    ----------
    config : dict
        The whole configuration.
    """

    def __init__(self, config: dict):
        self.config = config

    def choices(self, wildcards) -> list[str]:
        """The modules that the configuration chooses for a training, for the digest of its code."""
        loss = self.config["models"][wildcards.model]["loss"]["name"]
        return [*self.architecture(wildcards), f"understory.training.losses.{loss}"]

    def architecture(self, wildcards) -> list[str]:
        """The module of a model's architecture, which may define classes that its saved models name."""
        return [f"understory.training.architectures.{self.config['models'][wildcards.model]['architecture']}"]

    def selected(self, folder: str):
        """An input function: the saved model of a fold that predicts, of the run in `folder`."""

        def path(wildcards):
            select = self.config["models"][wildcards.model]["select"]
            return f"{folder}/models/{wildcards.model}/fold{wildcards.fold}/{select}.keras"

        return path

    def training_settings(self, wildcards) -> dict:
        """The settings of a training."""
        model = self.config["models"][wildcards.model]
        model = {key: value for key, value in model.items() if key not in NOT_TRAINED}
        settings = {"control": self.config["control"], "models": {wildcards.model: model}}
        return ordered({**settings, "seed": self.config["seed"]})

    def prediction_settings(self, wildcards) -> dict:
        """The settings of a job that predicts with a saved model."""
        model = {key: self.config["models"][wildcards.model][key] for key in PREDICTED}
        settings = {"models": {wildcards.model: model}, "predictions": self.config["predictions"]}
        return ordered({**settings, "seed": self.config["seed"]})
