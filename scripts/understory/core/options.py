"""Types of the options of a choice, by which the configuration is checked and described.

A choice's options are the keyword-only parameters of what its module defines. The name of their type says what values they may
have; it is read from the source, so that a plan imports no TensorFlow to know it.
"""

from typing import Annotated
from typing import Literal as Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from annotated_types import Lt as Lt

Count = Annotated[int, Ge(1), Le(65_536)]
Samples = Annotated[int, Ge(1), Le(2**20)]
FrameLength = Annotated[int, Ge(16), Le(2**20)]
MelBands = Annotated[int, Ge(1), Le(4096)]
Whole = Annotated[int, Ge(0)]
Filters = Annotated[list[Annotated[int, Ge(1), Le(4096)]], MinLen(1), MaxLen(6)]
Size = Annotated[list[Count], MinLen(2), MaxLen(2)]
Names = Annotated[list[str], MinLen(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
AtLeastOne = Annotated[float, Ge(1)]
Share = Annotated[float, Ge(0), Le(1)]
Dropout = Annotated[float, Ge(0), Le(0.95)]
PositiveShare = Annotated[float, Gt(0), Le(1)]
ShareUpToHalf = Annotated[float, Ge(0), Le(0.5)]
Decibels = Annotated[float, Ge(-60), Le(120)]
Degrees = Annotated[float, Ge(0), Le(180)]
Semitones = Annotated[int, Ge(1), Le(48)]
Rate = Annotated[int, Ge(1000), Le(1_000_000)]
Pooling = Literal["mean_max", "mean", "log_sum_exp", "attention"]
Sha256 = Annotated[str, MinLen(64), MaxLen(64)]
