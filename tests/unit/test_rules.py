"""What holds for every rule, script and environment."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings, WorkflowSettings

from understory.core import hashing
from understory.plan import code_digests

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# Modules that every process of Snakemake parses the Snakefile with.
HEAVY = {"pandas", "librosa", "tensorflow", "keras", "sklearn", "matplotlib", "scipy", "soundfile"}


def parsed(folder, cache=None, **config):
    """Every rule of the workflow but `all`, as Snakemake parsed it."""
    with SnakemakeApi(OutputSettings()) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=config),
            workflow_settings=WorkflowSettings(cache=cache),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        return [rule for rule in workflow._workflow.rules if rule.name != "all"]


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The rules of a data set of sound."""
    return parsed(tmp_path_factory.mktemp("parsed"))


@pytest.fixture(scope="module")
def picture_rules(tmp_path_factory):
    """The rules of a data set of pictures."""
    recipe = yaml.safe_load((ROOT / "recipes/herbarium2021.yaml").read_text())
    return parsed(tmp_path_factory.mktemp("parsed"), **recipe)


def faults(rule, reader="rfcx"):
    """What a rule lacks of what every rule has."""
    script = SCRIPTS / f"{rule.name}.py"
    params = dict(rule.params.items())
    if rule.script != f"../scripts/{rule.name}.py":
        yield f"a script of its own name, found {rule.script}"
        return
    reads = "source" in params
    # What a script does with the source beyond looking up its folder, a reader does.
    by_reader = re.search(r"source\.read(_part)?\(|reader\(", script.read_text())
    given = [f"understory.datasets.{reader}"] if by_reader else []
    if "import_module(" in script.read_text():
        given.append("understory.data.store" if reader == "rfcx" else "understory.images.store")
    if rule.name == "download_data":
        given = [f"understory.synthetic.{reader}"]
    # Messages of errors are rows of what these write.
    messages = rule.name in ("inspect_images", "inspect_recordings", "list_quarantined")
    if params.get("code") != code_digests.code_of(script, SCRIPTS, given, messages=messages):
        yield "code: the digest of its script and reader"
    if reads and not any(
        callable(params.get(key)) for key in ("recordings", "annotations", "tables", "template")
    ):
        yield "a digest of the source files it reads"
    for name in ("docstring", "log", "benchmark", "conda_env"):
        if not getattr(rule, name):
            yield name


def test_every_rule_has_its_digests_its_log_and_its_environment(rules, picture_rules):
    assert len(rules) == 12
    assert {rule.name: list(faults(rule)) for rule in rules} == {rule.name: [] for rule in rules}
    found = {rule.name: list(faults(rule, "herbarium2021")) for rule in picture_rules}
    assert found == {rule.name: [] for rule in picture_rules}


def test_the_picture_of_the_rules_shows_them_all(rules):
    shown = re.findall(r"<text [^>]*>(\w+)</text>", (ROOT / "docs/figures/rulegraph.svg").read_text())
    assert sorted(shown) == sorted(["all", *(rule.name for rule in rules)])


def test_a_rule_without_digests_is_found_out(rules):
    by_name = {rule.name: rule for rule in rules}

    def without(name, *keys):
        rule = by_name[name]
        kept = {key: value for key, value in rule.params.items() if key not in keys}
        return SimpleNamespace(
            **{
                key: getattr(rule, key)
                for key in ("name", "script", "docstring", "log", "benchmark", "conda_env")
            },
            params=kept,
        )

    assert list(faults(without("train_fold"))) == []
    assert list(faults(without("train_fold", "code"))) == ["code: the digest of its script and reader"]
    assert list(faults(without("crop_windows", "recordings"))) == ["a digest of the source files it reads"]


def test_only_rules_that_are_given_the_source_can_read_it(rules):
    """The folder of the data reaches a script by the param `source` alone."""
    reading = {rule.name for rule in rules if "source" in dict(rule.params.items())}
    assert reading == {
        "inspect_recordings",
        "list_quarantined",
        "split_folds",
        "crop_windows",
        "compute_spectrograms",
        "write_submission",
    }
    for rule in rules:
        named = "params.source" in (SCRIPTS / f"{rule.name}.py").read_text()
        assert named == (rule.name in reading), rule.name


