"""What a beginner gives, and the sentence that says what is wrong with it."""

import unicodedata

import numpy as np
import pytest
import soundfile

from understory.audio import inspect
from understory.core.errors import InputError
from understory.data import inspection
from understory.data.band import Band, without_unseen
from understory.data.quarantine import Limit
from understory.data.tables.checks import check_folds
from understory.datasets import own

RATE, SECONDS = 16_000, 4
RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n"


@pytest.fixture
def folder(tmp_path):
    """A function that makes three recordings of 4 s, and tables beside them."""

    def made(**texts):
        for name in "abc":
            noise = np.random.default_rng(0).normal(0, 0.1, (SECONDS * RATE, 2))
            soundfile.write(tmp_path / f"{name}.wav", noise, RATE)
        for name, text in texts.items():
            (tmp_path / f"{name.replace('_', '.')}").write_text(text, encoding="utf-8")
        return tmp_path

    return made


BAND = Band(84, 8000)


def reasons(place, band=BAND):
    """What is said of each row that cannot be used, wherever in the workflow, by its place."""
    tables = without_unseen(own.read(place), band)
    recordings, bad = inspection.inspect(
        tables.recordings,
        lambda recording: place / recording.path,
        lambda path: inspect.inspect_recording(path, {}),
        columns=inspect.COLUMNS,
    )
    _, outside = inspection.usable(tables, recordings)
    return {item.place: item.reason for item in (*tables.quarantined, *bad, *outside)}


def test_a_table_of_another_folder(folder):
    place = folder(t_csv="path,start,end,label\nother/site.wav,0,1,lark\na.wav,0,1,lark\n")
    assert reasons(place) == {
        "t.csv, line 2": "expected a recording named 'other/site.wav' in the data folder, found none"
    }


def test_the_table_of_a_recording_that_is_not_there(folder):
    assert reasons(folder(z_txt="0\t1\tlark\n", a_txt="0\t1\tlark\n")) == {
        "z.txt, line 1": "expected a column of recordings (path), or a recording of the name of this table, 'z', found neither"
    }


def test_times_in_milliseconds(folder):
    assert reasons(folder(a_csv="start,end,label\n500,1500,lark\n0.5,1.5,lark\n")) == {
        "a.csv, line 2": "expected an event within 4 s and 8000 Hz, found lark from 500 to 1500 s; are its times in "
        "milliseconds? They are in seconds"
    }


def test_times_after_the_end(folder):
    assert reasons(folder(a_csv="start,end,label\n5000,5001,lark\n3,9,owl\n")) == {
        "a.csv, line 2": "expected an event within 4 s and 8000 Hz, found lark from 5000 to 5001 s",
        "a.csv, line 3": "expected an event within 4 s and 8000 Hz, found owl from 3 to 9 s",
    }


def test_frequencies_in_kilohertz(folder):
    assert reasons(folder(a_txt=RAVEN + "1\tSpectrogram 1\t1\t0\t1\t2.5\t4\tlark\n")) == {
        "a.txt, line 2": "expected an event within 84 to 8000 Hz, the band of the features, found lark from 2.5 to 4 Hz: are "
        "these kHz? Write Hz; otherwise change fmin and fmax of the features, or set crop.out_of_band: keep"
    }


def test_ultrasound_in_kilohertz(folder):
    """A bat from 20 to 90 kHz is no whale from 20 to 90 Hz."""
    assert reasons(folder(a_txt=RAVEN + "1\tSpectrogram 1\t1\t0\t1\t20\t90\tbat\n")) == {
        "a.txt, line 2": "expected an event within 84 to 8000 Hz, the band of the features, found bat from 20 to 90 Hz: are "
        "these kHz? Write Hz; otherwise change fmin and fmax of the features, or set crop.out_of_band: keep"
    }
    assert reasons(folder(), Band(10, 8000)) == {}


