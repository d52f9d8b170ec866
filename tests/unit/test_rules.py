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

from understory.core import choices, hashing
from understory.data import source
from understory.data.task import METRICS
from understory.plan import code_digests
from understory.plan.job_settings import Medium

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# Rules that make nothing themselves.
TARGETS = {"all", "detections", "export", "queue", "review", "search"}
# Rules that there are with rounds of pseudo-labels alone.
OF_ROUNDS = {"compute_pseudo_labels", "train_round"}
# Modules that every process of Snakemake parses the Snakefile with.
HEAVY = {"pandas", "librosa", "tensorflow", "keras", "sklearn", "matplotlib", "scipy", "soundfile"}


WILDCARDS = {
    "rfcx": SimpleNamespace(
        model="sed_cnn", fold="0", shard="train-0", variant="1", features="log_mel", round="1"
    ),
    "herbarium2021": SimpleNamespace(
        model="herbarium_cnn", fold="0", shard="train-0", variant="1", features="photo"
    ),
    "perch": SimpleNamespace(model="perch_linear", fold="0", shard="train-0", variant="0", features="perch"),
}


def parsed(folder, reader, cache=None, **config):
    """Every rule of the workflow but targets, as Snakemake parsed it."""
    with SnakemakeApi(OutputSettings()) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=config),
            workflow_settings=WorkflowSettings(cache=cache),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        found = [rule for rule in workflow._workflow.rules if rule.name not in TARGETS]
        for rule in found:
            # Now: what functions refer to is replaced when another workflow is parsed.
            code = dict(rule.params.items()).get("code")
            rule.code_digests = code(WILDCARDS[reader]) if callable(code) else code
        return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The rules of a data set of sound, and of new recordings."""
    folder = tmp_path_factory.mktemp("parsed")
    (folder / "new.wav").touch()
    (folder / "verdicts.csv").touch()
    models = {"sed_cnn": {"augment": [{"time_roll": {}}], "patience": 3}}
    return parsed(folder, "rfcx", recordings=str(folder), verdicts="verdicts.csv", models=models)


@pytest.fixture(scope="module")
def image_rules(tmp_path_factory):
    """The rules of a data set of images."""
    recipe = yaml.safe_load((ROOT / "recipes/herbarium2021.yaml").read_text())
    return parsed(tmp_path_factory.mktemp("parsed"), "herbarium2021", **recipe)


@pytest.fixture(scope="module")
def embedding_rules(tmp_path_factory):
    """The rules of a model that is fed by a frozen one, a SavedModel by the look of its folder."""
    folder = tmp_path_factory.mktemp("parsed")
    recipe = yaml.safe_load((ROOT / "recipes/perch.yaml").read_text())
    (folder / "models/perch_v2_cpu").mkdir(parents=True)
    (folder / "models/perch_v2_cpu/saved_model.pb").touch()
    (folder / "new.wav").touch()
    config = {key: recipe[key] for key in ("crop", "features", "models", "train")}
    return parsed(folder, "perch", **config, recordings=str(folder), like=str(folder / "new.wav"))


@pytest.fixture(scope="module")
def cropping_rules(tmp_path_factory):
    """The rules of a data set of sound whose copies are cut anew."""
    return parsed(tmp_path_factory.mktemp("parsed"), "rfcx", augment={"random_crop": True})


# The modules of their medium that rules load by name, and the choices of the default configuration and of a recipe.
STEPS = {
    "inspect_recordings": "inspect",
    "crop_windows": "crop",
    "crop_copies": "crop",
    "augment_windows": "augment",
    "compute_features": "compute",
}
CHOSEN = {
    "rfcx": {
        "augment_windows": [
            f"understory.audio.transforms.{name}"
            for name in (
                "gaussian_noise_snr",
                "pink_noise_snr",
                "pitch_shift",
                "time_shift",
                "volume_control",
            )
        ],
        "compute_features": ["understory.audio.features.log_mel"],
        "train_fold": [
            "understory.training.architectures.sed_cnn",
            "understory.training.losses.binary_crossentropy",
            "understory.training.augmentations.time_roll",
        ],
    },
    "herbarium2021": {
        "augment_windows": [
            f"understory.images.transforms.{name}"
            for name in ("random_resized_crop", "horizontal_flip", "rotation", "colour_jitter")
        ],
        "compute_features": ["understory.images.features.picture"],
        "train_fold": [
            "understory.training.architectures.picture_cnn",
            "understory.training.losses.categorical_crossentropy",
        ],
    },
}


def names_in(script):
    return {node.id for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Name)}


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
    medium = "audio" if reader == "rfcx" else "images"
    if re.search(r"params\.store|\[.store.\]", script.read_text()):
        given.append("understory.data.store" if reader == "rfcx" else "understory.images.store")
    if step := STEPS.get(rule.name):
        given.append(f"understory.{medium}.{step}")
        if params.get("module") != f"understory.{medium}.{step}":
            yield f"the module of its medium, found {params.get('module')}"
    given += CHOSEN[reader].get({"train_round": "train_fold"}.get(rule.name, rule.name), [])
    if rule.name in ("compute_pseudo_labels", "predict_fold", "validate_fold"):
        # Of the architecture, which may define layers of its own.
        given.append(CHOSEN[reader]["train_fold"][0])
    if rule.name in ("score_recordings", "score_held_out", "score_probes", "export_models"):
        given += [CHOSEN[reader]["train_fold"][0], *CHOSEN[reader]["compute_features"]]
    if {"METRICS", "scoring", "report"} & names_in(script) or rule.name == "build_report":
        given.append(f"{METRICS}.{source.reader(reader).METRIC}")
    if rule.name == "download_data":
        given = [f"understory.synthetic.{reader}"]
    # Messages of errors are rows of what these write.
    messages = rule.name in ("inspect_recordings", "list_quarantined", "score_recordings")
    if (params.get("code") and rule.code_digests) != code_digests.code_of(
        script, SCRIPTS, given, messages=messages
    ):
        yield "code: the digest of its script and of the modules that it loads by name"
    if reads and not any(
        callable(params.get(key)) for key in ("recordings", "annotations", "tables", "template")
    ):
        yield "a digest of the source files it reads"
    for name in ("docstring", "log", "benchmark", "conda_env"):
        if not getattr(rule, name):
            yield name


def test_every_rule_has_its_digests_its_log_and_its_environment(rules, image_rules):
    assert len(rules) == 22
    assert {rule.name: list(faults(rule)) for rule in rules} == {rule.name: [] for rule in rules}
    found = {rule.name: list(faults(rule, "herbarium2021")) for rule in image_rules}
    assert found == {rule.name: [] for rule in image_rules}


def test_the_graph_of_the_rules_shows_them_all(rules):
    shown = re.findall(r"<text [^>]*>(\w+)</text>", (ROOT / "docs/figures/rulegraph.svg").read_text())
    assert sorted(shown) == sorted(["all", "export", "review", *(rule.name for rule in rules)])


def test_a_rule_without_digests_is_found_out(rules):
    by_name = {rule.name: rule for rule in rules}

    def without(name, *keys):
        rule = by_name[name]
        kept = {key: value for key, value in rule.params.items() if key not in keys}
        return SimpleNamespace(
            **{
                key: getattr(rule, key)
                for key in ("name", "script", "docstring", "log", "benchmark", "conda_env", "code_digests")
            },
            params=kept,
        )

    assert list(faults(without("train_fold"))) == []
    assert list(faults(without("train_fold", "code"))) == [
        "code: the digest of its script and of the modules that it loads by name"
    ]
    assert list(faults(without("crop_windows", "recordings"))) == ["a digest of the source files it reads"]


def test_a_job_of_sound_depends_on_nothing_of_images_nor_on_choices_that_are_not_made(rules, image_rules):
    for found, reader, own, other in (
        (rules, "rfcx", "audio", "images"),
        (image_rules, "herbarium2021", "images", "audio"),
    ):
        for rule in found:
            if rule.name not in STEPS:
                continue
            digests = rule.code_digests
            assert not [name for name in digests["code"] if name.startswith(f"understory/{other}/")]
            chosen = {name for name in digests["code"] if re.search(r"/(transforms|features)/[a-z]", name)}
            wanted = {f"{name.replace('.', '/')}.py" for name in CHOSEN[reader].get(rule.name, [])}
            assert chosen == wanted, rule.name
            if own == "audio":
                absent = {"opencv-python-headless", "pydicom", "pylibjpeg", "tensorflow", "keras"}
                assert not absent & set(digests["packages"]), rule.name
            else:
                assert not {"librosa", "soundfile", "colorednoise", "tensorflow"} & set(digests["packages"])


def modules_of(script, *chosen):
    """The library's modules that the digest of a script covers, without their packages."""
    files = code_digests.code_of(SCRIPTS / script, SCRIPTS, chosen)["code"]
    return {file.removeprefix("understory/") for file in files if not file.endswith("__init__.py")}


