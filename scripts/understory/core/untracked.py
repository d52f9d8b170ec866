"""Params that do not affect the results."""

from dataclasses import dataclass


class Untracked(dict):
    """A param that does not affect the results, such as where files lie.

    Snakemake compares it, and hashes it for its output cache, as the empty mapping it is; what it carries are
    attributes.
    """

    def __repr__(self):
        return type(self).__name__

    def __bool__(self):
        return True


@dataclass(frozen=True, repr=False)
class Text(Untracked):
    """A text that does not affect the results: for the user to read, or to decide whether a job may go on."""

    text: str