def test_params_hold_plain_values_in_a_fixed_order(rules, picture_rules):
    for each, model, features in (
        (rules, "sed_cnn", "log_mel"),
        (picture_rules, "herbarium_cnn", "photo"),
    ):
        wildcards = SimpleNamespace(model=model, fold="0", shard="train-0", features=features)
        for rule in each:
            settings = rule.params.get("settings", {})
            settings = settings(wildcards) if callable(settings) else settings
            assert repr(settings) == repr(hashing.ordered(settings)), rule.name


def test_the_report_is_told_what_it_shows(rules, picture_rules):
    """The features of the first model, and what recordings are called."""
    for found, name, kind, sources in (
        (rules, "log_mel", "log_mel", "recordings"),
        (picture_rules, "photo", "picture", "photographs"),
    ):
        rule = {rule.name: rule for rule in found}["build_report"]
        settings = dict(rule.params.items())["settings"]
        assert settings["features"]["kind"] == kind
        assert settings["sources"] == sources
        assert {rule.name for rule in found} <= set(settings["measured"]["rules"]) | {"build_report"}
        assert all(f"/examples/{name}/0/" in path for path in (*rule.input.arrays, *rule.input.indexes))


def test_every_script_is_a_rules_and_reads_no_configuration(rules, picture_rules):
    named = {rule.name for rule in (*rules, *picture_rules)}
    assert {path.stem for path in SCRIPTS.glob("*.py")} == named
    for path in SCRIPTS.glob("*.py"):
        assert "snakemake.config" not in path.read_text()


def test_parsing_the_snakefile_imports_nothing_heavy(tmp_path):
    program = """
import sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, ResourceSettings
# What Snakemake's own plugins bring along is not the Snakefile's: forgotten, it shows again where the Snakefile wants it.
import snakemake.workflow
for name in [name for name in sys.modules if name.split(".")[0] in set(sys.argv[3:])]:
    del sys.modules[name]
with SnakemakeApi(OutputSettings()) as api:
    settings = ResourceSettings(cores=1)
    workflow = api.workflow(resource_settings=settings, snakefile=Path(sys.argv[1]), workdir=Path(sys.argv[2]))
    print(len(list(workflow._workflow.rules)))
print(*(module for module in sys.modules if "." not in module))
"""
    command = [sys.executable, "-c", program, str(ROOT / "Snakefile"), str(tmp_path), *HEAVY]
    rules, modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert int(rules) == 13
    assert not HEAVY & set(modules.split())


def test_no_library_module_knows_of_snakemake_or_imports_upward():
    for path in (SCRIPTS / "understory").rglob("*.py"):
        names = code_digests.imports(path)
        knows = any(name.split(".")[0] == "snakemake" for name in names)
        assert knows == (path.name == "snakemake_records.py"), path
        assert not any(name.split(".")[0] in {p.stem for p in SCRIPTS.glob("*.py")} for name in names), path


def test_no_library_import_runs_in_a_circle():
    files = list((SCRIPTS / "understory").rglob("*.py"))
    edges = {
        path: {f for name in code_digests.imports(path) for f in code_digests.module_files(name, SCRIPTS)}
        - {path, SCRIPTS / "understory/__init__.py"}
        for path in files
    }
    done = set()
    while ready := [
        path
        for path in files
        if path not in done and edges[path] <= done | {SCRIPTS / "understory/__init__.py"}
    ]:
        done.update(ready)
    assert done == set(files)


def pins(path):
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), flags=re.M))


def packages(script):
    """The distributions that a script and its local imports need."""
    found, pending, seen = set(), [script], set()
    while pending:
        file = pending.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in code_digests.imports(file):
            local = code_digests.module_files(name, SCRIPTS)
            pending += local
            if not local:
                found.add(name.split(".")[0])
    return {code_digests.DISTRIBUTIONS.get(name, name) for name in found - set(sys.stdlib_module_names)}