def test_a_training_is_digested_with_its_own_architecture_loss_and_augmentations(rules):
    code = {rule.name: rule.code_digests for rule in rules}["train_fold"]["code"]
    covered = {
        file
        for file in code
        if re.search(r"training/(architectures|augmentations|losses)/\w+\.py$", file)
        and "__init__" not in file
    }
    assert covered == {
        "understory/training/architectures/sed_cnn.py",
        "understory/training/augmentations/time_roll.py",
        "understory/training/losses/binary_crossentropy.py",
    }
    assert "training/predict.py" not in modules_of("train_fold.py")
    # Nothing of pseudo-labels, where there are none.
    only = {"train_round.py", "training/inputs/pseudo_labels.py", "inference/pseudo_labels/taught.py"}
    assert modules_of("train_round.py") - modules_of("train_fold.py") == only


@pytest.mark.parametrize("script", ["predict_fold.py", "validate_fold.py"])
def test_a_prediction_is_digested_with_the_layers_of_saved_models_and_nothing_of_training(script):
    covered = {name for name in modules_of(script) if name.startswith("training/")}
    loading = {"inputs/batches", "gpu_lock", "imports", "layers", "predict", "runtime"}
    loading |= {"inputs/examples"} if script == "validate_fold.py" else set()
    assert covered == {f"training/{name}.py" for name in loading}


