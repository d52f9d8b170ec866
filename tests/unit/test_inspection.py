"""Which recordings and annotations are quarantined, and which are not."""

import itertools
import math
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import ROOT

from understory.audio import inspect, mp3, read, riff
from understory.core.errors import InputError
from understory.data import inspection, source, store
from understory.data.dataset import Annotation, Dataset, Quarantined, Recording
from understory.data.quarantine import Limit, check_present, missing

WAVE = 0.1 * np.random.default_rng(0).normal(size=20_000)


def written(path, wave=WAVE, rate=48_000, **options):
    soundfile.write(path, wave, rate, **options)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_a_whole_file_is_taken(tmp_path, name):
    assert inspect.inspect_file(written(tmp_path / name)) == (48_000, 1, 20_000)


def test_real_recordings_are_taken(real):
    for path in sorted((real("rfcx") / "train").glob("*.flac")):
        assert inspect.inspect_file(path) == (48_000, 1, 2_880_000)
    lengths = [inspect.inspect_file(path)[2] for path in sorted((real("esc10") / "audio").glob("*.ogg"))]
    assert (len(lengths), min(lengths), max(lengths), lengths.count(220_544)) == (400, 160_704, 319_296, 380)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.rf64", "a.w64"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_was_cut_is_found_out(tmp_path, name, share):
    path = written(tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    with pytest.raises(InputError, match=r"cut short|cannot be decoded"):
        inspect.inspect_file(path)


def chunked(path, *, counted=20_000, after=b""):
    """A WAV file of 20,000 samples of 16 bits whose header counts some of them."""
    data = bytearray(written(path, rate=8_000, subtype="PCM_16").read_bytes())
    assert data[36:40] == b"data"
    data[40:44] = (2 * counted).to_bytes(4, "little")
    path.write_bytes(bytes(data) + after)
    return path


@pytest.mark.parametrize("counted", [0, 4_000, 11_000])
def test_a_wav_file_whose_header_counts_a_part_of_it_is_found_out(tmp_path, counted):
    """Of a recorder that lost its power, or of more than 4 GB, which the header cannot say."""
    path = chunked(tmp_path / "a.wav", counted=counted)
    with pytest.raises(InputError, match="expected a header that says how much sound there is, found"):
        inspect.inspect_file(path)


LIST = b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + (14).to_bytes(4, "little") + b"Lavf60.16.100\0"


@pytest.mark.parametrize(
    "after", [b"", LIST, LIST + b"id3 " + (4).to_bytes(4, "little") + b"abcd", bytes(40_000), b"\1" * 15_000]
)
def test_what_follows_the_sound_of_a_wav_file_may_be_anything_but_much_sound(tmp_path, after):
    assert inspect.inspect_file(chunked(tmp_path / "a.wav", after=after)) == (8_000, 1, 20_000)
    with pytest.raises(InputError, match="expected a header that says how much sound there is"):
        inspect.inspect_file(chunked(tmp_path / "a.wav", after=after + b"\1\2" * 10_000))


def test_a_header_that_was_never_finished_is_read_to_the_end(tmp_path):
    path = chunked(tmp_path / "a.wav", counted=0)
    data = bytearray(path.read_bytes())
    data[4:8] = (8).to_bytes(4, "little")
    path.write_bytes(data)
    assert inspect.inspect_file(path) == (8_000, 1, 20_000)


@pytest.mark.parametrize("padded", [b"", b"\0"])
def test_a_chunk_of_an_odd_length_may_be_followed_by_a_byte_or_not(tmp_path, padded):
    data = b"odd " + (3).to_bytes(4, "little") + b"abc" + padded + LIST
    with open(chunked(tmp_path / "a.wav", after=data), "rb") as file:
        assert riff.unread(file, decoded=True) == 0
    with open(chunked(tmp_path / "a.wav", after=data + b"\1" * 16_000), "rb") as file:
        assert riff.unread(file, decoded=True) == 1


def pages(data):
    starts = [m.start() for m in re.finditer(b"OggS", data)]
    return [data[a:b] for a, b in itertools.pairwise([*starts, len(data)])]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_without_one_of_its_pages_is_found_out(tmp_path, subtype):
    """A decoder passes over a page that is damaged or gone: what follows is heard too early."""
    path = written(tmp_path / "a.ogg", np.tile(WAVE, 12), format="OGG", subtype=subtype)
    whole = pages(path.read_bytes())
    assert len(whole) > 4
    assert inspect.inspect_file(path) == (48_000, 1, 240_000)
    for number in range(2, len(whole)):
        path.write_bytes(b"".join(whole[:number] + whole[number + 1 :]))
        with pytest.raises(InputError, match=r"part of the file is missing|cut short"):
            inspect.inspect_file(path)
        damaged = bytearray(whole[number])
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(b"".join([*whole[:number], damaged, *whole[number + 1 :]]))
        with pytest.raises(InputError, match=r"damaged|cut short"):
            inspect.inspect_file(path)


def test_words_in_a_tag_are_no_header(tmp_path):
    path = written(tmp_path / "a.mp3")
    data = path.read_bytes()
    tag = b"TAG" + b"Info: a robin, Xing".ljust(125, b" ")
    path.write_bytes(data + tag)
    assert inspect.inspect_file(path) == (48_000, 1, 20_000)
    body = b"TXXX" + bytes([0, 0, 0, 40, 0, 0]) + b"Info and Xing".ljust(40, b"x")
    path.write_bytes(b"ID3\x04\x00\x00" + bytes([0, 0, 0, len(body)]) + body + data)
    assert inspect.inspect_file(path)[:2] == (48_000, 1)
    path.write_bytes(b"ID3\x04\x00\x00" + bytes([0, 0, 0, len(body)]) + body + data[:-100])
    with pytest.raises(InputError, match="cut short"):
        inspect.inspect_file(path)


def test_what_is_no_regular_file_is_no_recording(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    expected = {
        "pipe": "found a pipe, a socket or a device",
        "device": "found a pipe, a socket or a device",
        "folder": "found a folder",
        "dangling": "found a link that leads nowhere",
        "loop": "found a link that leads to itself",
        "é" * 150: "found that it cannot be read (File name too long)",
        "pipe/below": "found none",
    }
    recordings = [Recording(name, name, "train") for name in expected]
    for name, said in expected.items():
        said = f"expected an audio file, {said}"
        with pytest.raises(InputError, match=re.escape(said)):
            inspect.inspect_file(tmp_path / name)
        with pytest.raises(InputError, match=re.escape(f"{tmp_path / name}: {said}")):
            read.length(tmp_path / name, 48_000)
    for found in (
        inspection.inspect(
            recordings,
            lambda recording: tmp_path / recording.path,
            lambda path: (inspect.inspect_file(path), ()),
            columns=inspect.COLUMNS,
        )[1],
        missing(recordings, source.Source("rfcx", str(tmp_path), "all")),
    ):
        assert {item.place: item.reason for item in found} == {
            name: f"expected an audio file, {said}" for name, said in expected.items()
        }


def test_what_may_not_be_read_is_told_from_what_is_not_there(tmp_path):
    """With the rights of a person: nobody else's are refused."""
    (tmp_path / "locked").mkdir()
    written(tmp_path / "locked" / "a.wav")
    written(tmp_path / "b.wav").chmod(0)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from understory.audio import inspect, read\n"
        "from understory.data.source import Source\n"
        "from understory.core.errors import InputError\n"
        "from understory.data.builder import read_rows\n"
        "for call in (inspect.inspect_file, lambda p: read.length(p, 8000), lambda p: read_rows(p, ()),\n"
        "             lambda p: Source('rfcx', p, 'all').read()):\n"
        "    try: print(call(sys.argv[2]))\n"
        "    except InputError as error: print(error)\n"
    )
    rights = [
        "setpriv",
        "--inh-caps=-dac_override,-dac_read_search",
        "--bounding-set=-dac_override,-dac_read_search",
    ]
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip(
            "root may read every file, and setpriv (Debian: util-linux), which takes that right away, is missing"
        )
    (tmp_path / "locked").chmod(0)
    try:
        for name in ("locked/a.wav", "b.wav"):
            command = [sys.executable, "-c", code, str(ROOT / "scripts"), str(tmp_path / name)]
            done = subprocess.run(
                (rights if os.geteuid() == 0 else []) + command, capture_output=True, text=True, check=False
            )
            said = done.stdout.splitlines()
            assert len(said) == 4, done.stderr
            assert all("found that it may not be read (permission denied)" in line for line in said)
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_flac_file_whose_samples_were_changed_under_its_digest_is_found_out(tmp_path):
    path = written(tmp_path / "a.flac", subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="whose digest its header holds, found others: the file is damaged"):
        inspect.inspect_file(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "expected an audio file, found none"),
        (b"", "expected an audio file, found an empty one"),
        (b"nothing of the kind", "found that it cannot be decoded"),
        (b"<html>404</html>", "found that it cannot be decoded"),
    ],
)
def test_what_is_no_audio_file(tmp_path, content, said):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        inspect.inspect_file(path)


