"""Looking every source file through before it is used, and setting aside those that are no use."""

import hashlib
import math
import re
import struct
from dataclasses import replace
from pathlib import Path

import pandas as pd
import soundfile

from understory import store
from understory.tables import CONTROL, InputError, Quarantined, Tables

MIN_RATE, MAX_RATE = 1_000, 1_000_000
# Full scale is 1, and Vorbis goes somewhat beyond; what goes this far was not scaled to it.
MAX_PEAK = 8.0
# Seconds that an event may reach past its recording's end: boxes are drawn by hand.
TOLERANCE = 0.5
# Values decoded at once.
BLOCK = 1 << 20
# Sizes that a writer gives who did not know them.
UNKNOWN_SIZE = 0x7FFF_0000
# Bytes of the largest Ogg page, twice.
MAX_PAGE = 131_072
TOO_SHORT = re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
COLUMNS = ["recording_id", "path", "sample_rate", "channels", "frames"]


def inspect_file(path: Path) -> tuple[int, int, int]:
    """Decode a whole audio file, a block at a time.

    Parameters
    ----------
    path : Path
        Any file that libsndfile reads.

    Returns
    -------
    sample_rate, channels, frames : int
        Hz, their number, and samples in each.

    Raises
    ------
    InputError
        The file is missing, empty, not audio, damaged, cut short, without a sample, or holds what is no waveform.
    """
    if not path.is_file():
        raise InputError("expected an audio file, found none")
    if not path.stat().st_size:
        raise InputError("expected an audio file, found an empty one")
    try:
        with soundfile.SoundFile(str(path)) as file:
            if not MIN_RATE <= file.samplerate <= MAX_RATE:
                raise InputError(
                    f"expected a sample rate from {MIN_RATE} to {MAX_RATE} Hz, found {file.samplerate}"
                )
            frames = _decode(file)
            # Windows are read from where they begin, which a file may not allow.
            file.seek(frames // 2)
            file.read(1)
            if frames != file.frames:
                raise InputError(
                    f"expected {file.frames} samples, as its header says, found {frames}: the file is cut short"
                )
            for told, found in TOO_SHORT.findall(file.extra_info):
                if int(found) < int(told) < UNKNOWN_SIZE:
                    raise InputError(
                        f"expected {told} bytes of sound, as its header says, found {found}: the file is cut short"
                    )
            facts, kind = (file.samplerate, file.channels, frames), file.format
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"expected an audio file, found that it cannot be decoded: {error.error_string.rstrip('.')}"
        ) from None
    except (OSError, RuntimeError) as error:
        raise InputError(f"expected an audio file, found that it cannot be read: {error}") from None
    _check_end(path, kind)
    if not frames:
        raise InputError("expected an audio file, found one without a sample")
    return facts


