"""The labels of windows: what the annotations that overlap them say."""

import hashlib

import numpy as np
import pandas as pd

from understory.data.dataset import PRESENCES, SEPARATOR, Annotation, Dataset, example_id
from understory.data.tables import song_types

# The columns of an example that come from its annotation.
FIELDS = Annotation._fields[:7]
BOX = ("t_min", "t_max", "f_min", "f_max")
# Ends of the names of columns that list outputs, and not classes.
OUTPUTS = "_outputs"
# Pairs of a window and an annotation that are compared at once.
PAIRS = 1 << 22


def annotated(tables: Dataset) -> pd.DataFrame:
    """One row an annotation, with the id of the example that it belongs to."""
    frame = pd.DataFrame(tables.annotations, columns=list(Annotation._fields))
    if tables.shared_windows:
        boxes = {}
        for annotation in tables.annotations:
            boxes.setdefault((annotation.recording_id, *annotation.box), set()).add(
                (annotation.label, annotation.presence)
            )
        ids = {
            box: hashlib.sha256(repr((*box, *sorted(pairs))).encode()).hexdigest()[:16]
            for box, pairs in boxes.items()
        }
        names = [ids[annotation.recording_id, *annotation.box] for annotation in tables.annotations]
    else:
        names = [example_id(annotation) for annotation in tables.annotations]
    frame.insert(0, "example_id", names)
    return frame


def with_labels(frame: pd.DataFrame, tables: Dataset) -> pd.DataFrame:
    """Examples of `tables`, which have `start` and `stop` (seconds), with the labels `present`, `absent` and `unknown`
    as `understory.data.examples.place_windows` gives them."""
    windows = frame[["example_id", "recording_id", "start", "stop"]].assign(row=np.arange(len(frame)))
    annotations = annotated(tables)
    number = annotations.recording_id.value_counts().reindex(windows.recording_id, fill_value=0).to_numpy()
    parts = [part for _, part in windows.groupby(number.cumsum() // PAIRS)] or [windows]
    pairs = pd.concat([_overlapping(part, annotations) for part in parts])
    classes, outputs = _of_types(pairs, tables) if tables.types else (pairs, None)
    lists = trained = _lists(classes, len(frame))
    if outputs is not None:
        trained = _lists(outputs, len(frame))
        lists |= {f"{presence}{OUTPUTS}": trained[presence] for presence in PRESENCES}
    if (annotations.confidence < 1).any():
        lists["confidences"] = _confidences(pairs, trained["present"], tables)
    return frame.assign(**lists)


def _confidences(pairs, present, tables):
    """The highest confidence of the events of each label that `present` lists; nothing where all are 1."""
    of = [
        song_types.output(label, song_type) if label in tables.types else label
        for label, song_type in zip(pairs.label, pairs.song_type, strict=True)
    ]
    shown = pairs.assign(of=of)[pairs.presence == "present"]
    most = shown.groupby(["row", "of"]).confidence.max().to_dict()
    texts = []
    for row, labels in enumerate(present):
        own = [most[row, label] for label in labels.split(SEPARATOR)] if labels else []
        texts.append("" if min(own, default=1) == 1 else SEPARATOR.join(f"{each:.9g}" for each in own))
    return texts


def by_outputs(index: pd.DataFrame) -> pd.DataFrame:
    """A table of windows whose lists of labels are those of outputs, where it has such lists; without any, the two are the same."""
    found = {f"{presence}{OUTPUTS}": presence for presence in PRESENCES}
    if not set(found) <= set(index):
        return index
    return index.drop(columns=list(PRESENCES)).rename(columns=found)


def _lists(pairs, count):
    """By presence, the labels of each of `count` windows, of `row, label, presence`."""
    pairs = pairs.assign(weight=pairs.presence.map({each: weight for weight, each in enumerate(PRESENCES)}))
    # One after the other, and not by many keys at once, which pandas sorts more slowly.
    pairs = pairs.sort_values("weight", kind="stable").drop_duplicates(["row", "label"], keep="last")
    pairs = pairs.sort_values(["row", "label"])
    lists = {}
    for presence in ("present", "absent", "unknown"):
        of_rows = [[] for _ in range(count)]
        own = pairs[pairs.presence == presence]
        for row, label in zip(own.row, own.label, strict=True):
            of_rows[row].append(label)
        lists[presence] = [SEPARATOR.join(labels) for labels in of_rows]
    return lists


def _of_types(pairs, tables):
    """What is known of classes, and of outputs, as `row, label, presence` each."""
    typed = pairs.label.isin(tables.types)
    said, others = {}, pairs.loc[~typed, ["row", "label", "presence"]]
    for row, label, song_type, presence in pairs.loc[
        typed, ["row", "label", "song_type", "presence"]
    ].itertuples(index=False):
        said.setdefault((row, label), set()).add((song_type, presence))
    classes, outputs = [], []
    for (row, label), each in said.items():
        found = song_types.known(each, tables.types[label], exhaustive=tables.exhaustive)
        classes.append((row, label, song_types.of_class(found.values())))
        outputs += [(row, song_types.output(label, of), presence) for of, presence in found.items()]
    return [
        pd.concat([others, pd.DataFrame(own, columns=others.columns)]) if own else others
        for own in (classes, outputs)
    ]


def _overlapping(windows, annotations):
    """`row, label, song_type, presence, confidence` of each annotation that belongs to a window."""
    pairs = windows.merge(annotations, on="recording_id", suffixes=("", "_other"))
    # What an example is made of always belongs to its window, also where it lies past the recording's end.
    inside = (pairs.example_id == pairs.example_id_other) | (
        (pairs.t_min < pairs.stop) & (pairs.t_max > pairs.start)
    )
    return pairs.loc[inside, ["row", "label", "song_type", "presence", "confidence"]]
