"""Types of the options of a choice, by which the configuration is checked and described.

A choice's options are the keyword-only parameters of what its module defines. The name of their type says what values they may
have; it is read from the source, so that a plan imports no TensorFlow to know it.
"""

from typing import Annotated
from typing import Literal as Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

Count = Annotated[int, Ge(1)]
Whole = Annotated[int, Ge(0)]
Counts = Annotated[list[Count], MinLen(1)]
Size = Annotated[list[Count], MinLen(2), MaxLen(2)]
Names = Annotated[list[str], MinLen(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
AtLeastOne = Annotated[float, Ge(1)]
Share = Annotated[float, Ge(0), Le(1)]
ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
PositiveShare = Annotated[float, Gt(0), Le(1)]
ShareUpToHalf = Annotated[float, Ge(0), Le(0.5)]
Decibels = Annotated[float, Ge(-60), Le(120)]
Degrees = Annotated[float, Ge(0), Le(180)]
Semitones = Annotated[int, Ge(1), Le(48)]