def _decode(file):
    """The number of frames that come out, when all are finite and as FLAC's digest of them says."""
    frames = 0
    step = max(1, BLOCK // file.channels)
    told = _samples_digest(file)
    digest = hashlib.md5(usedforsecurity=False)
    while True:
        block = file.read(step, dtype="int16" if told else "float32", always_2d=True)
        if told:
            digest.update(block.tobytes())
        elif len(block):
            peak = max(-float(block.min()), float(block.max()))
            # A NaN compares as no number does.
            if not peak <= MAX_PEAK:
                found = f"a magnitude of {peak:g}" if math.isfinite(peak) else "one that is not finite"
                raise InputError(
                    f"expected samples within ±1, found {found} from {frames / file.samplerate:.1f} s on"
                )
        frames += len(block)
        if len(block) < step:
            break
    if told and digest.digest() != told:
        raise InputError(
            "expected the samples whose digest its header holds, found others: the file is damaged"
        )
    return frames


def _samples_digest(file):
    """The MD5 of its samples that a 16-bit FLAC file holds (RFC 9639, section 8.2); None where there is none."""
    if file.format != "FLAC" or file.subtype != "PCM_16":
        return None
    with open(file.name, "rb") as raw:
        head = raw.read(42)
    return head[26:42] if head.startswith(b"fLaC") and any(head[26:42]) else None


def _check_end(path, kind):
    """InputError where the container itself tells that its end is missing, which decoders pass over."""
    size = path.stat().st_size
    with open(path, "rb") as raw:
        if kind == "OGG":
            raw.seek(max(0, size - MAX_PAGE))
            page = raw.read()
            page = page[max(0, page.rfind(b"OggS")) :]
            # RFC 3533, section 6: of the flags in byte 5, 4 marks the last page; sizes of segments follow byte 26.
            whole = len(page) >= 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
            if not whole or not page[5] & 4:
                raise InputError("expected a last Ogg page that says so, found none: the file is cut short")
        if kind == "MP3":
            head = raw.read(BLOCK)
            place = max(head.find(b"Xing"), head.find(b"Info"))
            # The header of an encoder that knew them: flags, then the numbers of frames and of bytes.
            flags, _, told = struct.unpack(">III", head[place + 4 : place + 16].ljust(12, b"\0"))
            if place > 0 and flags & 3 == 3 and told > size:
                raise InputError(
                    f"expected {told} bytes, as its header says, found {size}: the file is cut short"
                )


def inspect(recordings, path_of) -> tuple[pd.DataFrame, list[Quarantined]]:
    """Look recordings through.

    Parameters
    ----------
    recordings : iterable of Recording
    path_of : callable
        A recording's file.

    Returns
    -------
    usable : pandas.DataFrame
        `recording_id, path, sample_rate` (Hz), `channels` and `frames` (samples), ordered by id.
    set_aside : list of Quarantined
    """
    rows, set_aside = [], []
    for recording in recordings:
        try:
            rows.append([recording.recording_id, recording.path, *inspect_file(path_of(recording))])
        except InputError as error:
            set_aside.append(
                Quarantined(recording.subset, "recording", recording.recording_id, recording.path, str(error))
            )
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("recording_id", ignore_index=True), set_aside


def usable(tables: Tables, recordings: pd.DataFrame) -> tuple[Tables, list[Quarantined]]:
    """The data set without recordings that were not found usable, and without annotations outside theirs.

    Parameters
    ----------
    tables : Tables
    recordings : pandas.DataFrame
        Those that are usable, as `inspect` gives them.

    Returns
    -------
    Tables, list of Quarantined
        What can be used, and the annotations set aside here.
    """
    facts = {
        row.recording_id: (row.path, row.frames / row.sample_rate, row.sample_rate / 2)
        for row in recordings.itertuples()
    }
    found = tables.of(facts)
    inside, outside = [], []
    for annotation in found.annotations:
        path, duration, highest = facts[annotation.recording_id]
        beyond = annotation.t_max > duration + TOLERANCE and math.isfinite(annotation.t_max)
        if annotation.t_min >= duration or beyond or annotation.f_min >= highest:
            outside.append(
                Quarantined(
                    "train",
                    "annotation",
                    annotation.recording_id,
                    path,
                    f"expected an event within {duration:.4g} s and {highest:g} Hz, found {annotation.label} from "
                    f"{annotation.t_min:g} to {annotation.t_max:g} s and from {annotation.f_min:g} to {annotation.f_max:g} Hz",
                )
            )
        else:
            inside.append(annotation)
    return replace(found, annotations=tuple(inside)), outside


def table(set_aside) -> pd.DataFrame:
    """What is set aside as a table, in a fixed order; no control character is left in it."""
    rows = sorted(
        {Quarantined(*(repr(text) if CONTROL.search(text) else text for text in item)) for item in set_aside}
    )
    return pd.DataFrame(rows, columns=list(Quarantined._fields), dtype=str)


def listed(paths) -> list[Quarantined]:
    """What such tables list."""
    tables = [store.read_table(path) for path in paths]
    return [Quarantined(*row) for table in tables for row in table.itertuples(index=False)]