@pytest.mark.parametrize(
    ("wave", "rate", "said"),
    [
        (WAVE[:0], 48_000, "found one without a sample"),
        (np.array([0.1, math.nan]), 48_000, "found one that is not finite"),
        (np.array([0.1, -math.inf]), 48_000, "found one that is not finite"),
        (WAVE * 32768, 48_000, r"samples of at most 8 times full scale, found a magnitude of \d+"),
        (WAVE, 999, "sample rate from 1000 to 1000000 Hz, found 999"),
        (WAVE, 1_000_001, "sample rate from 1000 to 1000000 Hz, found 1000001"),
    ],
)
def test_what_is_no_waveform(tmp_path, wave, rate, said):
    path = written(tmp_path / "a.wav", wave, rate, subtype="FLOAT")
    with pytest.raises(InputError, match=said):
        inspect.inspect_file(path)


def test_two_samples_are_a_recording(tmp_path):
    assert inspect.inspect_file(written(tmp_path / "a.wav", WAVE[:2])) == (48_000, 1, 2)


STEP = 2.0**-15


@pytest.mark.parametrize(
    ("wave", "value"),
    [
        (np.zeros(3_000_000), "is 0"),
        (np.full(20_000, 0.75), "is 0.75"),
        (np.stack([WAVE, -WAVE], axis=1), "in the mean of its channels is 0"),
        (1e-12 * WAVE, "is 0"),
        (np.resize([0, 0.9 * STEP], 1000), "is 0"),
        (WAVE[:1], "is 0.01"),
    ],
)
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_what_holds_no_sound_is_set_aside(tmp_path, wave, value, subtype):
    if subtype == "PCM_16" and 0 < np.ptp(wave) < STEP:
        wave = 0 * wave
    suffix = "wav" if subtype == "FLOAT" else "flac"
    path = written(tmp_path / f"a.{suffix}", wave, subtype=subtype)
    with pytest.raises(InputError, match=f"expected sound, found that every sample.* {value}"):
        inspect.inspect_file(path)


