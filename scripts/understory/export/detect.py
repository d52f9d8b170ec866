"""`understory-detect`: events in recordings, found by an exported model, without TensorFlow and without the workflow.

NumPy, soundfile, soxr and the runtime of the model, LiteRT or ONNX Runtime, are all that is needed.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from understory.annotations import files as annotation_files
from understory.audio import inspect, read
from understory.core import files
from understory.core.errors import InputError, user_errors
from understory.core.text import in_text
from understory.data import calibration
from understory.data.task import Task
from understory.export import running
from understory.inference import detections
from understory.inference.events import Scored

DESCRIPTION = "Find events in recordings with a model that `snakemake export` wrote."


class Detector:
    """An exported model.

    Parameters
    ----------
    path : Path
        A LiteRT or an ONNX file with its description.

    Attributes
    ----------
    description : dict
    criteria : list of detections.Criterion

    Raises
    ------
    InputError
        The file is no whole exported model, or its runtime is not installed.
    """

    def __init__(self, path: Path):
        self._run, self.description = running.load(path)
        known = self.description["calibration"] or {"classes": {}, "settings": {}}
        self.criteria = detections.criteria(
            Task(**self.description["task"]),
            calibration.of(known, path),
            self.description["detecting"],
            known["settings"],
        )

    def scores(self, wave: np.ndarray) -> np.ndarray:
        """The scores of a window, float32 of shape (samples,): float32 of shape (classes,)."""
        return self._run(wave[None])["scores"][0]

    def score(self, path: Path, name: str) -> Scored:
        """The scores of the windows of a recording, which is called `name` in tables; a few windows are in memory.

        Raises
        ------
        InputError
            The recording cannot be used, as `understory.audio.inspect` tells.
        """
        scoring = self.description["scoring"]
        rate = scoring["sample_rate"]
        samples, hop = round(scoring["window"] * rate), round(scoring["hop"] * rate)
        inspect.inspect_file(path)
        length = read.length(path, rate)
        starts = read.sliding_starts(duration=length, samples=samples, hop=hop)
        waves = read.read_windows(path, starts, samples=samples, sample_rate=rate)
        # As windows on disk are.
        scores = [self.scores(read.to_float(read.to_int16(wave))) for wave in waves]
        begins = np.array(starts) / rate
        return Scored(name, begins, np.minimum(begins + scoring["window"], length / rate), np.stack(scores))


def recordings(given) -> dict[str, Path]:
    """The recordings at some paths, by what they are called in tables: a file by its name, others by their path within the folder.

    Raises
    ------
    InputError
        There is nothing at a path, no sound file in a folder, or two recordings have the same name.
    """
    found: dict[str, Path] = {}
    for place in map(Path, given):
        other = files.other(place)
        if other not in (None, files.FOLDER):
            raise InputError(f"{place}: expected a sound file, or a folder of sound files, found {other}")
        names = annotation_files.below(place)[0] if other else [place.name]
        if not names:
            raise InputError(f"{place}: expected a folder with sound files, found none in it")
        for name in names:
            path = place / name if other else place
            if name in found:
                raise InputError(
                    f"{path}: expected recordings of different names, found two of the name {name}: give the folder "
                    "that both are in"
                )
            found[name] = path
    return dict(sorted(found.items()))


def scored(detector: Detector, found: dict[str, Path], failed: list) -> Iterator[Scored]:
    """The window scores of recordings, one after the other; to `failed` are added those that cannot be used, and why."""
    for name, path in found.items():
        if not in_text(name):
            failed.append([ascii(name), "expected a name in UTF-8, found other bytes: rename the file"])
            continue
        try:
            result = detector.score(path, name)
        except InputError as error:
            failed.append([name, str(error).removeprefix(f"{path}: ")])
            continue
        print(f"{name!r}: {result.stops[-1]:.1f} s", flush=True)
        yield result


def detect(model: Path, given, output: Path) -> tuple[int, list[list[str]]]:
    """Write the tables of the events in recordings; the number of events, and the recordings that cannot be used, and why.

    Parameters
    ----------
    model : Path
        A file that `understory.export` wrote.
    given : sequence of path
        Recordings, and folders of recordings.
    output : Path
        A folder that is empty, or not there yet.

    Raises
    ------
    InputError
        The model is not whole, there are no recordings, or the folder holds something.
    """
    detector, found, failed = Detector(model), recordings(given), []
    if files.other(output) not in (files.NONE, files.FOLDER) or (output.is_dir() and any(output.iterdir())):
        raise InputError(
            f"{output}: expected an empty folder for the tables, or none, found another: name one by --output FOLDER"
        )
    output.mkdir(parents=True, exist_ok=True)
    tables = {"detections", "recordings", "summary"}
    places = {name: output / (f"{name}.csv" if name in tables else name) for name in detections.FILES}
    count = detections.write(
        scored(detector, found, failed), detector.criteria, detector.description["detecting"], places
    )
    files.write_rows(output / "failed.csv", ["path", "reason"], sorted(failed))
    detections.write_thresholds(output / "thresholds.csv", detector.criteria)
    return count, failed


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(prog="understory-detect", description=DESCRIPTION)
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="a .tflite or .onnx file of results/NAME/export"
    )
    parser.add_argument(
        "recordings", nargs="+", metavar="FILE_OR_FOLDER", help="recordings, or folders of recordings"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("detections"),
        metavar="FOLDER",
        help="for the tables (%(default)s)",
    )
    arguments = parser.parse_args()
    with user_errors():
        count, failed = detect(arguments.model, arguments.recordings, arguments.output)
    for name, reason in failed:
        print(f"{name}: {reason}", file=sys.stderr)
    print(f"events: {count}; recordings that cannot be read: {len(failed)}; see {arguments.output}")


if __name__ == "__main__":
    main()