def test_classes_of_saved_models_are_where_loading_finds_them():
    """Layers in `training/layers.py`, which prediction imports; losses and metrics are those of a training alone."""
    for path in (SCRIPTS / "understory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            registered = isinstance(node, ast.ClassDef) and any(
                "register_keras_serializable" in ast.unparse(each) for each in node.decorator_list
            )
            if registered and not {"keras.losses.Loss", "keras.metrics.Metric", "keras.metrics.AUC"} & {
                ast.unparse(base) for base in node.bases
            }:
                assert path.name == "layers.py", (path, node.name)


def test_only_rules_that_are_given_the_source_can_read_it(rules):
    """The folder of the data reaches a script by the param `source` alone."""
    reading = {rule.name for rule in rules if "source" in dict(rule.params.items())}
    assert reading == {
        "inspect_recordings",
        "list_quarantined",
        "score_held_out",
        "split_folds",
        "calibrate_detections",
        "crop_windows",
        "compute_features",
        "write_submission",
    }
    for rule in rules:
        named = "params.source" in (SCRIPTS / f"{rule.name}.py").read_text()
        assert named == (rule.name in reading), rule.name


def test_params_hold_plain_values_in_a_fixed_order(rules, image_rules):
    for each, reader in ((rules, "rfcx"), (image_rules, "herbarium2021")):
        for rule in each:
            settings = rule.params.get("settings", {})
            settings = settings(WILDCARDS[reader]) if callable(settings) else settings
            assert repr(settings) == repr(hashing.ordered(settings)), rule.name


def test_the_report_is_told_what_it_shows(rules, image_rules):
    """The features of the first model, and what recordings are called."""
    for found, name, kind, sources in (
        (rules, "log_mel", "log_mel", "recordings"),
        (image_rules, "photo", "picture", "images"),
    ):
        by_name = {rule.name: rule for rule in found}
        rule, scores = by_name["build_report"], by_name["ensemble_folds"].params["settings"]
        settings = dict(rule.params.items())["settings"]
        assert settings["features"]["kind"] == kind
        assert settings["sources"] == scores["sources"] == sources
        # What ends by patience ends at an epoch that its validation score chose.
        assert set(scores["select"].values()) == {"best" if found is rules else "last"}
        assert settings["priors"] is True
        assert {rule.name for rule in found} <= set(settings["used"]["rules"]) | {"build_report"}
        assert all(f"/examples/{name}/0/" in path for path in (*rule.input.arrays, *rule.input.indexes))