@pytest.mark.parametrize("place", [5, 1_500_000])
@pytest.mark.parametrize("step", [STEP, -STEP])
def test_one_step_of_sixteen_bits_anywhere_is_sound(tmp_path, place, step):
    wave = np.full(2_000_000, 0.5)
    wave[place] += step
    for name, subtype in (("a.wav", "FLOAT"), ("a.flac", "PCM_16")):
        path = written(tmp_path / name, wave, subtype=subtype)
        assert inspect.inspect_file(path) == (48_000, 1, 2_000_000)


EVENT = Annotation("a", "x", "present", 1.0, 2.0, 100.0, 200.0)
FACTS = pd.DataFrame(
    [["a", "train/a.flac", 8_000, 1, 80_000]], columns=["recording_id", "path", *inspect.COLUMNS]
)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"t_max": math.inf, "f_max": math.inf}, True),
        ({"t_max": 10.4}, True),
        ({"t_max": 12.9}, True),
        ({"t_max": 13.1}, False),
        ({"t_min": 9.8, "t_max": 10.45}, True),
        ({"t_min": 9.0, "t_max": 11.9}, True),
        ({"t_min": 9.0, "t_max": 12.1}, False),
        ({"t_min": 9.99, "t_max": 10.1}, True),
        ({"t_min": 10.0, "t_max": 10.1}, False),
        ({"f_min": 3_999.0, "f_max": 5_000.0}, True),
        ({"f_min": 4_000.0, "f_max": 5_000.0}, False),
    ],
)
def test_an_event_has_to_lie_in_its_recording(changes, kept):
    tables = Dataset(("x",), (Recording("a", "train/a.flac", "train"),), (EVENT._replace(**changes),), False)
    found, outside = inspection.usable(tables, FACTS)
    assert len(found.annotations) == kept
    assert len(outside) == (not kept)
    if not kept:
        assert outside[0][:4] == ("train", "annotation", "a", "train/a.flac")
        assert outside[0].reason.startswith("expected an event within 10 s and 4000 Hz, found x from ")


