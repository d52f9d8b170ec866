"""The frames of an MP3 file (ISO/IEC 11172-3 and 13818-3), by which it tells how long it is."""

import mmap
from typing import NamedTuple

# kbit/s by the number in a header, of MPEG 1 and of the lower rates of MPEG 2 and 2.5; 0 for rates that a header does not tell.
RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LOWER = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
# Hz of MPEG 1, by the number in a header, and what they are divided by in MPEG 2.5 and 2.
SAMPLE_RATES, DIVISORS = (44_100, 48_000, 32_000), {0: 4, 2: 2, 3: 1}


class Frame(NamedTuple):
    """Bytes and samples of a frame, and its sample rate, Hz."""

    size: int
    samples: int
    sample_rate: int


def frame(data, place: int) -> Frame | None:
    """The frame of layer III whose header is at a place of a file; None where there is none."""
    head = data[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, sample_rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in DIVISORS or rate in (0, 15) or sample_rate == 3:
        return None
    first = version == 3
    hertz = SAMPLE_RATES[sample_rate] // DIVISORS[version]
    bits = 1000 * (RATES if first else LOWER)[rate]
    samples = 1152 if first else 576
    return Frame(samples // 8 * bits // hertz + (head[2] >> 1 & 1), samples, hertz)


def length(file) -> tuple[int, int]:
    """The samples of all frames of an open file, whatever its first one says of their number, and those of one frame.

    Bytes between frames, such as tags, are passed over. Some of them look like a frame: one that does not follow another counts only
    where two follow it.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place, ended, count, each = 0, None, 0, 0
        while (place := data.find(b"\xff", place)) >= 0:
            found = frame(data, place)
            if found is None or (place != ended and not _followed(data, place, found)):
                place += 1
                continue
            each = found.samples
            count += each
            place = ended = place + found.size
        return count, each


def _followed(data, place, first):
    """Whether two frames of the same sample rate follow a frame."""
    for _ in range(2):
        place += first.size
        following = frame(data, place)
        if following is None or following.sample_rate != first.sample_rate:
            return False
        first = following
    return True