def test_embeddings_are_digested_with_the_runtime_of_their_format(embedding_rules):
    by_name = {rule.name: rule for rule in embedding_rules}
    for name in ("compute_embeddings", "embed_recordings", "find_nearest", "score_held_out", "score_probes"):
        code = by_name[name].code_digests
        formats = {file for file in code["code"] if re.search(r"embeddings/formats/[a-z]", file)}
        assert formats == {"understory/inference/embeddings/formats/saved_model.py"}, name
        assert "understory/audio/features/embedding.py" in code["code"]
        assert "tensorflow" in code["packages"]
        settings = by_name[name].params["settings"]
        told = repr(settings(WILDCARDS["perch"]) if callable(settings) else settings)
        assert "perch_v2_cpu" not in told
        assert "'format': 'saved_model'" in told
        for part in ("docstring", "log", "benchmark", "conda_env"):
            assert getattr(by_name[name], part)
    assert "training/" not in " ".join(
        modules_of("compute_embeddings.py")
        - {"training/gpu_lock.py", "training/imports.py", "training/runtime.py"}
    )


def test_copies_that_are_cut_anew_are_a_rule_of_their_own(rules, cropping_rules):
    by_name = {rule.name: rule for rule in cropping_rules}
    assert list(faults(by_name["crop_copies"])) == []
    assert "params.source" in (SCRIPTS / "crop_copies.py").read_text()
    assert by_name["crop_copies"].params["settings"]["seed"] == 27
    for found, folder in ((rules, "/windows/"), (cropping_rules, "/random_crops/{variant}/")):
        (rule,) = (rule for rule in found if rule.name == "augment_windows")
        assert len(rule.input) == 2
        assert all(folder in str(path) for path in rule.input)


@pytest.mark.parametrize(
    ("augment", "copy"),
    [
        ({}, "augmented/1"),
        ({"random_crop": True}, "augmented/1"),
        ({"keep_copies": False}, "windows"),
        ({"keep_copies": False, "random_crop": True}, "random_crops/1"),
    ],
)
def test_features_are_of_the_windows_that_copies_are_made_of_where_copies_are_not_written(augment, copy):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    own = {"copies": 1, "keep_copies": True, "random_crop": False, **augment}
    config["models"]["sed_cnn"]["copies"] = None
    windows = Medium("audio", {**config, "augment": own}).windows_input("out")
    for variant, folder in (("0", "windows"), ("1", copy)):
        place = f"out/{folder}/train-0"
        found = windows(SimpleNamespace(shard="train-0", variant=variant))
        assert found == {"windows": f"{place}.npy", "index": f"{place}.csv"}


def test_every_script_is_a_rules_and_reads_no_configuration(
    rules, image_rules, embedding_rules, cropping_rules
):
    named = {rule.name for rule in (*rules, *image_rules, *embedding_rules, *cropping_rules)}
    assert {path.stem for path in SCRIPTS.glob("*.py")} == named | OF_ROUNDS
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
    assert int(rules) == 23
    assert not HEAVY & set(modules.split())


def test_no_library_module_knows_of_snakemake_or_imports_upward():
    for path in (SCRIPTS / "understory").rglob("*.py"):
        names = code_digests.imports(path)
        knows = any(name.split(".")[0] == "snakemake" for name in names)
        assert knows == (path.name == "snakemake_patches.py"), path
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


def packages(*scripts):
    """The distributions that scripts and their local imports need."""
    found, pending, seen = set(), list(scripts), set()
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


def test_environments_hold_the_pins_of_the_requirements_and_what_their_rules_import(rules, image_rules):
    wanted = pins(ROOT / "requirements.txt")
    for rule in (*rules, *image_rules):
        path = ROOT / "rules" / str(rule.conda_env)
        environment = yaml.safe_load(path.read_text())
        listed = dict(line.split("==") for line in environment["dependencies"][-1]["pip"])
        assert listed.items() <= wanted.items(), path
        code = (rule.code_digests or {"code": ()})["code"]
        chosen = [SCRIPTS / name for name in code if name.endswith(".py")]
        assert packages(SCRIPTS / f"{rule.name}.py", *chosen) <= set(listed), rule.name