def test_what_makes_data_and_what_fetches_them_share_no_code_but_the_script():
    """A change to one reruns nothing of the other."""

    def code(*modules):
        found, pending = set(), [SCRIPTS / "download_data.py"]
        pending += [file for name in modules for file in code_digests.module_files(name, SCRIPTS)]
        while pending:
            file = pending.pop()
            if file not in found:
                found.add(file)
                for name in code_digests.imports(file):
                    pending += code_digests.module_files(name, SCRIPTS)
        return {str(file.relative_to(SCRIPTS / "understory")) for file in found if file.parent != SCRIPTS}

    script = code()
    made = code("understory.synthetic.rfcx") - script
    fetched = code("understory.fetch.download") - script
    assert {"synthetic/soundscapes.py", "synthetic/rfcx.py"} <= made
    assert {
        f"fetch/{name}.py" for name in ("__init__", "address", "archives", "download", "http", "kaggle")
    } | {"core/untracked.py"} == fetched
    assert not made & fetched
    environment = yaml.safe_load((ROOT / "envs/signal.yaml").read_text())
    listed = {line.split("==")[0] for line in environment["dependencies"][-1]["pip"]}
    assert packages(SCRIPTS / "understory/fetch/download.py") <= listed


def test_environments_hold_the_pins_of_the_requirements_and_what_their_rules_import(rules, picture_rules):
    wanted = pins(ROOT / "requirements.txt")
    for rule in (*rules, *picture_rules):
        path = ROOT / "rules" / str(rule.conda_env)
        environment = yaml.safe_load(path.read_text())
        listed = dict(line.split("==") for line in environment["dependencies"][-1]["pip"])
        assert listed.items() <= wanted.items(), path
        assert packages(SCRIPTS / f"{rule.name}.py") <= set(listed), rule.name


def test_the_requirements_with_a_gpu_hold_the_same_pins():
    assert pins(ROOT / "requirements.txt").items() <= pins(ROOT / "requirements-gpu.txt").items()


def test_nothing_is_asserted_outside_tests():
    for path in SCRIPTS.rglob("*.py"):
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text()))), path


def test_nothing_untrusted_is_unpickled_and_no_shell_is_given_a_string():
    """Arrays are loaded without pickle, models in Keras' safe mode; nothing is evaluated or handed to a shell."""
    forbidden = {"pickle", "joblib", "dill", "shelve", "marshal", "yaml.load", "os.system", "os.popen"}
    for path in SCRIPTS.rglob("*.py"):
        assert not {
            name
            for name in code_digests.imports(path)
            if name in forbidden or name.split(".")[0] in forbidden
        }, path
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called, keywords = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert "shell" not in keywords, path
            assert called not in {"eval", "exec", "os.system", "os.popen", "yaml.load", "pd.read_pickle"}, (
                path
            )
            if called in ("np.load", "np.save", "numpy.load", "np.memmap"):
                assert keywords.get("allow_pickle") == "False", (path, called)
            if called.endswith("load_model"):
                assert keywords.get("safe_mode") == "True", path


def test_which_of_a_jobs_models_is_read_is_a_param(rules):
    """To the output cache a job is its params: both models come from the same job."""
    by_name = {
        rule.name: dict(rule.params.items())["settings"]
        for rule in rules
        if "settings" in dict(rule.params.items())
    }
    predicted = by_name["predict_fold"](SimpleNamespace(model="sed_cnn", fold="0"))
    assert predicted["models"]["sed_cnn"]["select"] == "last"
    assert by_name["ensemble_folds"]["run"]["models"]["sed_cnn"]["select"] == "last"


# Last: Snakefiles that one process parses share their globals, which functions of the rules above look into.
def test_with_the_output_cache_rules_have_no_benchmark(rules, tmp_path):
    """When this fails, Snakemake has changed: `snakemake_records.cached` has to follow."""
    own = {"train_fold", "crop_windows"}
    cached = {rule.name: rule for rule in parsed(tmp_path, cache=[]) if rule.name in own}
    assert not any(rule.benchmark for rule in cached.values())
    assert len(cached) == len(own)
    assert all(rule.benchmark for rule in rules if rule.name in own)
