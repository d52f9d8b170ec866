"""Models that are trained with several seeds: each seed is a model of its own, a member of the ensemble.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

# No name of a model in the configuration has a hyphen.
SEED = "-seed"


def name_of(model: str, seed: int) -> str:
    """The name of the member of a model with a seed, such as `sed_cnn-seed1`."""
    return f"{model}{SEED}{seed}"


def model_of(name: str) -> str:
    """The name in the configuration of the model that a member belongs to; of a model with one seed, its own."""
    return name.partition(SEED)[0]


def seed_of(name: str) -> str:
    """The seed in the name of a member; empty of a model with one seed."""
    return name.partition(SEED)[2]


def expanded(config: dict) -> dict:
    """A checked configuration in which each seed of a model is a model, with `seed` in the place of `seeds`.

    Models without `seeds` have neither key: they take the seed of the configuration.
    """
    models, of = {}, {}
    for name, block in config["models"].items():
        own = {key: value for key, value in block.items() if key != "seeds"}
        seeds = block["seeds"] or ()
        of[name] = [name_of(name, seed) for seed in sorted(seeds)] or [name]
        models |= {name_of(name, seed): {**own, "seed": seed} for seed in sorted(seeds)} or {name: own}
    return {**config, "models": models, "train": [each for name in config["train"] for each in of[name]]}
