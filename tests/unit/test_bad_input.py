"""Any input is used as it is, quarantined with a reason, or refused with an error that names the file.

Each of the five tests makes five times as many inputs as hypothesis' profile says: 2,500 in all, and 25,000 in
`make soak`.
"""

import csv
import io
import math
import re

import numpy as np
import soundfile
import soxr
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from understory.audio import inspect
from understory.audio.read import read_window
from understory.core.errors import InputError
from understory.data import inspection, store
from understory.data.dataset import Annotation, example_id
from understory.datasets import esc50, rfcx

MANY = settings(
    max_examples=5 * settings.default.max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

ODD = st.sampled_from(
    [
        "",
        " ",
        "nan",
        "inf",
        "-1",
        "1e400",
        "1_0",
        "0x1f",
        "1,5",
        "=1+1",
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "+1",
        "١٢",
        "½",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "x" * 300,
        "NA",
        "null",
        "TRUE",
        "a;b",
        "\u202eevil",
        "é",
        "fold",
        "a\nb",
        'a"b',
        "a\tb",
        "\ufeffx",
        "99999999999999999999",
        "0.5",
        "3",
        "12.25",
        "s3",
        "dog",
        "1-1-A-0.wav",
        "r1",
    ]
)
CELL = ODD | st.text(max_size=12) | st.integers(-3, 99).map(str) | st.floats(width=32).map(str)
CODINGS = st.sampled_from(
    ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-32"]
)
SEPARATORS = st.sampled_from([",", ",", ",", ",", ";", "\t", "|", ", "])
LINE_ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@st.composite
def tables(draw, columns, good):
    """A table that was good once: its cells, and its bytes."""
    rows = [list(row) for row in good]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(rows) - 1))
        match draw(st.sampled_from(["cell", "cell", "cell", "short", "long", "twice", "header"])):
            case "cell":
                if rows[row]:
                    rows[row][draw(st.integers(0, len(rows[row]) - 1))] = draw(CELL)
            case "short":
                rows[row] = rows[row][:-1]
            case "long":
                rows[row] = [*rows[row], draw(CELL)]
            case "twice":
                rows.append(list(rows[row]))
            case "header":
                columns = list(columns)
                columns[draw(st.integers(0, len(columns) - 1))] = draw(CELL)
    text, mark = io.StringIO(), draw(SEPARATORS)
    if draw(st.integers(0, 9)):
        csv.writer(text, delimiter=mark[0], lineterminator=draw(LINE_ENDS)).writerows([columns, *rows])
    else:
        text.write("\n".join(mark.join(map(str, row)) for row in [columns, *rows]))
    data = text.getvalue().encode(draw(CODINGS), errors="replace")
    if draw(st.integers(0, 7)) == 0:
        cut = draw(st.integers(0, len(data)))
        data = data[:cut] + draw(st.binary(max_size=6)) + data[cut + draw(st.integers(0, 6)) :]
    return data


def attempt(call, *arguments):
    """What a call gives, and in what words it refuses."""
    try:
        return call(*arguments), None
    except InputError as error:
        note(str(error))
        return None, str(error)


def plain(text):
    """A number as a person reads it, or nothing."""
    return (
        float(text)
        if re.fullmatch(r" *[+-]?[0-9]*\.?[0-9]+\.?([eE][+-]?[0-9]+)? *|[+-]?[0-9]+\.", text)
        else None
    )


def told(data):
    """The rows of a table as the csv module alone reads them, with their header."""
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    return lines[0], [line for line in lines[1:] if any(cell.strip() for cell in line)]


def checked_list(found, tmp_path, names):
    """Each quarantined item has a reason, and is read back from its table."""
    for item in found.quarantined:
        assert item.reason.startswith(("expected ", "found ", "duplicate "))
        assert re.match(rf"({'|'.join(names)}), line \d+$", item.place)
    store.write_table(tmp_path / "q.csv", inspection.table(found.quarantined))
    assert len(inspection.listed([tmp_path / "q.csv"])) == len(set(found.quarantined))


CLASSES = [f"s{species}" for species in range(24)]
RFCX = [
    (f"r{number}", str(number * 7 % 24), "1", f"{number}.5", "100.0", f"{number + 1}.25", "2000.5")
    for number in range(5)
]


