"""Errors of the user's input, which are shown without a traceback."""

from contextlib import contextmanager


class InputError(ValueError):
    """Something in the user's input is wrong. The message says what was expected, and what was found."""


class NoTable(InputError):  # noqa: N818
    """A table is missing: the folder may have another layout."""


@contextmanager
def user_errors():
    """Exit with the message of an InputError, without a traceback."""
    try:
        yield
    except InputError as error:
        raise SystemExit(f"{error}") from None
