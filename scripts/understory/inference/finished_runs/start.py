"""The start of a training from the weights of another run or of a file, and the check that this run's scores stay honest."""

from pathlib import Path

import keras
import numpy as np

from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.core.text import listed
from understory.inference.embeddings import model_files
from understory.inference.finished_runs import provenance
from understory.training import predict


class Start:
    """What a training of a fold takes from other runs, or from a file of weights.

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
        These models know recordings that this run holds out in any fold, or are other ones than the plan found, as is the file.
    """

    def __init__(self, origin, name, block, fold, validated, classes, control):
        self._name, self._block, self._origin, self.known = name, block.get("init_from"), origin, set()
        contents = FileDigests(Path(origin.contents))
        if origin.weights and model_files.digest(Path(origin.weights), contents) != self._block["sha256"]:
            raise InputError(
                f"{origin.weights}: expected the weights that the plan found there, found others: give the same command again"
            )
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

        The head, the last layer with weights, is taken where the classes are the same, and trains in any case. From a file, the
        network of keras.applications in the model takes all its weights.

        Raises
        ------
        InputError
            No layer has, or the file holds other weights.
        """
        if not self._block:
            return
        place = f"models.{self._name}.init_from"
        if self._origin.weights:
            body = [self._of_file(model, place)]
            told = f"the layers of {body[0].name}"
        else:
            body = self._of_run(model, place)
            told = f"the {len(body)} layers taken before the head"
        if self._block["frozen"]:
            for layer in body:
                layer.trainable = False
        frozen = {0: "train from the first epoch on", "all": "never train"}
        epochs = frozen.get(
            self._block["frozen"], f"do not train in the first {self._block['frozen']} epochs"
        )
        print(f"{place}: {told} {epochs}", flush=True)

    def _of_file(self, model, place):
        """The network within a model that has the weights of the file now."""
        (body,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
        path = self._origin.weights
        try:
            body.load_weights(path)
        except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{place}.weights: expected the weights of {body.name} without its top, found others in {path}: "
                f"{(str(error).splitlines() or [type(error).__name__])[0][:200]}"
            ) from None
        if not all(np.isfinite(values).all() for values in body.get_weights()):
            raise InputError(f"{place}.weights: expected finite values, found others in {path}")
        print(f"{place}: taken: the {len(body.weights)} weights of {body.name} in {path}")
        return body

    def _of_run(self, model, place):
        """The layers of a model that have weights of the other run now, but for the head."""
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
        body = [layer for layer in taken if layer not in heads]
        if not body:
            raise InputError(
                f"{place}: expected layers of the same names and shapes as in {path} ({_told(theirs.values())}), found none: "
                f"{_told(left)}"
            )
        print(f"{place}: taken: {len(taken)} layers with weights, {_told(taken)}")
        print(
            f"{place}: not taken, as the name, a shape or the classes differ: {len(left)}, {_told(left) or 'none'}"
        )
        return body


def _shapes(layer):
    """The names of a layer's weights within it, and their shapes; without names in a network within a network, whose parts have
    others where it was loaded."""
    if isinstance(layer, keras.Model):
        return [("", tuple(weight.shape)) for weight in layer.weights]
    return [(weight.path.removeprefix(f"{layer.path}/"), tuple(weight.shape)) for weight in layer.weights]


def _told(layers):
    return listed(
        [
            f"{layer.name} {' '.join('x'.join(map(str, shape)) or '1' for _, shape in _shapes(layer))}"
            for layer in layers
        ],
        8,
    )
