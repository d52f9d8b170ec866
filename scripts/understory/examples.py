"""Examples: the windows that annotations and test recordings are cut into, with their labels."""

import numpy as np
import pandas as pd

from understory.tables import Tables, example_id

PRESENT, ABSENT, UNKNOWN = 1.0, 0.0, -1.0
SEPARATOR = ";"


def annotation_examples(tables: Tables, *, absent: bool) -> pd.DataFrame:
    """One row an annotation: `example_id, recording_id, label, presence` and its box, ordered by id.

    With `absent` false, the rejected annotations are left out.
    """
    frame = pd.DataFrame(
        tables.annotations, columns=["recording_id", "label", "presence", "t_min", "t_max", "f_min", "f_max"]
    )
    frame.insert(0, "example_id", [example_id(annotation) for annotation in tables.annotations])
    if not absent:
        frame = frame[frame.presence == "present"]
    return frame.sort_values("example_id", ignore_index=True)


def durations(recordings: pd.DataFrame, sample_rate: int) -> dict[str, int]:
    """The length of each recording in samples at `sample_rate`, from its own `frames` and `sample_rate`."""
    lengths = recordings.frames.astype(int) * sample_rate // recordings.sample_rate.astype(int)
    return dict(zip(recordings.recording_id, map(int, lengths), strict=True))


def centred_start(t_min: float, t_max: float, *, duration: int, samples: int, sample_rate: int) -> int:
    """The first sample of the window centred on an event and clamped to its recording.

    Parameters
    ----------
    t_min, t_max : float
        Seconds; an infinite `t_max` is the recording's end.
    duration, samples : int
        Lengths of the recording and of the window, in samples at `sample_rate`.
    """
    end = min(t_max, duration / sample_rate)
    centre = round((min(t_min, end) + end) / 2 * sample_rate)
    return int(np.clip(centre - samples // 2, 0, max(duration - samples, 0)))


def sliding_starts(*, duration: int, samples: int, hop: int) -> list[int]:
    """The first samples of the windows over a recording; the last is flush with the recording's end."""
    last = max(duration - samples, 0)
    starts = list(range(0, last + 1, hop))
    return starts if starts[-1] == last else [*starts, last]


def place_windows(
    events: pd.DataFrame, durations: dict[str, int], *, window: float, sample_rate: int
) -> pd.DataFrame:
    """The windows of a shard's annotations.

    Parameters
    ----------
    events : pandas.DataFrame
        All annotations of some recordings, as `annotation_examples(absent=True)` gives them.
    durations : dict
        Samples at `sample_rate` of each recording.
    window : float
        Seconds.

    Returns
    -------
    pandas.DataFrame
        `events` with `start` and `stop` (seconds) and the labels `present` and `absent` of every event
        that overlaps the window, separated by semicolons. A label that is both is present.
    """
    samples = round(window * sample_rate)
    frame = events.copy()
    starts = [
        centred_start(t_min, t_max, duration=durations[recording], samples=samples, sample_rate=sample_rate)
        for recording, t_min, t_max in zip(frame.recording_id, frame.t_min, frame.t_max, strict=True)
    ]
    frame["start"] = np.array(starts, dtype=float) / sample_rate
    frame["stop"] = frame.start + window
    by_recording = {recording: group for recording, group in events.groupby("recording_id")}
    present, absent = [], []
    for row in frame.itertuples():
        others = by_recording[row.recording_id]
        # The centred event always belongs to its window, also where it lies past the recording's end.
        inside = (others.example_id == row.example_id) | (
            (others.t_min < row.stop) & (others.t_max > row.start)
        )
        heard = set(others.label[inside & (others.presence == "present")])
        present.append(SEPARATOR.join(sorted(heard)))
        absent.append(
            SEPARATOR.join(sorted(set(others.label[inside & (others.presence == "absent")]) - heard))
        )
    frame["present"], frame["absent"] = present, absent
    return frame


def label_matrix(index: pd.DataFrame, classes, *, exhaustive: bool) -> np.ndarray:
    """What is known of each example's labels.

    Returns
    -------
    numpy.ndarray
        float32 of shape (examples, classes): 1 present, 0 absent, -1 unknown. With `exhaustive`, what is not
        present is absent.
    """
    column = {label: number for number, label in enumerate(classes)}
    matrix = np.full((len(index), len(classes)), ABSENT if exhaustive else UNKNOWN, dtype=np.float32)
    for row, (present, absent) in enumerate(zip(index.present, index.absent, strict=True)):
        matrix[row, [column[label] for label in absent.split(SEPARATOR) if label]] = ABSENT
        matrix[row, [column[label] for label in present.split(SEPARATOR) if label]] = PRESENT
    return matrix


def centred_matrix(index: pd.DataFrame, classes) -> np.ndarray:
    """One-hot rows of the centred event: float32 of shape (examples, classes); zeros where it is absent."""
    column = {label: number for number, label in enumerate(classes)}
    matrix = np.zeros((len(index), len(classes)), dtype=np.float32)
    for row, (label, presence) in enumerate(zip(index.label, index.presence, strict=True)):
        matrix[row, column[label]] = presence == "present"
    return matrix
