import os

import pytest

from understory.core.errors import InputError
from understory.data import builder
from understory.data.dataset import Annotation, Recording


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing"),
        (b"", "a, b missing, found none"),
        (b"a\n1\n", "b missing, found a"),
        (b"a;b\n1;2\n", "b missing, found a;b; it seems to be separated by ';', and not by ','"),
        (b"a,b,a\n1,2,3\n", "each column once, found a again"),
        ("a,b\nü,1\n".encode("latin-1"), "not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not text in UTF-8"),
        (b'a,b\n"1,2\n', "after line 1: expected a line of a CSV file"),
        ("folder", "columns a, b; found a folder"),
        ("pipe", "columns a, b; found a pipe, a socket or a device"),
        ("device", "columns a, b; found a pipe, a socket or a device"),
        ("dangling", "columns a, b; found a link that leads nowhere"),
    ],
)
def test_tables_that_cannot_be_read_are_named(tmp_path, content, message):
    path = tmp_path / "table.csv"
    match content:
        case bytes():
            path.write_bytes(content)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
    with pytest.raises(InputError, match=message) as raised:
        builder.read_rows(path, ("a", "b"))
    assert str(path) in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa,b\n1,2\n".encode())
    assert builder.read_rows(tmp_path / "t.csv", ("a", "b")) == (["a", "b"], [(2, {"a": "1", "b": "2"})])


def test_blank_rows_are_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n,\n , \t\n,,,\n\n3,\n")
    assert [line for line, _ in builder.read_rows(tmp_path / "t.csv", ("a", "b"))[1]] == [2, 7]


def test_a_table_of_one_recording_may_be_separated_by_tabs(tmp_path):
    (tmp_path / "one.txt").write_text("begin\tend\n1\t2\n3\n5\tx\n")
    made = builder.DatasetBuilder(tmp_path)
    rows = made.rows(
        "one.txt", ("begin", "end"), subset="train", kind="annotation", recording_id="one", delimiter="\t"
    )
    times = []
    for each, row, _ in rows:
        with each:
            times.append((builder.number(row, "begin"), builder.number(row, "end")))
    assert times == [(1.0, 2.0)]
    assert [item[2:4] for item in made.quarantined] == [
        ("one", "one.txt, line 3"),
        ("one", "one.txt, line 4"),
    ]


def test_a_presence_that_is_none_is_refused(tmp_path):
    made = builder.DatasetBuilder(tmp_path)
    with pytest.raises(InputError, match=r"^expected presence absent, present or unknown, found 'presnt'$"):
        made.add_annotation(Annotation("a", "frog", "presnt"), Recording("a", "a.wav", "train"), "here")


def test_files_that_systems_keep_beside_the_users_are_passed_over(tmp_path):
    (tmp_path / "new").mkdir()
    for name in ("b.wav", "a.wav", "._a.wav", ".DS_Store", "@eaDir"):
        (tmp_path / "new" / name).touch()
    found = builder.DatasetBuilder(tmp_path).files("new/*")
    assert [path.name for path in found] == ["a.wav", "b.wav"]
