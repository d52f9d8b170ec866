"""Song types: what classes are annotated with beside their names, such as song and call, and the outputs that networks have for them.

Events without a type have the type "": where one is present it is one among the others, with an output of its own. To reject a class
without a type is to reject all its types.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from dataclasses import replace

from understory.core.errors import InputError
from understory.data.dataset import Dataset


def several(annotations) -> dict[str, tuple[str, ...]]:
    """By class, its types in the order of the alphabet; only of the classes that are annotated with more than one."""
    found: dict[str, set[str]] = {}
    for each in annotations:
        if each.presence == "present" or (each.song_type and each.presence == "absent"):
            found.setdefault(each.label, set()).add(each.song_type)
    return {label: tuple(sorted(types)) for label, types in sorted(found.items()) if len(types) > 1}


def output(label: str, song_type: str) -> str:
    """The name of the output of a type of a class."""
    return f"{label}:{song_type}" if song_type else label


def outputs(tables: Dataset) -> dict[str, str] | None:
    """The class of each output of a network, by its name, in the order of the classes; None where no class has several types.

    A type of which no event is present has no output, as nothing could be learned of it.

    Raises
    ------
    InputError
        Two outputs would have the same name.
    """
    if not tables.types:
        return None
    shown = {(each.label, each.song_type) for each in tables.annotations if each.presence == "present"}
    found: dict[str, str] = {}
    for label in tables.classes:
        own = [each for each in tables.types.get(label, ()) if (label, each) in shown] or [""]
        for name in (output(label, song_type) for song_type in own):
            if name in found or (name != label and name in tables.classes):
                raise InputError(
                    f"labels.song_types: expected no label of the form LABEL:TYPE where LABEL has this type, found {name!r} as both: "
                    "rename the label or the type"
                )
            found[name] = label
    return found


def known(said, types, *, exhaustive: bool) -> dict[str, str]:
    """What is known of each type of a class, from the annotations of the class that overlap a window.

    A type is present where an event of it is, and absent where it, or the class without a type, was rejected. Of the other types of
    a class that is present as one, nothing is known; where annotations are exhaustive they are absent, but for those that an event
    without a type may be of.

    Parameters
    ----------
    said : iterable of (str, str)
        The type and the presence of each annotation.
    types : sequence of str
        All types of the class.
    exhaustive : bool
        Whether a label that is not annotated is absent; otherwise it is unknown.

    Returns
    -------
    dict of str
        `present`, `absent` or `unknown` by type.
    """
    said, found = set(said), {}
    untyped = {presence for song_type, presence in said if not song_type}
    for song_type in types:
        own = {presence for each, presence in said if each == song_type}
        if "present" in own:
            found[song_type] = "present"
        elif "absent" in own | untyped:
            found[song_type] = "absent"
        elif own or untyped or not exhaustive:
            found[song_type] = "unknown"
        else:
            # An output of events without a type is of any type.
            shown = not song_type and any(presence == "present" for _, presence in said)
            found[song_type] = "unknown" if shown else "absent"
    return found


def of_class(presences) -> str:
    """The presence of a class, from those of all its types: it is absent where all of them are."""
    presences = set(presences)
    if "present" in presences:
        return "present"
    return "absent" if presences == {"absent"} else "unknown"


def by_class(tables: Dataset) -> Dataset:
    """The data set for what knows classes only: where some types of a class are rejected and others are not, it is unknown whether
    the class is there."""
    said: dict[tuple, set] = {}
    for each in tables.annotations:
        if each.label in tables.types:
            said.setdefault(_place(each), set()).add((each.song_type, each.presence))

    def presence(each):
        if each.presence != "absent" or each.label not in tables.types:
            return each.presence
        found = known(said[_place(each)], tables.types[each.label], exhaustive=tables.exhaustive)
        return "absent" if of_class(found.values()) == "absent" else "unknown"

    if not said:
        return tables
    return replace(
        tables, annotations=tuple(each._replace(presence=presence(each)) for each in tables.annotations)
    )


def _place(annotation):
    """The class and the box of an annotation, in its recording."""
    return annotation.recording_id, annotation.label, annotation.box