@MANY
@given(data=tables(rfcx.COLUMNS, RFCX))
def test_rows_of_a_table_of_events(data, tmp_path):
    (tmp_path / "train_tp.csv").write_bytes(data)
    (tmp_path / "train_fp.csv").write_text(",".join(rfcx.COLUMNS) + "\n")
    (tmp_path / "sample_submission.csv").write_text("recording_id," + ",".join(CLASSES) + "\n")
    found, refused = attempt(rfcx.read, tmp_path)
    if refused:
        assert "train_tp.csv" in refused
        return
    header, rows = told(data)
    assert len(found.annotations) + len(found.quarantined) == len(rows)
    expected = set()
    for row in rows:
        cells = dict(zip(header, row, strict=False))
        box = [plain(cells.get(name, "")) for name in ("t_min", "t_max", "f_min", "f_max")]
        if len(row) == len(header) and None not in box and cells["species_id"].strip().isdigit():
            expected.add(Annotation(cells["recording_id"], f"s{int(cells['species_id'])}", "present", *box))
    assert set(found.annotations) <= expected
    assert len({example_id(annotation) for annotation in found.annotations}) == len(found.annotations)
    assert {r.recording_id for r in found.recordings} == {a.recording_id for a in found.annotations}
    for recording in found.recordings:
        assert (tmp_path / "train").resolve() in (tmp_path / recording.path).resolve().parents
    checked_list(found, tmp_path, ["train_tp.csv"])


SAMPLE = [(f"t{number}", *["0.5"] * 24) for number in range(4)]


@MANY
@given(data=tables(("recording_id", *CLASSES), SAMPLE))
def test_rows_of_a_sample_submission(data, tmp_path):
    (tmp_path / "sample_submission.csv").write_bytes(data)
    for name in ("train_tp.csv", "train_fp.csv"):
        (tmp_path / name).write_text(",".join(rfcx.COLUMNS) + "\nr1,3,1,1,100,2,200\n")
    found, refused = attempt(rfcx.read, tmp_path)
    if refused:
        assert "sample_submission.csv" in refused
        return
    _, ids, labels = rfcx.submission_template(tmp_path)
    header, rows = told(data)
    assert ids == list(
        dict.fromkeys(
            row[header.index("recording_id")] if len(row) > header.index("recording_id") else ""
            for row in rows
        )
    )
    assert sorted(labels) == sorted(CLASSES)
    known = {r.recording_id for r in found.recordings if r.subset == "test"}
    assert (
        known
        <= set(ids)
        <= known | {item.recording_id for item in found.quarantined if item.subset == "test"}
    )


