"""Who imports whom, and how long things are: the house plan of the library."""

import ast

import pytest
from workflow import ROOT

SCRIPTS = ROOT / "scripts"
LIBRARY = SCRIPTS / "understory"
BASE = {"core", "data"}
# Besides itself.
MAY_IMPORT = {
    "core": set(),
    "data": {"core"},
    "fetch": {"core"},
    "annotations": BASE,
    "datasets": BASE | {"annotations"},
    "audio": BASE,
    "images": BASE,
    "training": BASE,
    "evaluation": BASE,
    "synthetic": BASE | {"datasets", "audio"},
    "inference": BASE | {"annotations", "audio", "training"},
    "search": BASE | {"annotations", "audio", "inference"},
    "report": BASE | {"images", "evaluation"},
    "export": BASE | {"annotations", "audio", "inference", "training"},
    # Sound, for the excerpts that are heard and seen.
    "review": BASE | {"report", "inference", "audio"},
    "plan": BASE | {"fetch", "synthetic", "audio", "images", "inference"},
    "run": BASE | {"plan"},
}
TENSORFLOW = {"tensorflow", "keras"}
# Lines that a module, a function and a file of rules have at most, and modules that a package has.
MODULE, FUNCTION, SNAKEFILE, COMMON, MODULES = 300, 60, 60, 120, 15
FILES = sorted(SCRIPTS.rglob("*.py"))
MODULES_OF_OURS = [path for path in FILES if path.is_relative_to(LIBRARY)]


def imported(tree):
    """The full names that a source file imports, for annotations and inside functions as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_ours(tree):
    return [name for name in imported(tree) if name.split(".")[0] == "understory"]


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def package(path):
    return path.relative_to(LIBRARY).parts[0]


def forbidden(room, names):
    """The packages that a package imports and may not."""
    return {name.split(".")[1] for name in names} - {room} - MAY_IMPORT[room]


def test_packages_import_those_below_them():
    rooms = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= set(MAY_IMPORT)
    wrong = {
        str(path.relative_to(LIBRARY)): upward
        for path in MODULES_OF_OURS
        if path.parent != LIBRARY and (upward := forbidden(package(path), of_ours(parsed(path))))
    }
    assert wrong == {}


def test_an_import_of_a_package_above_is_found_out():
    tree = ast.parse(
        "def f():\n    from understory.training import fit\n\nfrom understory.core import files\n"
    )
    assert forbidden("evaluation", of_ours(tree)) == {"training"}
    assert forbidden("inference", of_ours(tree)) == set()


def test_scripts_import_no_planning():
    for path in SCRIPTS.glob("*.py"):
        assert not any(name.startswith("understory.plan") for name in of_ours(parsed(path))), path


def test_only_training_inference_and_export_import_tensorflow():
    importing = {
        package(path) if path.is_relative_to(LIBRARY) else path.name
        for path in FILES
        if TENSORFLOW & {name.split(".")[0] for name in imported(parsed(path))}
    }
    assert importing <= {"training", "inference", "export"}


def target(name):
    """The module that an import of ours runs, and what is imported from it, if anything."""
    parts = name.split(".")
    if (path := SCRIPTS.joinpath(*parts).with_suffix(".py")).is_file():
        return path, None
    return SCRIPTS.joinpath(*parts[:-1]).with_suffix(".py"), parts[-1]


def defined(tree):
    """The names that a module defines at its top level, or may."""
    for statement in tree.body:
        if name := getattr(statement, "name", None):
            yield name
        else:
            yield from (
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_each_import_names_the_module_it_wants(path):
    """Digests of code follow imports: neither a package nor another module may hand anything on."""
    tree = parsed(path)
    # A package is no module to import from: what is loaded through one later is invisible.
    wanted = {name: target(name) for name in of_ours(tree)}
    assert [name for name, (file, _) in wanted.items() if not file.is_file()] == []
    handed_on = [
        name
        for name, (file, attribute) in wanted.items()
        if attribute and attribute not in set(defined(parsed(file))) and file.name != "opencv.py"
    ]
    assert handed_on == []
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                file, attribute = wanted.get(f"{node.module}.{alias.name}", (None, ""))
                if attribute is None:
                    modules[alias.asname or alias.name] = set(defined(parsed(file)))
    used = [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
        and node.attr not in modules[node.value.id]
        and not node.attr.startswith("__")
    ]
    local = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert [name for name in used if name.split(".")[0] not in local] == []


def test_every_init_is_empty_and_every_folder_of_modules_has_one():
    for folder in {path.parent for path in MODULES_OF_OURS}:
        assert (folder / "__init__.py").read_text() == "", folder


def lengths():
    for path in MODULES_OF_OURS:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(LIBRARY).as_posix()
        if (lines := len(text.splitlines())) > MODULE:
            yield name, lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > FUNCTION:
                    yield f"{name}:{node.name}", lines


def test_modules_and_functions_are_short():
    assert dict(lengths()) == {}


def test_the_snakefile_and_the_common_rules_are_short_and_packages_small():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= SNAKEFILE
    assert len((ROOT / "rules/common.smk").read_text().splitlines()) <= COMMON
    for folder in {path.parent for path in MODULES_OF_OURS}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        # A folder of choices has as many as there are choices.
        if folder.parent == LIBRARY and folder.name != "datasets":
            assert len(modules) <= MODULES, folder
