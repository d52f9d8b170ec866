import math

import pytest

from understory.core.errors import InputError
from understory.data import source
from understory.data.dataset import Annotation
from understory.fetch import address


def test_esc50_tables(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "audio").mkdir()
    rows = ["1-1-A-0.wav,1,0,dog,True", "2-2-A-1.wav,2,1,rooster,True", "1-3-A-2.wav,1,2,pig,False"]
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10\n" + "\n".join(rows) + "\n"
    )
    for row in rows:
        (tmp_path / "audio" / row.split(",")[0]).touch()
    whole, part = (
        source.Source("esc50", str(tmp_path), "all").read(),
        source.Source("esc50", str(tmp_path), "esc10").read(),
    )
    assert whole.classes == ("dog", "rooster", "pig")
    assert part.classes == ("dog", "rooster")
    assert whole.folds == {"1-1-A-0.wav": 0, "2-2-A-1.wav": 1, "1-3-A-2.wav": 0}
    assert whole.annotations[0] == Annotation("1-1-A-0.wav", "dog", "present", 0.0, math.inf, 0.0, math.inf)
    assert whole.exhaustive
    # As a spreadsheet writes it, and as nobody does.
    table = (
        (tmp_path / "meta" / "esc50.csv")
        .read_text()
        .replace("dog,True", "dog,TRUE")
        .replace("pig,False", "pig,no")
    )
    (tmp_path / "meta" / "esc50.csv").write_text(table)
    part = source.Source("esc50", str(tmp_path), "esc10").read()
    assert part.classes == ("dog", "rooster")
    assert [lost.reason for lost in part.quarantined] == [
        "expected True or False in column esc10, found 'no'"
    ]
    with pytest.raises(InputError, match="esc50 has no synthetic data set"):
        address.synthesizer("esc50")


@pytest.mark.parametrize(
    ("extra", "kept", "reason"),
    [
        ("1-9-A-0.wav,1,0,dog,True\n1-9-A-0.wav,1,0,dog,True", 4, "duplicate of the annotation"),
        ("1-9-A-0.wav,1,0,dog,True\n1-9-A-0.wav,2,1,rooster,True", 3, "expected each clip once"),
        ("1-9-A-0.wav,1,7,dog,True", 3, "expected the target 0, as most of 'dog' have, found '7'"),
        ("1-9-A-0.wav,first,0,dog,True", 3, "expected a whole number in column fold, found 'first'"),
        ("1-9-A-0.wav,55,0,dog,True", 3, "expected a fold from 1 to 5, found 55"),
        ("1-9-A-0.wav,0,0,dog,True", 3, "expected a fold from 1 to 5, found 0"),
        ("1-9-A-0.wav,1,9,a;b,True", 3, "expected a label in plain text of 1 to 200"),
    ],
)
def test_clips_that_contradict_each_other_are_set_aside(tmp_path, extra, kept, reason):
    (tmp_path / "meta").mkdir()
    rows = ["1-1-A-0.wav,1,0,dog,True", "1-2-A-0.wav,2,0,dog,True", "2-2-A-1.wav,2,1,rooster,True"]
    for lines in ([*rows, *extra.split("\n")], [*extra.split("\n")[::-1], *rows[::-1]]):
        (tmp_path / "meta" / "esc50.csv").write_text(
            "\n".join(["filename,fold,target,category,esc10", *lines]) + "\n"
        )
        found = source.reader("esc50").read(tmp_path)
        assert len(found.recordings) == len(found.annotations) == kept
        assert all(reason in item.reason for item in found.quarantined)
        assert found.quarantined
