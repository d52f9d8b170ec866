"""Numbers and digests of texts and values, the same everywhere.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import hashlib
import json


def stable_hash(text: str) -> int:
    """A 64-bit integer of a text, the same in every process, version and machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def ordered(value):
    """The value with every mapping sorted by key and made of builtins: Snakemake compares params by their repr."""
    return json.loads(json.dumps(value, sort_keys=True))


def digest(value) -> str:
    """16 hex digits of a value that JSON can hold, whatever the order of its mappings."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
