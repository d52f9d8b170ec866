"""What the sources of a data set are called in sentences."""

from typing import NamedTuple


class Words(NamedTuple):
    """What the sources of a data set are called, singular and plural.

    Attributes
    ----------
    recording, recordings : str
        What is annotated and predicted.
    example, examples : str
        What a model takes at once: a part of a recording, or a whole one.
    """

    recording: str
    recordings: str
    example: str
    examples: str


WORDS = {
    "recordings": Words("recording", "recordings", "example", "examples"),
    "images": Words("image", "images", "image", "images"),
    "studies": Words("study", "studies", "slice", "slices"),
}
