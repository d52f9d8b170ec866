"""The form of a submission to BirdCLEF 2021, as a real one has it."""

import csv
import re

BIRDS = re.compile(r"nocall|[a-z0-9]+( [a-z0-9]+)*")
ROW_ID = re.compile(r"[0-9]+_[A-Z]{3}_[1-9][0-9]*")


def check(submission, sample):
    """AssertionError unless a file has the form of a real submission, and the rows of the sample in their order."""
    content = submission.read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    rows, wanted = ([*csv.reader(path.read_text().splitlines())] for path in (submission, sample))
    assert rows[0] == wanted[0] == ["row_id", "birds"]
    assert [row[0] for row in rows] == [row[0] for row in wanted]
    assert len({row[0] for row in rows}) == len(rows)
    for row in rows[1:]:
        row_id, birds = row
        assert ROW_ID.fullmatch(row_id), row_id
        assert int(row_id.rpartition("_")[2]) % 5 == 0, row_id
        assert BIRDS.fullmatch(birds), birds
        codes = birds.split()
        assert codes == sorted(set(codes)), birds
