"""Inspection of audio files: each is decoded from beginning to end before it is used."""

import hashlib
import math
import os
import re
import struct
from pathlib import Path

import soundfile

from understory.audio import mp3, ogg, riff
from understory.core import files
from understory.core.errors import InputError

MIN_RATE, MAX_RATE = 1_000, 1_000_000
# Full scale is 1, which Vorbis exceeds somewhat; a file that exceeds it this far was not scaled to it.
MAX_PEAK = 8.0
# One step of 16 bits: a file that stays within it from beginning to end has no sound.
QUIETEST = 2.0**-15
# Values that are decoded at a time.
BLOCK = 1 << 20
# Seconds that a WAV file may hold after its sound, of whatever it is.
MOST_UNREAD = 1.0
TOO_SHORT = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
# Frames of an MP3 file that are not decoded at most: what encoders say of the file, and add before and after the sound.
MISSING = 6
# What `inspect_recording` finds.
COLUMNS = ["sample_rate", "channels", "frames"]


def inspect_recording(path: Path, settings: dict):
    """What `understory.data.inspection.inspect` asks of a recording: the facts that `inspect_file` finds, and no parts."""
    return inspect_file(path), ()


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
        The file is missing, empty, not audio, damaged, cut short, without a sample, not a waveform, or silent: the mean
        of its channels is constant. Or it holds more than its header says.
    """
    if other := files.other(path):
        raise InputError(f"expected an audio file, found {other}")
    if not path.stat().st_size:
        raise InputError("expected an audio file, found an empty one")
    try:
        with soundfile.SoundFile(str(path)) as file:
            if not MIN_RATE <= file.samplerate <= MAX_RATE:
                raise InputError(
                    f"expected a sample rate from {MIN_RATE} to {MAX_RATE} Hz, found {file.samplerate}"
                )
            frames, low, high = _decode(file)
            # Windows are read from their start, and not every file can be read from the middle.
            file.seek(frames // 2)
            file.read(1)
            if frames != file.frames:
                raise InputError(
                    f"expected {file.frames} samples, as its header says, found {frames}: the file is cut short"
                )
            for size, actual in TOO_SHORT.findall(file.extra_info):
                if int(actual) < int(size) < riff.UNKNOWN_SIZE:
                    raise InputError(
                        f"expected {size} bytes of sound, as its header says, found {actual}: the file is cut short"
                    )
            facts, kind = (file.samplerate, file.channels, frames), file.format
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"expected an audio file, found that it cannot be decoded: {_reason(error.error_string)}"
        ) from None
    except (OSError, RuntimeError) as error:
        raise InputError(f"expected an audio file, found that it cannot be read: {error}") from None
    _check_end(path, kind, frames)
    if not frames:
        raise InputError("expected an audio file, found one without a sample")
    if high - low < QUIETEST:
        mixed = " in the mean of its channels" if facts[1] > 1 else ""
        raise InputError(
            f"expected sound, found that every sample{mixed} is {round((low + high) / 2, 4) + 0.0:g}"
        )
    return facts


def _reason(said):
    """What libsndfile says of a file that is there."""
    return "its content is of no format that is known" if "does not exist" in said else said.rstrip(".")


def _decode(file):
    """The number of frames, and the lowest and highest mean of their channels.

    InputError where a sample is not finite or far beyond full scale, or where FLAC's digest of the samples is another.
    """
    frames, low, high = 0, math.inf, -math.inf
    step = max(1, BLOCK // file.channels)
    expected = _samples_digest(file)
    scale = 32768 if expected else 1
    digest = hashlib.md5(usedforsecurity=False)
    while True:
        block = file.read(step, dtype="int16" if expected else "float32", always_2d=True)
        if expected:
            digest.update(block.tobytes())
        elif len(block):
            peak = max(-float(block.min()), float(block.max()))
            # Not `peak > MAX_PEAK`, which is false of a NaN.
            if not peak <= MAX_PEAK:
                wrong = f"a magnitude of {peak:g}" if math.isfinite(peak) else "one that is not finite"
                raise InputError(
                    f"expected samples of at most {MAX_PEAK:g} times full scale, found {wrong} from "
                    f"{frames / file.samplerate:.1f} s on"
                )
        if len(block):
            mixed = block.mean(axis=1) if file.channels > 1 else block
            low, high = min(low, float(mixed.min()) / scale), max(high, float(mixed.max()) / scale)
        frames += len(block)
        if len(block) < step:
            break
    if expected and digest.digest() != expected:
        raise InputError(
            "expected the samples whose digest its header holds, found others: the file is damaged"
        )
    return frames, low, high


def _samples_digest(file):
    """The MD5 of the samples in the header of a 16-bit FLAC file (RFC 9639, section 8.2); None without one."""
    if file.format != "FLAC" or file.subtype != "PCM_16":
        return None
    with open(file.name, "rb") as raw:
        head = raw.read(42)
    return head[26:42] if head.startswith(b"fLaC") and any(head[26:42]) else None


def _check_end(path, kind, frames):
    """InputError where the container shows that something is missing, or was not decoded, which decoders ignore."""
    with open(path, "rb") as file:
        if kind == "OGG":
            _check_pages(file)
        if kind == "MP3":
            _check_frames(file)
            _check_length(file, frames)
        if kind in ("WAV", "WAVEX") and (seconds := riff.unread(file, decoded=frames > 0)) > MOST_UNREAD:
            raise InputError(
                f"expected a header that says how much sound there is, found {seconds:.1f} s after its end: the recorder stopped before it "
                "wrote the header, or there is more than a WAV file can hold; write it anew "
                "(ffmpeg -ignore_length 1 -i FILE -codec copy -rf64 auto NEW.wav)"
            )


def _check_length(file, frames):
    """InputError where an MP3 file holds more than was decoded: decoders take its length from its first frame."""
    held, most = mp3.length(file)
    if held - frames > MISSING * most:
        raise InputError(
            f"expected to decode the {held} samples of its frames, found that {frames} are: its beginning does not say how long it is; "
            "write it anew (ffmpeg -i FILE -codec copy NEW.mp3), or split files that were joined"
        )


def _check_frames(file):
    """InputError where an MP3 file is shorter than its first frame says."""
    size_of_file, start, head = os.fstat(file.fileno()).st_size, 0, file.read(10)
    if head.startswith(b"ID3"):
        # Seven bits of each byte count, and the tag's own header has ten bytes (ID3v2.4.0, section 3.1).
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    data = file.read(4 + 32 + 12)
    first, mono = data[:4], data[3:4] >= b"\xc0"
    # Encoders that knew the numbers of frames and bytes wrote them after the side information of the first frame.
    place = 4 + {True: (9, 17), False: (17, 32)}[mono][first[1:2] >= b"\xf8"]
    flags, _, size = struct.unpack(">III", data[place + 4 : place + 16].ljust(12, b"\0"))
    if data[place : place + 4] in (b"Xing", b"Info") and flags & 3 == 3 and size > size_of_file - start:
        raise InputError(
            f"expected {size} bytes, as its header says, found {size_of_file - start}: the file is cut short"
        )


def _check_pages(file):
    """InputError unless every page of an Ogg file (`understory.audio.ogg`) is whole, up to one that is marked as the last."""
    place, numbers, ended = 0, {}, False
    while (head := file.read(27))[:4] == b"OggS":
        sizes = file.read(head[-1])
        page = head + sizes + file.read(sum(sizes))
        if len(head) < 27 or len(sizes) < head[26] or len(page) < 27 + len(sizes) + sum(sizes):
            break
        serial, number, checksum = struct.unpack("<III", page[14:26])
        if ogg.checksum(page) != checksum:
            raise InputError(f"expected whole Ogg pages, found one that is damaged at byte {place}")
        if number != numbers.get(serial, 0):
            raise InputError(
                f"expected Ogg page {numbers.get(serial, 0)}, found {number}: part of the file is missing"
            )
        numbers[serial], ended = number + 1, bool(page[5] & 4)
        place += len(page)
    if not ended:
        raise InputError("expected an Ogg page that is marked as the last, found none: the file is cut short")
