"""Pages of Ogg files (RFC 3533, section 6).

A page has 27 bytes (its flags at 5, the serial number of its stream at 14, its own number at 18, checksum at 22, segments
at 26), the sizes of its segments, and the segments.
"""

import struct
import zlib

# Each byte with its bits in reverse order.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """The checksum of a page: CRC-32 of polynomial 0x04c11db7, most significant bit first, from zero.

    It is computed as zlib's CRC-32 with all bits in reverse order.
    """
    reverse = zlib.crc32((page[:22] + bytes(4) + page[26:]).translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reverse:032b}"[::-1], 2)


def with_serial(data: bytes, serial: int) -> bytes:
    """A whole Ogg file of one stream with another serial number; programs choose it by the clock.

    Parameters
    ----------
    data : bytes
    serial : int
        From 0 to 2**32 - 1.
    """
    pages, place = [], 0
    while place < len(data):
        segments = place + 27 + data[place + 26]
        end = segments + sum(data[place + 27 : segments])
        page = data[place : place + 14] + struct.pack("<I", serial) + data[place + 18 : end]
        pages += page[:22], struct.pack("<I", checksum(page)), page[26:]
        place = end
    return b"".join(pages)