ESC = [
    (
        f"{1 + number % 2}-{number}-A-{number // 2}.wav",
        str(1 + number % 2),
        str(number // 2),
        "abc"[number // 2],
        "True",
    )
    for number in range(6)
]


@MANY
@given(data=tables(esc50.COLUMNS, ESC), part=st.sampled_from([None, "esc10"]))
def test_rows_of_a_table_of_clips(data, part, tmp_path):
    (tmp_path / "meta").mkdir(exist_ok=True)
    (tmp_path / "meta" / "esc50.csv").write_bytes(data)
    found, refused = attempt(esc50.read, tmp_path, part)
    if refused:
        assert "esc50.csv" in refused
        return
    header, rows = told(data)
    whole = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    for annotation in found.annotations:
        assert any((row["filename"], row["category"]) == annotation[:2] for row in whole)
    assert set(found.folds) == {r.recording_id for r in found.recordings}
    assert {a.label for a in found.annotations} == set(found.classes)
    checked_list(found, tmp_path, ["meta/esc50.csv"])


KINDS = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
]
KINDS += [
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"),
    ("FLAC", "PCM_S8"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
]
KINDS += [("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("AU", "PCM_16")]
RATES = st.sampled_from(
    [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 250_000, 384_000, 500_000]
)
FRAMES = st.sampled_from([0, 1, 2, 7, 100]) | st.integers(0, 9_000)


@st.composite
def files(draw):
    """An audio file's bytes, and what was put into it; None where the kind does not allow that."""
    kind, subtype = draw(st.sampled_from(KINDS))
    rate, channels, frames = draw(RATES), draw(st.integers(1, 8)), draw(FRAMES)
    if kind == "OGG":
        rate = min(rate, 192_000)  # beyond 200 kHz, libvorbis has nothing to write with
    wave = 0.5 * np.sin(np.arange(frames * channels) * draw(st.floats(0.001, 3))).reshape(frames, channels)
    # Encoders that lose something crash on what is not finite: what they write is in range.
    holds = subtype in ("FLOAT", "DOUBLE") and wave.size > 0
    odd = draw(st.sampled_from([None, math.nan, math.inf, -math.inf, 3e4, 1e300])) if holds else None
    if odd is not None:
        wave.flat[draw(st.integers(0, wave.size - 1))] = odd
    out = io.BytesIO()
    try:
        soundfile.write(out, wave, rate, format=kind, subtype=subtype)
    except soundfile.LibsndfileError:
        return None
    if not out.getvalue():
        return None
    return out.getvalue(), (kind, rate, channels, wave, odd is not None)


def looked_through(path, data):
    """What is found of a file, and the reason where it is refused."""
    path.write_bytes(data)
    facts, reason = attempt(inspect.inspect_file, path)
    assert facts or reason.startswith("expected ")
    return facts, reason


def windows_are_finite(path, rate, frames):
    """Windows of what was taken can be read, from anywhere."""
    for start in (0, frames // 3, max(frames - 5, 0), frames + 9):
        window = read_window(path, start=start, samples=64, sample_rate=rate)
        assert (window.shape, window.dtype) == ((64,), np.float32)
        assert np.isfinite(window).all()


@MANY
@given(made=files(), to=st.sampled_from([16_000, 44_100, 48_000]))
def test_files_of_every_kind(made, to, tmp_path):
    if made is None:
        return
    data, (kind, rate, channels, wave, odd) = made
    path = tmp_path / "a.audio"
    facts, reason = looked_through(path, data)
    if not len(wave) or odd:
        assert facts is None
        return
    heard = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    if np.ptp(heard) < 2.0**-15:
        assert "expected sound, found that every sample" in reason
        return
    assert facts, reason
    assert facts[:2] == (rate, channels)
    if kind != "MP3":
        assert facts[2] == len(wave)
    windows_are_finite(path, facts[0], facts[2])
    if kind in ("WAV", "FLAC", "AIFF") and np.abs(wave).max() <= 1:
        whole = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
        same = read_window(path, start=0, samples=len(whole), sample_rate=rate)
        np.testing.assert_array_equal(same, whole)
        resampled = soxr.resample(whole, rate, to)
        samples = max(1, len(resampled))
        found = read_window(path, start=0, samples=samples, sample_rate=to)
        assert found.shape == (samples,)


@MANY
@given(
    made=files(),
    cut=st.floats(0, 1),
    garbage=st.binary(max_size=8),
    where=st.floats(0, 1),
    how=st.sampled_from(["cut", "header", "flip"]),
)
def test_files_that_were_damaged(made, cut, garbage, where, how, tmp_path):
    if made is None:
        return
    data, (kind, rate, channels, wave, _) = made
    if how == "cut":
        damaged = data[: int(cut * len(data))]
    elif how == "header":
        place = int(where * min(len(data), 120))
        damaged = data[:place] + garbage + data[place + len(garbage) :]
    else:
        place = int(where * (len(data) - 1))
        damaged = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    path = tmp_path / "a.audio"
    facts, _ = looked_through(path, damaged)
    if facts is None:
        return
    windows_are_finite(path, facts[0], facts[2])
    if how == "cut" and damaged != data:
        # What is cut and taken all the same has lost nothing, or has no header that tells.
        assert facts == (rate, channels, len(wave)) or kind == "MP3"
    if kind == "FLAC" and how == "flip" and facts[2] == len(wave):
        read, _ = soundfile.read(path, always_2d=True)
        original, _ = soundfile.read(io.BytesIO(data), always_2d=True)
        np.testing.assert_array_equal(read, original)
