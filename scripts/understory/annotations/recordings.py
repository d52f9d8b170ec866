"""The recording that a row or a table of annotations is about.

Plain Python only: the Snakefile reads tables through it.
"""

from itertools import takewhile
from pathlib import PurePosixPath

from understory.annotations import files
from understory.core.errors import InputError

# What programs put between a recording's name and the suffix of its table.
ADDED = (".selections", ".selection", ".table", ".birdnet", ".results", ".labels", ".annotations", ".raven")


class Recordings:
    """Finding the recording that a row or a table is about.

    Parameters
    ----------
    sounds : sequence of str
        Paths relative to the folder.
    """

    def __init__(self, sounds):
        self._paths = {files.normal(path): path for path in sounds}
        self._named: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        # As tables are called, in any case of letters.
        self._lowered: dict[str, list[str]] = {}
        self._places = {_folders(path) for path in sounds}
        for path in sounds:
            name = files.normal(PurePosixPath(path).name)
            self._named.setdefault(name, []).append(path)
            self._lowered.setdefault(name.lower(), []).append(path)
            self._stems.setdefault(PurePosixPath(name).stem.lower(), []).append(path)

    def of_rows(self, given) -> dict[tuple[str, str], str | InputError]:
        """The recording that each of some names means, or what is wrong with the name.

        One that is found by its name alone is not taken for two files of that name in different folders.

        Parameters
        ----------
        given : sequence of (str, str)
            Names, each with the table that it stands in.
        """
        found, meant = {}, {}
        for name, place in given:
            try:
                path = found[name, place] = self._of_row(name, place)
                # Beside its table, a name needs no folders.
                whole = str(PurePosixPath(files.normal(place)).parent / files.normal(name.replace("\\", "/")))
                folders = _folders(whole if whole in self._paths else name)
                meant.setdefault(path, {}).setdefault(folders, []).append((name, place))
            except InputError as error:
                found[name, place] = error
        for path, rows in meant.items():
            found.update(self._doubtful(path, rows))
        return found

    @staticmethod
    def _doubtful(path, rows):
        """Names that were found by the name of the file alone, where other names say that it is another file.

        Within a table, where another row names the same recording by other folders; in another table, where that names the recording
        by its own folder or lies there, and this one neither does so nor lies there, or names no folder and lies in another place.
        """
        own = _folders(path)
        shared = {folders: _shared(folders, path) for folders in rows}
        known = next((row for folders in rows if shared[folders] for row in rows[folders]), None)
        by_table: dict[str, list] = {}
        for folders, names in rows.items():
            for name, place in names:
                by_table.setdefault(place, []).append((folders, name))
        for place, names in by_table.items():
            beside = _folders(place) == own
            above = own[: len(_folders(place))] == _folders(place)
            for folders, name in names:
                alike = _same(folders, own) and (folders or above)
                other = next(
                    (
                        (each, place)
                        for others, each in names
                        if shared[folders] <= shared[others] and not _same(folders, others)
                    ),
                    None if beside or alike else known,
                )
                if other is not None:
                    wrong = f"found only {path}, which may also be {other[0]!r} of {other[1]}"
                    yield (name, place), InputError(f"expected a recording named {name!r}, {wrong}")

    def _of_row(self, given, table):
        """The recording that a row names, in a table's own folder, in the whole, or anywhere by as much of its path as is there.

        InputError where there is none, or several.
        """
        path = files.normal(given.replace("\\", "/"))
        for candidate in (str(PurePosixPath(files.normal(table)).parent / path), path):
            if candidate in self._paths:
                return self._paths[candidate]
        name = PurePosixPath(path).name
        found = self._named.get(name) or self._stems.get(PurePosixPath(name).stem.lower(), [])
        folders = _folders(given)
        shared = {each: _shared(folders, each) for each in found}
        most = max(shared.values(), default=0)
        found = [each for each in found if shared[each] == most]
        beside = [each for each in found if _folders(each) == _folders(table)]
        found = beside if len(found) > 1 and len(beside) == 1 else found
        return self._only(found, f"a recording named {given!r} in the data folder")

    def of_path(self, path: str) -> str:
        """The recording at a path, however its umlauts are written; InputError where there is none."""
        if (found := self._paths.get(files.normal(path))) is None:
            raise InputError(f"expected a recording of this path, found none: {path!r}")
        return found

    def of_table(self, table: str) -> str:
        """The recording that a table is of, by its name; InputError where there is none, or several."""
        stem = PurePosixPath(files.normal(table)).stem.lower()
        while True:
            if found := self._stems.get(stem) or self._lowered.get(stem):
                beside = [path for path in found if PurePosixPath(path).parent == PurePosixPath(table).parent]
                own = self._only(beside or found, f"one recording of the name of this table, {stem!r}")
                return self._not_of_another_place(own, table)
            shorter = next((stem.removesuffix(added) for added in ADDED if stem.endswith(added)), None)
            if shorter is None and stem.rpartition(".")[2].isdigit():
                shorter = stem.rpartition(".")[0]
            if not shorter:
                raise InputError(
                    f"expected a column of recordings (path), or a recording of the name of this table, {stem!r}, found neither"
                )
            stem = shorter

    def _not_of_another_place(self, found, table):
        """A recording that was found by the name of a table; InputError where the table lies with recordings of another folder.

        Recorders give files of all sites the same names, and that of the table's own site may be missing.
        """
        folders, own = _folders(table), _folders(found)
        least = min(len(folders), len(own))
        if folders not in self._places or folders[:least] == own[:least]:
            return found
        raise InputError(
            f"expected a recording of this name in {'/'.join(folders)!r}, where the table lies with other recordings, found only {found}"
        )

    @staticmethod
    def _only(found, wanted):
        if len(found) == 1:
            return found[0]
        raise InputError(f"expected {wanted}, found {', '.join(found[:5]) or 'none'}")


def _folders(name):
    """The folders that a name of a file is given with."""
    return PurePosixPath(files.normal(name.replace("\\", "/"))).parts[:-1]


def _same(one, other):
    """Whether two rows of folders may be the same, one of them given from further up."""
    least = min(len(one), len(other))
    return one[len(one) - least :] == other[len(other) - least :]


def _shared(folders, path):
    """How many folders a name and a path have in common, from the file upwards."""
    return len(_ending(folders, _folders(path)))


def _ending(one, other):
    """The folders that two rows of folders end in."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return list(takewhile(lambda pair: pair[0] == pair[1], pairs))
