"""Short digests of what tables and the files they name hold, for the `params` of rules.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import os
import re

from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.data.dataset import Dataset


def annotations(tables: Dataset) -> str:
    """What folds are dealt from: every annotation, the classes, and the data set's own folds."""
    return digest(
        [
            sorted(tables.annotations),
            tables.classes,
            tables.folds,
            tables.exhaustive,
            tables.shared_windows,
            sorted(tables.unvalidated),
        ]
    )


def rows(tables: Dataset) -> str:
    """What a reader set aside, on whatever line of its table."""
    return digest(sorted([re.sub(r"line \d+", "line", text) for text in item] for item in tables.quarantined))


def shard(tables: Dataset, source, shard: str, count: int, contents: FileDigests) -> str:
    """What a shard, of `count`, is made of: its recordings, their annotations and the content of their files.

    `source` is the `understory.data.source.Source` of the tables.
    """
    own = tables.shard(shard, count)
    found = [source.files(recording) for recording in own]
    identities = iter(
        contents.identities(
            (os.path.join(source.folder, path) for paths in found for path in paths),
            among=lambda: (
                os.path.join(source.folder, path)
                for recording in tables.recordings
                for path in source.files(recording)
            ),
        )
    )
    return digest(
        [
            shard.split("-")[0],
            [
                [
                    recording,
                    [[path, next(identities)] for path in paths],
                    tables.annotations_of.get(recording.recording_id, []),
                ]
                for recording, paths in zip(own, found, strict=True)
            ],
        ]
    )
