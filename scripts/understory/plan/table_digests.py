"""Short digests of what tables and the files they name hold, for the `params` of rules.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import re

from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.data.dataset import Dataset


def annotations(tables: Dataset) -> str:
    """A digest of what folds are made from: every annotation, the classes, and the data set's own folds."""
    return digest(
        [
            [each.said for each in sorted(tables.annotations)],
            tables.classes,
            tables.folds,
            tables.exhaustive,
            tables.shared_windows,
            sorted(tables.unvalidated),
            *([sorted(tables.background)] if tables.background else []),
            *([["picked", sorted(tables.picked)]] if tables.picked else []),
        ]
    )


def rows(tables: Dataset) -> str:
    """A digest of what a reader quarantined, without the lines of its tables."""
    return digest(sorted([re.sub(r"line \d+", "line", text) for text in item] for item in tables.quarantined))


def shard(tables: Dataset, source, shard: str, count: int, contents: FileDigests) -> str:
    """A digest of one of `count` shards: its recordings, their annotations and the content of their files.

    `source` is the `understory.data.source.Source` of the tables.
    """
    own = tables.shard(shard, count)
    found = [source.files(recording) for recording in own]

    def files(lists):
        return (source.place(path) for paths in lists for path in paths)

    identities = iter(
        contents.identities(files(found), among=lambda: files(map(source.files, tables.recordings)))
    )
    held = [
        [
            recording,
            [[path, next(identities)] for path in paths],
            [each.said for each in tables.annotations_of.get(recording.recording_id, [])],
            *(["background"] if recording.recording_id in tables.background else []),
        ]
        for recording, paths in zip(own, found, strict=True)
    ]
    # Whether a class is absent depends on its types anywhere.
    labels = {
        each.label for recording in own for each in tables.annotations_of.get(recording.recording_id, ())
    }
    types = {label: types for label, types in tables.types.items() if label in labels}
    return digest([shard.split("-")[0], held, *([types] if types else [])])
