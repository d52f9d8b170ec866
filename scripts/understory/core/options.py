"""Types of the options of a choice, by which the configuration is checked and described.

A choice's options are the keyword-only parameters of what its module defines. The name of their type says what values they may
have; it is read from the source, so that a plan imports no TensorFlow to know it.
"""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Count = Annotated[int, Ge(1)]
Whole = Annotated[int, Ge(0)]
Counts = Annotated[list[Count], MinLen(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
Decibels = Annotated[float, Ge(-60), Le(60)]
__all__ = [
    "Count",
    "Counts",
    "Decibels",
    "Literal",
    "NonNegative",
    "Positive",
    "Share",
    "ShareBelowOne",
    "Whole",
]