@pytest.mark.parametrize(
    ("t_min", "t_max", "asked"), [(500, 1800, True), (10.2, 10.6, True), (40_000, 41_000, False)]
)
def test_times_that_may_be_in_milliseconds_are_asked_for_in_seconds(t_min, t_max, asked):
    event = EVENT._replace(t_min=t_min, t_max=t_max)
    tables = Dataset(("x",), (Recording("a", "train/a.flac", "train"),), (event,), False)
    ((*_, reason),) = inspection.usable(tables, FACTS)[1]
    assert reason.endswith("are its times in milliseconds? They are in seconds") == asked


def test_an_event_outside_its_recording_is_told_where_it_stands():
    late = EVENT._replace(t_max=14.0)
    tables = Dataset(
        ("x",),
        (Recording("a", "train/a.flac", "train"),),
        (late,),
        False,
        places={late: "train_tp.csv, line 7"},
    )
    (item,) = inspection.usable(tables, FACTS)[1]
    assert item.place == "train_tp.csv, line 7"


def test_without_an_event_to_train_on_there_is_no_run():
    given = tables_of(3)
    check_present(given, given, [])
    bad = [item(1), item(0)]
    with pytest.raises(
        InputError,
        match=r"no annotation of a present event is left .*: 0 of 3 annotations and 2 training recordings cannot be used, "
        r"such as train/r0\.flac: expected a song",
    ):
        check_present(given, Dataset(("x",), (), (), False), bad)
    absent = Dataset(("x",), (), (EVENT._replace(presence="absent"),), False)
    with pytest.raises(
        InputError, match=r"0 of 1 annotations and 0 training recordings cannot be used\. Add"
    ):
        check_present(absent, absent, [])


def test_what_was_not_found_usable_is_left_out():
    tables = Dataset(
        ("x",), (Recording("b", "train/b.flac", "train"),), (EVENT._replace(recording_id="b"),), False
    )
    found, outside = inspection.usable(tables, FACTS)
    assert (found.recordings, found.annotations, outside) == ((), (), [])


def item(number, kind="recording", subset="train"):
    return Quarantined(subset, kind, f"r{number}", f"train/r{number}.flac", "expected a song, found none")


def tables_of(count):
    return Dataset(
        ("x",),
        tuple(Recording(f"r{number}", f"train/r{number}.flac", "train") for number in range(count)),
        tuple(EVENT._replace(recording_id=f"r{number}") for number in range(count)),
        False,
    )


@pytest.mark.parametrize("kind", ["recording", "annotation"])
def test_a_run_stops_beyond_the_share_and_not_before(kind):
    limit = Limit("quarantine", 0.05)
    limit.check(tables_of(100), [item(number, kind) for number in range(5)])
    with pytest.raises(
        InputError, match=rf"6 of 100 train {kind}s cannot be used, more than max_quarantined"
    ):
        limit.check(tables_of(100), [item(number, kind) for number in range(6)])
    # What the reader did not take counts as well.
    given = Dataset(("x",), (), (), False, None, tuple(item(number, kind) for number in range(6)))
    with pytest.raises(InputError, match=rf"6 of 6 train {kind}s"):
        limit.check(given, given.quarantined)
    Limit("quarantine", 1.0).check(given, given.quarantined)


