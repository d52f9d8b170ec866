"""Params that decide nothing about what comes out."""

from dataclasses import dataclass


class Untracked(dict):
    """A param that what comes out does not depend on, such as where files lie.

    Snakemake compares it, and hashes it for its output cache, as the empty mapping it is; what it carries are
    attributes.
    """

    def __repr__(self):
        return type(self).__name__

    def __bool__(self):
        return True


@dataclass(frozen=True, repr=False)
class Text(Untracked):
    """A text that decides nothing about what comes out: for a person to read, or whether a job may go on."""

    text: str
