"""What a person gave is wrong: errors that are said without a traceback."""


class InputError(ValueError):
    """Something a person gave is wrong. The message says what, what was expected, and what was found."""


class NoTable(InputError):  # noqa: N818
    """A table is not there: the folder may be laid out in another way."""
