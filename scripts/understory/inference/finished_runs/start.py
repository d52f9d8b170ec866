"""The start of a training from the weights of another run, and the check that this run's scores stay honest."""

from pathlib import Path

import keras

from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.core.text import listed
from understory.inference.embeddings import model_files
from understory.inference.finished_runs import provenance
from understory.training import predict


class Start:
    """What a training of a fold takes from other runs.

    Parameters
    ----------
    origin : origins.Origin
    name : str
        The model's name.
    block : dict
        The model's block in the configuration.
    fold : int
    validated : dict
        As `provenance.by_fold` gives it.
    classes : sequence of str
    control : str
        As in the configuration.

    Attributes
    ----------
    known : set of str
        The contents of the recordings that other runs' models, which this one builds on, were trained with.

    Raises
    ------
    InputError
        These models know recordings that this run holds out in any fold, or are other ones than the plan found.
    """

    def __init__(self, origin, name, block, fold, validated, classes, control):
        self._name, self._block, self._origin, self.known = name, block.get("init_from"), origin, set()
        contents = FileDigests(Path(origin.contents))
        if origin.fed:
            self._check(origin.fed, contents, None)
            self.known = set().union(*provenance.read_all(origin.fed.trained_on))
            place = f"features.{block['features']}.model"
            held = {name: content for own in validated.values() for name, content in own.items()}
            provenance.check_apart(held, self.known, place, str(origin.fed.folder))
            print(
                f"{place}: no recording that is held out is among the {len(self.known)} that {origin.fed.folder} trained with"
            )
        if origin.start:
            self._check(origin.start, contents, self._block["sha256"])
            trained, place = provenance.read_all(origin.start.trained_on), f"models.{name}.init_from"
            self._other = provenance.chosen(validated, trained, place, str(origin.start.folder))[fold]
            self.known = self.known | trained[self._other]
            # With the labels shuffled, nothing may be known of the true ones.
            same = digest(list(classes)) == self._block["classes"] and control == "none"
            self._head = same
            print(
                f"{place}: fold {fold} starts from fold {self._other} of {origin.start.name} in {origin.start.folder}, whose "
                f"{len(trained[self._other])} training recordings are none of the {len(validated[fold])} that are held out here"
            )

    def _check(self, run, contents, sha256):
        if model_files.digest([*run.weights, *run.trained_on], contents) != (sha256 or run.sha256):
            raise InputError(
                f"{run.folder}: expected the models that the plan found there, found others: give the same command again"
            )

    def take(self, model: keras.Model):
        """Give a new model the weights of the layers that have the same name and shapes, and freeze them if that is asked for.

        The head, the last layer with weights, is taken where the classes are the same, and trains in any case.

        Raises
        ------
        InputError
            No layer has.
        """
        if not self._block:
            return
        path = Path(self._origin.start.weights[self._other])
        other = predict.load(path, self._block["architecture"])
        theirs = {layer.name: layer for layer in other.layers if layer.weights}
        heads, taken, left = {predict.head(model), predict.head(other)}, [], []
        for layer in model.layers:
            if not layer.weights:
                continue
            found = theirs.get(layer.name)
            fits = found is not None and _shapes(found) == _shapes(layer)
            if fits and (self._head or not heads & {layer, found}):
                layer.set_weights(found.get_weights())
                taken.append(layer)
            else:
                left.append(layer)
        place = f"models.{self._name}.init_from"
        body = [layer for layer in taken if layer not in heads]
        if not body:
            raise InputError(
                f"{place}: expected layers of the same names and shapes as in {path} ({_told(theirs.values())}), found none: "
                f"{_told(left)}"
            )
        if self._block["frozen"]:
            for layer in body:
                layer.trainable = False
        print(f"{place}: taken: {len(taken)} layers with weights, {_told(taken)}")
        print(
            f"{place}: not taken, as the name, a shape or the classes differ: {len(left)}, {_told(left) or 'none'}"
        )
        frozen = {0: "train from the first epoch on", "all": "never train"}
        epochs = frozen.get(
            self._block["frozen"], f"do not train in the first {self._block['frozen']} epochs"
        )
        print(f"{place}: the {len(body)} layers taken before the head {epochs}", flush=True)


def _shapes(layer):
    """The names of a layer's weights within it, and their shapes."""
    return [(weight.path.removeprefix(f"{layer.path}/"), tuple(weight.shape)) for weight in layer.weights]


def _told(layers):
    return listed(
        [
            f"{layer.name} {' '.join('x'.join(map(str, shape)) or '1' for _, shape in _shapes(layer))}"
            for layer in layers
        ],
        8,
    )