def test_a_job_depends_on_the_metric_of_its_data_set_alone(rules, image_rules):
    for expected, parsed_rules in (("lwlrap", rules), ("macro_f1", image_rules)):
        found = {}
        for rule in parsed_rules:
            files = map(Path, (rule.code_digests or {"code": ()})["code"])
            found[rule.name] = {file.stem for file in files if file.parent.name == "metrics"} - {"__init__"}
        assert {name for name, names in found.items() if names} == {
            "train_fold",
            "ensemble_folds",
            "build_report",
            "write_submission",
        }
        assert set.union(*found.values()) == {expected}


def test_a_training_imports_any_metric_in_its_environment():
    environment = yaml.safe_load((ROOT / "envs/tensorflow.yaml").read_text())
    listed = {line.split("==")[0] for line in environment["dependencies"][-1]["pip"]}
    for name in choices.names(METRICS):
        tree = ast.parse((SCRIPTS / f"understory/evaluation/metrics/{name}.py").read_text())
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        modules = {getattr(node, "module", None) or node.names[0].name for node in imports}
        assert {module.split(".")[0] for module in modules} <= listed | {"understory"}, name


def test_the_requirements_with_a_gpu_hold_the_same_pins():
    assert pins(ROOT / "requirements.txt").items() <= pins(ROOT / "requirements-gpu.txt").items()


def test_the_benchmark_runs_with_the_same_pins_but_soxrs():
    wanted, found = pins(ROOT / "requirements.txt"), pins(ROOT / "requirements-bench.txt")
    assert {"audiomentations", "python-stretch"} <= set(found) - set(wanted)
    assert {name for name in wanted.keys() & found.keys() if wanted[name] != found[name]} == {"soxr"}


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
    for rule in ("predict_fold", "validate_fold"):
        assert by_name[rule](WILDCARDS["rfcx"])["models"]["sed_cnn"]["select"] == "last"
    assert "predictions" not in by_name["train_fold"](WILDCARDS["rfcx"])
    assert by_name["ensemble_folds"]["run"]["models"]["sed_cnn"]["select"] == "last"


def test_the_rules_of_pseudo_labels_are_like_all_others(rules, tmp_path):
    """They are there with rounds alone."""
    models = {"sed_cnn": {"augment": [{"time_roll": {}}]}}
    found = parsed(tmp_path, "rfcx", pseudo_labels={"rounds": 2, "unlabelled": "test"}, models=models)
    added = [rule for rule in found if rule.name in OF_ROUNDS]
    assert (
        {rule.name for rule in added}
        == {rule.name for rule in found} - {rule.name for rule in rules}
        == OF_ROUNDS
    )
    assert {rule.name: list(faults(rule)) for rule in added} == {name: [] for name in OF_ROUNDS}
    for rule in added:
        settings = rule.params.get("settings")(WILDCARDS["rfcx"])
        assert repr(settings) == repr(hashing.ordered(settings)), rule.name


# Last: Snakefiles that one process parses share their globals, which functions of the rules above look into.
def test_with_the_output_cache_rules_have_no_benchmark(rules, tmp_path):
    """When this fails, Snakemake has changed: `snakemake_records.cached` has to follow."""
    own = {"train_fold", "crop_windows"}
    cached = {rule.name: rule for rule in parsed(tmp_path, "rfcx", cache=[]) if rule.name in own}
    assert not any(rule.benchmark for rule in cached.values())
    assert len(cached) == len(own)
    assert all(rule.benchmark for rule in rules if rule.name in own)


def test_the_slurm_profile_names_every_rule_that_asks_for_a_gpu():
    asking, rule = set(), None
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for line in path.read_text().splitlines():
            rule = found[1] if (found := re.match(r" *rule (\w+):", line)) else rule
            asking |= {rule} if line.strip() == "gpu=1," else set()
    block = (
        (ROOT / "profiles/slurm/profile.yaml")
        .read_text()
        .split("# set-resources:\n")[1]
        .split("# With many")[0]
    )
    assert set(yaml.safe_load(block.replace("#", ""))) == asking
    assert "score_recordings" in asking
