"""Options that are read from the source of a choice, here of modules that a test writes."""

import sys

import pytest

from understory.core.errors import InputError
from understory.plan import choice_options
from understory.plan.config_block import validated

FUNCTION = '''
"""A network.

More of it.
"""

import understory_that_is_not_there
from understory.core.options import Count, Filters, Literal, Share, Size


def build(
    shape,
    classes,
    *,
    filters: Filters = (8, 16),
    depth: Count,
    rate: Share | None = None,
    how: Literal["sum", "mean"] = "sum",
    size: Size = [2, 3],
    names: list[str] = (),
    fast: bool = False,
):
    """What it makes.

    Parameters
    ----------
    shape, classes : int
        Of the examples.
    filters : sequence of int
        Filters of
        each block.
    depth, rate : int
        Both.

    Returns
    -------
    how : nothing
        Not an option.
    """
    raise RuntimeError
'''
TRANSFORM = '''
"""A transform."""

import understory_that_is_not_there
from understory.core.options import Decibels, Share

LIMIT = 3


class _Helper:
    def __init__(self, *, other):
        pass


class QuietNoiseSNR(_Helper):
    """Add quiet noise.

    Parameters
    ----------
    snr : float
        Ratio, dB.
    """

    def __init__(self, *, snr: Decibels, p: Share = 1.0):
        pass
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes modules of a choice in a package of their own."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(choice_options, "PLACES", {"network": ("mine", "build"), "transform": ("mine", None)})

    def write(**modules):
        for name, text in modules.items():
            (tmp_path / "mine" / f"{name}.py").write_text(text)

    yield write
    sys.modules.pop("mine", None)
    for function in (
        choice_options.block,
        choice_options._choice,
        choice_options._modules,
    ):
        function.cache_clear()


def test_options_of_a_function_are_its_keyword_only_parameters(package):
    package(net=FUNCTION)
    assert choice_options.names("network") == ["net"]
    block = choice_options.block("network", "net")
    fields = block.model_fields
    assert list(fields) == ["filters", "depth", "rate", "how", "size", "names", "fast"]
    assert {name for name, field in fields.items() if field.is_required()} == {"depth"}
    assert fields["filters"].description == "Filters of each block."
    assert (fields["depth"].description, fields["rate"].description) == ("Both.", "Both.")
    assert fields["how"].description == ""
    assert block.__doc__ == "A network."
    typed, lines = validated(block, {"depth": "3", "filters": ["4", 8.0], "rate": "1e-1"}, "here")
    assert not lines
    assert typed.model_dump() == {
        "filters": [4, 8],
        "depth": 3,
        "rate": 0.1,
        "how": "sum",
        "size": [2, 3],
        "names": [],
        "fast": False,
    }
    _, lines = validated(block, {"depth": 0, "rate": 2, "how": "mena", "size": [1], "fast": 1}, "here")
    assert list(lines.values()) == [
        "here.depth: expected a whole number at least 1 and at most 65536, given 0",
        "here.rate: expected a number at least 0 and at most 1 or null, given 2",
        'here.how: expected one of sum, mean, given "mena"; did you mean mean?',
        "here.size: expected a list of 2, given [1]",
        "here.fast: expected true or false, given 1",
    ]


def test_options_of_a_class_are_those_of_its_constructor(package):
    package(quiet_noise_snr=TRANSFORM)
    assert choice_options.names("transform") == ["Compose", "OneOf", "QuietNoiseSNR"]
    assert list(choice_options.block("transform", "QuietNoiseSNR").model_fields) == ["snr", "p"]
    assert choice_options.block("transform", "QuietNoiseSNR").model_fields["snr"].description == "Ratio, dB."
    # The class by its own name, and not by its module's.
    for other in ("quiet_noise_snr", "QuietNoiseSnr", "LoudNoise"):
        assert choice_options.block("transform", other) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def make(): pass", "net.py: expected a function build, found none"),
        (
            "def build(*, depth=3): pass",
            r"option depth of net: expected a type of understory.core.options \(Count, .*, found none",
        ),
        ("def build(*, depth: Depth = 3): pass", r"core.options \(Count, .*\), .* found Depth"),
        ("def build(*, depth: dict[str, int] = 3): pass", r"found dict\[str, int\]"),
        ("def build(*, depth: Literal[1, 2] = 1): pass", r"Literal of words, .* found Literal\[1, 2\]"),
        ("def build(*, depth: Annotated[int, Odd(1)] = 1): pass", r"found Annotated\[int, Odd\(1\)\]"),
        (
            "def build(*, depth: Count = DEPTH): pass",
            "option depth of net: expected a literal as its default, found DEPTH",
        ),
    ],
)
def test_a_module_that_does_not_declare_its_options_is_named(package, text, said):
    package(net=text)
    with pytest.raises(InputError, match=said):
        choice_options.block("network", "net")


def test_a_transform_needs_a_constructor_and_a_class_in_its_modules_name(package):
    package(plain_noise="class PlainNoise: pass", other="class Another: pass")
    with pytest.raises(InputError, match="expected PlainNoise to have __init__ with its options, found none"):
        choice_options.block("transform", "PlainNoise")
    with pytest.raises(InputError, match=r"other\.py: expected a class in CamelCase of the module's name"):
        choice_options.block("transform", "Other")


def test_only_what_is_chosen_is_read(package):
    package(net=FUNCTION, broken="def build(")
    assert choice_options.block("network", "net") is not None
    with pytest.raises(SyntaxError):
        choice_options.block("network", "broken")


def test_an_option_may_have_bounds_of_its_own(package):
    package(net="def build(*, depth: Annotated[int, Ge(1), Le(8)] = 3): pass")
    block = choice_options.block("network", "net")
    assert validated(block, {"depth": "1e0"}, "here")[0].depth == 1
    _, lines = validated(block, {"depth": 9}, "here")
    assert list(lines.values()) == ["here.depth: expected a whole number at least 1 and at most 8, given 9"]
