"""The chunks of a WAV file (Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991)."""

import os
import struct

# Sizes that programs write who do not know the size yet: decoders read on to the end.
UNKNOWN_SIZE = 0x7FFF_0000
# Bytes that are read at a time.
BLOCK = 1 << 20


def unread(file, *, decoded: bool) -> float:
    """Seconds of what an open file holds after its sound that is neither a chunk nor zeros: sound that its header does not count.

    0 for what is no WAV file of the usual kind (RIFF). `decoded` says whether any of it was decoded: of a header that counts nothing, some
    decoders know that it is not finished, and read on to the end.
    """
    size, place, rate, sound = os.fstat(file.fileno()).st_size, 12, 0, False
    file.seek(0)
    head = file.read(place)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0.0
    while chunk := _chunk(file, place, size):
        name, length = chunk
        if name == b"fmt ":
            rate = int.from_bytes(file.read(12)[8:], "little")
        if name == b"data" and (length >= UNKNOWN_SIZE or (decoded and not length)):
            return 0.0
        place, sound = place + 8 + length, sound or name == b"data"
        # Chunks begin at even bytes, but not all programs know.
        place += length % 2 and _chunk(file, place, size) is None
    return (size - place) / rate if sound and rate and _sounds(file, place, size) else 0.0


def _chunk(file, place, size):
    """The name and length of the chunk at a place; None where there is none that ends within the file."""
    file.seek(place)
    head = file.read(8)
    if len(head) < 8:
        return None
    name, length = struct.unpack("<4sI", head)
    whole = name == b"data" or place + 8 + length <= size
    return (name, length) if whole and all(32 <= byte < 127 for byte in name) else None


def _sounds(file, place, size):
    """Whether anything from a place on is not zero."""
    file.seek(place)
    return any(any(file.read(BLOCK)) for _ in range(place, size, BLOCK))
