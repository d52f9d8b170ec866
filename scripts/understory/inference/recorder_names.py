"""When a recording began, by the name that its recorder gave it.

Known are names of AudioMoth (`20240503_041500.WAV`, also with T for triggered ones or the name of the device before it, and the
hexadecimal seconds since 1970 of its first firmware, `5CCBB6F4.WAV`), of Wildlife Acoustics' Song Meters
(`SMA01234_20240503_041500.wav`, `S4A01234_0+1_20240503_041500.wav`), and of ISO 8601 in its forms with and without separators
(`2024-05-03T04-15-00Z.wav`, `20240503T041500+0200_REC.flac`). Times are taken as they are written, whatever their time zone.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

STAMP = re.compile(
    r"(?<!\d)(\d{4})(-?)(\d\d)\2(\d\d)[T_ -](\d\d)([-:._]?)(\d\d)\6(\d\d)(?!\d)", re.ASCII | re.IGNORECASE
)
SECONDS = re.compile(r"(?=.*[A-F])[0-9A-F]{8}")
# AudioMoth's first firmware, and the years in which hexadecimal names may have been written.
FIRST, LAST = datetime(2014, 1, 1), datetime(2036, 1, 1)


def began(path: str) -> datetime | None:
    """When a recording began; None where its name does not say."""
    stem = PurePosixPath(path).stem
    for found in STAMP.finditer(stem):
        year, _, month, day, hour, _, minute, second = found.groups()
        try:
            return datetime(*map(int, (year, month, day, hour, minute, second)))
        except ValueError:
            continue
    if SECONDS.fullmatch(stem):
        began = datetime.fromtimestamp(int(stem, 16), UTC).replace(tzinfo=None)
        return began if FIRST <= began < LAST else None
    return None


def hour(path: str, seconds: float) -> str:
    """The hour in which a moment of a recording falls: of the day, `2024-05-03 04:00`, or else from its beginning, `+02:00`."""
    start = began(path)
    if start is None:
        return f"+{int(seconds // 3600):02}:00"
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:00")
