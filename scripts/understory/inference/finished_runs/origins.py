"""What a run builds on: the finished runs or the files whose weights its networks start from, and the models whose vectors it is fed with.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from understory.core import choices, files, hashing, members
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.text import listed
from understory.core.untracked import Untracked
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.inference.finished_runs import provenance

FORMAT = "finished_run"
# What HDF5 files begin with.
HDF5 = b"\x89HDF\r\n\x1a\n"
AUDIO = "understory.audio.features"
# The modules that a training loads that begins with another run's weights, or that is fed with another run's vectors.
START = "understory.inference.finished_runs.start"


class Finished(NamedTuple):
    """A trained model of a finished run.

    Attributes
    ----------
    folder : Path
        That of the run.
    name : str
    block : dict
        Its block in the configuration of the run.
    fed : dict
        The block of its features.
    crop : dict
        `window` (s) and `sample_rate` (Hz).
    weights, trained_on : list of str
        By fold, the saved model that predicts, and the file of what it was trained with.
    sha256 : str
        Of these files.
    """

    folder: Path
    name: str
    block: dict
    fed: dict
    crop: dict
    weights: list[str]
    trained_on: list[str]
    sha256: str


def finished(folder: Path, name: str | None, place: str, contents: FileDigests, like: str = "") -> Finished:
    """A model of the run in a folder.

    Parameters
    ----------
    folder : Path
    name : str or None
        That of the model, or of one with a single seed; None for the only one, or the one called `like`, or as the model that this
        is a member of.
    place : str
        The key of the configuration that names the run, for messages.
    contents : FileDigests

    Raises
    ------
    InputError
        There is no finished run, it has no such model, a file is missing or damaged, or nothing tells what it was trained with.
    """
    run = saved_run.read(folder, place)["run"]
    names = sorted(run["train"])
    if name is None:
        # A member of the same seed, or else the only model of the same name.
        name = names[0] if len(names) == 1 else like if like in names else members.model_of(like)
    own = [each for each in names if members.model_of(each) == name]
    if name not in names and len(own) == 1:
        name = own[0]
    if name not in names:
        given = f"given {name}" if name else "given none"
        raise InputError(f"{place}: expected the name of a model of {folder} ({listed(names)}), {given}")
    block = run["models"][name]
    models = folder / saved_run.models_folder(run) / name
    places = [models / f"fold{fold}" for fold in range(run["split"]["n_splits"])]
    weights, trained_on = (
        [str(each / file) for each in places] for file in (f"{block['select']}.keras", provenance.FILE)
    )
    for path in weights:
        if files.other(path) or not zipfile.is_zipfile(path):
            found = files.other(path) or "a damaged file"
            raise InputError(
                f"{place}: expected the models of every fold in {folder}, found {found} at {path}"
            )
    if missing := next((path for path in trained_on if files.other(path)), None):
        raise InputError(
            f"{place}: expected {provenance.FILE} beside each model of {folder}, which tells what it was trained with, found none at "
            f"{missing}: the run is of an earlier version; run it again with this one"
        )
    held = model_files.digest([*weights, *trained_on], contents)
    crop = {key: run["crop"][key] for key in ("sample_rate", "window")}
    return Finished(folder, name, block, run["features"][block["features"]], crop, weights, trained_on, held)


@dataclass(frozen=True, repr=False)
class Origin(Untracked):
    """What a training has to find: the run that it starts from, the one whose vectors it is fed with, and the file of weights that it
    starts from, None where there is none; and the file that remembers the digests of files."""

    start: Finished | None
    fed: Finished | None
    weights: str | None
    contents: str


class Origins(model_files.FrozenModels):
    """The frozen models of a configuration, of which some may be finished runs, and the runs that its networks start from.

    In `config`, features that a finished run gives have besides the `format` the block `fed` that its model is fed with, its
    `architecture`, and the window and rate of the run. Models that start from another run have in `init_from` the architecture and
    the sha256 of its models and a digest of its classes, and no path; those that start from a file have its sha256; other models have
    no `init_from`.
    """

    def __init__(self, config: dict, contents: FileDigests):
        self._contents, self._fed, self._starts, self._weights = contents, {}, {}, {}
        super().__init__(config, contents)
        models = {name: self._start(name, block, config) for name, block in self.config["models"].items()}
        self.config = {**self.config, "models": models}

    def found(self, name, block, contents):
        folder = Path(block["model"]).expanduser()
        if files.other(folder / saved_run.FILE):
            return super().found(name, block, contents)
        place = f"features.{name}.model"
        run = finished(folder, block["output"], place, contents)
        if run.fed["kind"] not in choices.names(AUDIO) or run.fed["kind"] == model_files.KIND:
            raise InputError(
                f"{place}: expected a run whose models are fed with features of sound, found {run.fed['kind']} in {folder}"
            )
        for key, own in run.crop.items():
            if block[key] not in (None, own):
                raise InputError(
                    f"features.{name}.{key}: expected {own:g}, as the models of {folder} were trained with, or null, given {block[key]:g}"
                )
        self._fed[name] = run
        told = {
            "architecture": run.block["architecture"],
            "fed": run.fed,
            "format": FORMAT,
            "output": run.name,
        }
        return {**told, **run.crop}, [*run.weights, *run.trained_on], run.sha256

    def _start(self, name, block, config):
        init = block.get("init_from") or {}
        block = {key: value for key, value in block.items() if key != "init_from"}
        if (
            config["models_from"]
            or name not in config["train"]
            or not (init.get("run") or init.get("weights"))
        ):
            return block
        place = f"models.{members.model_of(name)}.init_from"
        if init.get("weights"):
            self._weights[name] = Path(init["weights"]).expanduser()
            sha256 = weights_digest(self._weights[name], f"{place}.weights", self._contents)
            return {**block, "init_from": {"frozen": init["frozen"], "sha256": sha256}}
        folder = Path(init["run"]).expanduser()
        if folder.resolve() == Path("results", config["name"]).resolve():
            raise InputError(f"{place}.run: expected another run than this one, given {folder}")
        run = finished(folder, init["model"], f"{place}.run", self._contents, like=name)
        self._starts[name] = run
        own = {"architecture": run.block["architecture"], "classes": hashing.digest(classes_of(folder))}
        own |= {"frozen": init["frozen"], "model": run.name, "sha256": run.sha256}
        return {**block, "init_from": own}

    def check(self, tables, source):
        """InputError where it is known before any job that other runs' models know recordings that this run holds out.

        The folds are known where the data set has its own; otherwise a training looks again.

        Parameters
        ----------
        tables : understory.data.dataset.Dataset or None
            None where they are still to be made or fetched.
        source : understory.data.source.Source
        """
        if tables is None or not (self._fed or self._starts):
            return
        shown = {each.recording_id for each in tables.annotations if each.presence == "present"} - set(
            tables.unvalidated
        )
        own = [recording for recording in tables.recordings if recording.recording_id in shown]
        found = zip(own, provenance.identities(own, source, self._contents), strict=True)
        held = {recording.recording_id: content for recording, content in found if content}
        for name, run in self._fed.items():
            known = set().union(*provenance.read_all(run.trained_on))
            provenance.check_apart(held, known, f"features.{name}.model", str(run.folder))
        for name, run in self._starts.items():
            trained, place = provenance.read_all(run.trained_on), f"models.{name}.init_from"
            if tables.folds is None:
                known = set.intersection(*trained)
                provenance.check_apart(held, known, place, f"all folds of {run.folder}", "or leave these out")
            else:
                folds = {fold: {} for fold in sorted(set(tables.folds.values()))}
                for recording, content in held.items():
                    folds[tables.folds[recording]][recording] = content
                provenance.chosen(folds, trained, place, str(run.folder))

    def of(self, wildcards) -> Origin | None:
        """A param: what a training has to find of other runs; None where it needs none."""
        fed = self._fed.get(self.config["models"][wildcards.model]["features"])
        start, weights = self._starts.get(wildcards.model), self._weights.get(wildcards.model)
        if not (start or fed or weights):
            return None
        return Origin(start, fed, weights and str(weights), str(self._contents.index))

    def modules(self, wildcards) -> list[str]:
        """The modules that such a training loads by name, besides its own."""
        start = self._starts.get(wildcards.model)
        own = [START] if self.of(wildcards) else []
        return [
            *own,
            *([f"understory.training.architectures.{start.block['architecture']}"] if start else []),
        ]

    def shown(self, config):
        config = super().shown(config)
        places = {name: {"run": str(run.folder)} for name, run in self._starts.items()}
        places |= {name: {"weights": str(path)} for name, path in self._weights.items()}
        models = {
            name: {**block, "init_from": {**places[name], **block["init_from"]}} if name in places else block
            for name, block in config["models"].items()
        }
        return {**config, "models": models}

    def facts(self):
        starts = [
            [f"start of {name}", f"{run.name} of {run.folder.name}, SHA-256 {run.sha256}"]
            for name, run in self._starts.items()
        ]
        files_of_weights = [
            [f"start of {name}", f"{path.name}, SHA-256 {self.config['models'][name]['init_from']['sha256']}"]
            for name, path in self._weights.items()
        ]
        return [*super().facts(), *starts, *files_of_weights]


def weights_digest(path: Path, place: str, contents: FileDigests) -> str:
    """The SHA-256 of a file of weights.

    Raises
    ------
    InputError
        There is none, or it is none of weights; `place` is the key of the configuration that names it.
    """
    expected = f"{place}: expected a file of weights (.h5)"
    if other := files.other(path):
        raise InputError(f"{expected}, found {other} at {path}: docs/embeddings.md says where to get one")
    with open(path, "rb") as file:
        if path.suffix not in (".h5", ".hdf5") or file.read(len(HDF5)) != HDF5:
            raise InputError(f"{expected}, found another file, or a damaged one, at {path}")
    sha256 = model_files.digest(path, contents)
    if len(sha256) != 64:
        raise InputError(f"{expected}, found {path} {sha256}")
    return sha256


def classes_of(folder: Path) -> list[str]:
    """The classes of a finished run, or the outputs of its networks where these are others.

    Raises
    ------
    InputError
        It has no whole labels.json.
    """
    path = folder / saved_run.LABELS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return list(told.get("outputs") or told["classes"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: expected {saved_run.LABELS} of a finished run, found none that can be read ({error})"
        ) from None