def test_decimal_commas(folder):
    texts = {
        "a_csv": "start;end;label\n0,5;1;lark\n",
        "b_csv": "start,end,label\n0,5,1,0,lark\n",
        "c_txt": "0,5\t1,5\tlark\n",
    }
    assert reasons(folder(**texts)) == {
        "a.csv, line 2": "expected a finite number in column start, found '0,5'; write a decimal point",
        "b.csv, line 2": "expected 3 values, as the header has, found 5; if its numbers have decimal commas, write decimal points",
        "c.txt, line 1": "expected a finite number in column start, found '0,5'; write a decimal point",
    }


def test_a_class_with_one_example(folder):
    texts = {"a_txt": "0\t1\tlark\n1\t2\towl\n", "b_txt": "0\t1\tlark\n"}
    assert own.read(folder(**texts)).remarks[-1] == (
        "owl: annotated as present in one recording only, so that no model that has learnt from it is tested on another; "
        "annotate a second one"
    )


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "none"),
        ({"a_txt": ""}, "none in a.txt"),
    ],
)
def test_no_annotations_at_all(folder, texts, said):
    place = folder(**texts)
    with pytest.raises(InputError) as error:
        own.read(place)
    assert str(error.value) == (
        f"{place}: expected annotations of some recordings, in tables beside them (.csv, .txt, .tsv; save a spreadsheet as CSV) "
        f"or by a folder for each class, found {said}"
    )


def test_all_annotations_are_of_one_recording(folder):
    tables = own.read(folder(a_txt="0\t1\tlark\n1\t2\tlark\n2\t3\tlark\n"))
    with pytest.raises(InputError) as error:
        check_folds(tables, 3, "recording")
    assert str(error.value) == (
        "split.n_splits: expected at most as many folds as recordings have a present event (1), given 3: annotate more "
        "recordings, or set split.group: none, which assigns examples one by one and scores models on recordings that they "
        "know"
    )


def test_two_species_in_two_channels(folder):
    row = "{}\tSpectrogram {}\t{}\t0\t1\t2000\t4000\t{}\n"
    place = folder(a_txt=RAVEN + row.format(1, 1, 1, "lark") + row.format(2, 2, 2, "owl"))
    tables = own.read(place)
    assert [annotation.label for annotation in tables.annotations] == ["lark", "owl"]
    assert tables.remarks[0] == (
        "Raven selection tables: files 1, rows 2, events 1, events of a second channel (mixed with the first) 1"
    )


def test_empty_recordings(folder):
    place = folder(a_txt="0\t1\tlark\n", b_txt="0\t1\tlark\n")
    (place / "a.wav").write_bytes(b"")
    soundfile.write(place / "b.wav", np.zeros((RATE, 2)), RATE)
    soundfile.write(place / "c.wav", np.zeros((0, 2)), RATE)
    assert reasons(place) == {
        "a.wav": "expected an audio file, found an empty one",
        "b.wav": "expected sound, found that every sample in the mean of its channels is 0",
        "c.wav": "expected an audio file, found one without a sample",
    }


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_umlaut_as_one_character_or_as_two(folder, form):
    """There is nothing to be said: it is the same recording and the same class."""
    place = folder()
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    (place / "a.wav").rename(place / unicodedata.normalize(form, "Grünling.wav"))
    rows = "".join(
        f"{unicodedata.normalize(other, 'Grünling.wav')},{start},{start + 1},{unicodedata.normalize(each, 'Grünling')}\n"
        for start, each in enumerate((form, other))
    )
    (place / "t.csv").write_text(f"path,start,end,label\n{rows}", encoding="utf-8")
    assert reasons(place) == {}
    assert own.read(place).classes == (unicodedata.normalize("NFC", "Grünling"),)


def test_a_table_in_which_every_row_is_wrong_in_the_same_way_is_one_line(folder):
    rows = "".join(f"{1000 * second},{1000 * second + 500},lark\n" for second in range(5, 105))
    tables = own.read(
        folder(t_csv="path,start,end,label\n" + "".join(f"z.wav,{row}\n" for row in rows.split()))
    )
    with pytest.raises(InputError) as error:
        Limit("quarantine", 0.5).check(tables, tables.quarantined)
    assert str(error.value).splitlines()[1:] == [
        "  t.csv, line 2 ('z.wav'): expected a recording named 'z.wav' in the data folder, found none",
        "    99 more like it, to t.csv, line 101",
    ]
