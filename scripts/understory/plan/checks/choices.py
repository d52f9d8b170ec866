"""The options of all that the configuration chooses by name, typed and checked."""

from understory.core.text import did_you_mean
from understory.plan import choice_options
from understory.plan.choice_options import COMBINATIONS
from understory.plan.config_block import shown, validated

FEATURES = ("features of audio", "features of images")
TRANSFORMS = ("transform of audio", "transform of images")
AUGMENTATIONS = ("augmentation",)
# Models that config.yaml had once, and the recipes that have them now.
FORMER = {"resnet50": "recipes/rfcx_notebook.yaml"}
# A key that models had once. It never did anything: Keras compiles nothing with XLA where operations are deterministic.
FORMER_KEY = "xla"


def choose(config: dict) -> tuple[dict, dict[str, str]]:
    """The configuration with typed options of all that is chosen by name; and by key what is wrong, in one line each.

    An option that is null is left out, so that a recipe can take back what config.yaml gives to another choice. Features are
    completed by their defaults.
    """
    config, lines = dict(config), {}
    for key, check in (("models", _model), ("features", _features)):
        if isinstance(config.get(key), dict):
            blocks = config[key].items()
            config[key] = {name: check(f"{key}.{name}", block, lines) for name, block in blocks}
    if isinstance(config.get("augment"), dict) and isinstance(config["augment"].get("chain"), list):
        chain = _chain("augment.chain", TRANSFORMS, config["augment"]["chain"], lines)
        config["augment"] = {**config["augment"], "chain": chain}
    return config, lines


def _block(kinds, name):
    """The options of a choice of one of some kinds, or None."""
    return next(filter(None, (choice_options.block(kind, name) for kind in kinds)), None)


def _names(kinds):
    return sorted({name for kind in kinds for name in choice_options.names(kind)})


def _model(place, model, lines):
    if not isinstance(model, dict):
        return model
    model = dict(model)
    if model.pop(FORMER_KEY, False) not in (False, None, "false", "null"):
        lines[f"{place}.{FORMER_KEY}"] = (
            f"{place}.{FORMER_KEY}: models no longer have this key, as XLA cannot compile deterministic operations; leave it out"
        )
    architecture, name = model.get("architecture"), place.removeprefix("models.")
    if architecture is None and name in FORMER:
        lines[place] = f"{place}: config.yaml no longer has this model; copy it from {FORMER[name]}"
    if isinstance(architecture, str):
        block = choice_options.block("architecture", architecture)
        if block is None:
            known = choice_options.names("architecture")
            lines[f"{place}.architecture"] = _one_of(f"{place}.architecture", architecture, known)
        elif isinstance(model.get("options"), dict):
            model["options"] = _options(f"{place}.options", architecture, block, model["options"], lines)
    for kind in ("loss", "optimiser", "schedule"):
        if isinstance(model.get(kind), dict):
            model[kind] = _named(f"{place}.{kind}", "name", model[kind], [kind], lines)
    if isinstance(model.get("augment"), list):
        model["augment"] = _chain(f"{place}.augment", AUGMENTATIONS, model["augment"], lines)
    return model


def _named(place, key, values, kinds, lines):
    """The options beside the key that holds the choice's name."""
    name, names = values.get(key), _names(kinds)
    if name is None:
        lines[f"{place}.{key}"] = f"{place}.{key}: missing (one of {', '.join(names)})"
    elif name not in names:
        lines[f"{place}.{key}"] = _one_of(f"{place}.{key}", name, names)
    else:
        others = {option: value for option, value in values.items() if option != key}
        return {key: name, **_options(place, name, _block(kinds, name), others, lines)}
    return values


def _features(place, values, lines):
    return _named(place, "kind", values, FEATURES, lines) if isinstance(values, dict) else values


def _chain(place, kinds, chain, lines):
    return [_step(f"{place}.{number}", kinds, step, lines) for number, step in enumerate(chain)]


def _step(place, kinds, step, lines):
    if not isinstance(step, dict) or len(step) != 1:
        lines[place] = f"{place}: expected exactly one name with its options, given {shown(step)}"
        return step
    ((name, values),) = step.items()
    if not isinstance(name, str):
        return step
    here, block = f"{place}.{name}", _block(kinds, name)
    if block is None:
        known = _names(kinds)
        lines[here] = (
            f"{here}: no such {kinds[0].partition(' ')[0]}{did_you_mean(name, known) or '.'} Expected one of {', '.join(known)}"
        )
    elif isinstance(values, dict):
        values = _options(here, name, block, values, lines)
        if name in COMBINATIONS and isinstance(values.get("transforms"), list):
            values["transforms"] = _chain(f"{here}.transforms", kinds, values["transforms"], lines)
    else:
        lines[here] = f"{here}: expected a block of options, given {shown(values)}"
    return {name: values}


def _options(place, choice, block, values, lines):
    """The options that are given, typed, and of features all of them."""
    given = {option: value for option, value in values.items() if value is not None and value != "null"}
    takes = block.model_fields
    for option in sorted(set(given) - set(takes), key=str):
        hint = did_you_mean(option, takes) or "; null takes it back"
        lines[f"{place}.{option}"] = (
            f"{place}.{option}: {choice} takes {', '.join(sorted(takes)) or 'no options'}, given {shown(given[option])}{hint}"
        )
    for option in sorted(set(takes) - set(given)):
        if takes[option].is_required():
            lines[f"{place}.{option}"] = (
                f"{place}.{option}: missing, {choice} needs it ({takes[option].description})"
            )
    known = {option: value for option, value in given.items() if option in takes}
    typed, wrong = validated(block, known, place)
    lines |= {key: line for key, line in wrong.items() if key not in lines}
    if typed is None:
        return known
    return typed.model_dump(exclude_unset=not place.startswith("features."))


def _one_of(place, given, known):
    """A message where a name has to be one of those known."""
    return f"{place}: expected one of {', '.join(sorted(known))}, given {shown(given)}{did_you_mean(given, known)}"