def test_the_list_names_fifty_and_counts_the_rest():
    with pytest.raises(InputError) as raised:
        Limit("quarantine", 0.0).check(tables_of(60), [item(number) for number in range(60)])
    lines = str(raised.value).splitlines()
    assert lines[1] == "  train/r0.flac: expected a song, found none"
    assert (len(lines), lines[-1]) == (52, "  and 10 more")


def test_the_first_stops_the_run_where_it_has_to():
    limit = Limit("fail", 1.0)
    limit.check(tables_of(2), [])
    with pytest.raises(
        InputError, match=r"on_bad_file: fail, and 2 cannot be used, first train/r1.flac: expected"
    ):
        limit.check(tables_of(2), [item(2), item(1)])
    with pytest.raises(InputError, match="on_bad_file: fail"):
        limit.check_first([item(1)])


def test_a_list_comes_back_as_it_was(tmp_path):
    odd = Quarantined("test", "recording", "N\tA\nb", '=a,"b"', "expected 'x'\nfound\x00 ü")
    store.write_table(tmp_path / "q.csv", inspection.table([odd, item(3), item(3)]))
    assert inspection.listed([tmp_path / "q.csv"]) == [odd._replace(reason=repr(odd.reason)), item(3)]


@pytest.fixture(scope="module")
def variable(tmp_path_factory):
    """An MP3 file of a variable rate, quiet and then loud, of 48 kHz, and the size of its first frame, which tells how long it is."""
    path = tmp_path_factory.mktemp("mp3") / "whole.mp3"
    rng = np.random.default_rng(0)
    wave = np.concatenate([rng.normal(0, sigma, 3 * 48_000) for sigma in (0.01, 0.3)])
    soundfile.write(path, wave, 48_000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    return path.read_bytes(), mp3.frame(path.read_bytes(), 0).size


@pytest.mark.parametrize("rate", [48_000, 44_100, 22_050, 16_000, 8_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_frames_of_an_mp3_file_are_as_long_as_what_is_decoded(tmp_path, rate, channels):
    wave = np.random.default_rng(rate).normal(0, 0.1, (rate, channels))
    soundfile.write(tmp_path / "a.mp3", wave, rate, format="MP3")
    frames = inspect.inspect_file(tmp_path / "a.mp3")[2]
    with open(tmp_path / "a.mp3", "rb") as file:
        held, one = mp3.length(file)
    # With the frame that tells of the file, and what encoders add before and after the sound.
    assert 0 < held - frames <= 4 * one


@pytest.mark.parametrize("seed", range(3))
def test_bytes_of_a_picture_are_no_frames(tmp_path, variable, seed):
    """In two million random bytes, before or after the sound, some look like a header."""
    data, _ = variable
    art = np.random.default_rng(seed).bytes(2_000_000)
    for content in (art + data, data + art):
        (tmp_path / "a.mp3").write_bytes(content)
        with open(tmp_path / "a.mp3", "rb") as file:
            held, one = mp3.length(file)
        assert held - 288_000 <= inspect.MISSING * one


def test_an_mp3_file_of_which_decoders_see_a_part_is_found_out(tmp_path, variable):
    data, first = variable
    tag = b"ID3\x04\0\0\0\0\x07\x76" + bytes(1014)
    for name, content in (("plain", data), ("tagged", tag + data + b"TAG" + bytes(125))):
        (tmp_path / name).write_bytes(content)
        assert inspect.inspect_file(tmp_path / name) == (48_000, 1, 288_000)
    for name, content in (("streamed", data[first:]), ("joined", data + data)):
        (tmp_path / name).write_bytes(content)
        with soundfile.SoundFile(tmp_path / name) as file:
            assert file.frames < 0.6 * len(content) / len(data) * 288_000
        with pytest.raises(
            InputError, match=r"found that \d+ are: its beginning does not say how long it is"
        ):
            inspect.inspect_file(tmp_path / name)
