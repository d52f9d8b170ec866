"""The review page in a browser, by real key presses, and the way of verdicts back into the data."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter

import browser
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from sklearn.metrics import log_loss
from snakemake.utils import update_config
from snakemake_process import snakemake
from workflow import ROOT, copy_source, planned

from understory.annotations import verdicts as verdicts_of
from understory.core import file_digests
from understory.data.dataset import shard_of
from understory.review import excerpts, page, precision, sampling

pytestmark = pytest.mark.slow

RATE = 16_000
LABELS = ['Süd "meise" <b>&</b>', "=1+1", "plain"]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """A folder with a review page of 12 detections, four of each class, in two recordings."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "ü").mkdir()
    rng = np.random.default_rng(1)
    names = ["-one.wav", "ü/two's.wav"]
    for name in names:
        soundfile.write(folder / name, rng.normal(0, 0.05, 30 * RATE), RATE)
    rows = [
        (names[k % 2], 2.0 * k + 0.123456789, 2.0 * k + 1, LABELS[k % 3], 0.5 + k / 40, 0.5, 2000.0, 4000.0)
        for k in range(12)
    ]
    columns = ["path", "start", "end", "label", "score", "threshold", "low", "high"]
    table = pd.DataFrame(rows, columns=columns).assign(probability=np.nan)
    items = sampling.chosen(table, order="sample", items=12, above=0, seed=0)
    items["digest"] = [f"sha256:{names.index(path)}" for path in items.path]

    def excerpt(row):
        return excerpts.excerpt(folder / row.path, row.start, row.end, context=0.5, highest=8000.0, slower=1)

    options = {"order": "sample", "known": ["Erithacus"], "slower": 1}
    (folder / "review.html").write_text(page.build(items, excerpt, name="run", **options), encoding="utf-8")
    (folder / "other.html").write_text(
        page.build(items[:6], excerpt, name="run", **options), encoding="utf-8"
    )
    return folder


@pytest.fixture
def opened(tmp_path):
    """A function that starts a browser with a profile and shows a page in it; all are ended after the test."""
    if browser.program() is None:
        pytest.skip(f"no browser: none of {', '.join(browser.BROWSERS)} is installed")
    started = []

    def start(path, profile="profile", **size):
        one = browser.Browser(tmp_path / profile, tmp_path).__enter__()
        started.append(one)
        one.open(path, **size)
        return one

    yield start
    for one in started:
        one.__exit__()


def text(shown, name):
    return shown.value(f"document.getElementById({name!r}).textContent")


def verdicts(shown):
    return {int(i): found for i, found in json.loads(shown.value("JSON.stringify(state.verdicts)")).items()}


def downloaded(shown, folder, name="run"):
    shown.value("document.querySelector('[data-action=download]').click()")
    path = folder / f"verdicts-{name}.csv"
    for _ in range(400):
        if path.exists():
            with open(path, newline="", encoding="utf-8") as file:
                return path, list(csv.DictReader(file))
        time.sleep(0.02)
    raise TimeoutError(path)


def test_keys_give_verdicts_and_undo_takes_them_back(pages, opened):
    shown = opened(pages / "review.html")
    for key in "abrz":
        shown.press(key)
    assert verdicts(shown) == {0: ["accept"]}
    shown.press("z")
    for key in "arus":
        shown.press(key)
    assert verdicts(shown) == {0: ["accept"], 1: ["reject"], 2: ["unsure"]}
    assert shown.value("state.at") == 4
    shown.press("b")
    assert shown.value("state.at") == 3
    shown.press("l")
    # What is typed is a name, and no key.
    for key in "arz":
        shown.press(key)
    shown.press("Enter")
    assert verdicts(shown)[3] == ["relabel", "arz"]
    shown.press("l")
    shown.value("document.getElementById('new-label').value = 'part'")
    shown.press("Enter")
    assert shown.value("document.getElementById('new-label').validationMessage").startswith("Tables have")
    shown.press("Escape")
    shown.wait("!document.getElementById('relabel').open")
    shown.press("A", shift=True)
    shown.press("r")
    assert len(verdicts(shown)) == 9
    assert text(shown, "done") == "9 of 12 reviewed"
    for wanted in (8, 4, 3, 2, 1, 0, 0):
        shown.press("z")
        assert len(verdicts(shown)) == wanted
    assert shown.value("state.at") == 0
    assert not shown.complaints()


def test_sound_plays_by_itself_and_again_and_the_next_is_there(pages, opened):
    shown = opened(pages / "review.html")
    assert shown.value("ready.get(0).sound.paused")
    shown.press("s")
    shown.wait("!ready.get(1).sound.paused && ready.get(1).sound.currentTime > 0.05")
    assert shown.value("ready.get(1).sound.duration") == pytest.approx(1.88, abs=0.05)
    assert shown.value("[...ready.keys()].join()") == "1,2"
    shown.wait("ready.get(2).sound.readyState === 4 && ready.get(2).image.complete")
    assert shown.value("ready.get(2).image.naturalWidth") > 100
    shown.wait("ready.get(1).sound.ended")
    shown.press(" ")
    shown.wait("!ready.get(1).sound.paused")
    shown.value("document.getElementById('autoplay').click()")
    shown.press("s")
    assert shown.value("ready.get(2).sound.paused")
    # Keys can be turned off, for those whose own programs press them.
    shown.value("document.getElementById('keys').click()")
    shown.press("a")
    assert verdicts(shown) == {}


def test_after_a_click_the_next_key_is_for_the_page(pages, opened):
    """Space plays again, and presses no button that the mouse pressed."""
    shown = opened(pages / "review.html")
    shown.click("[data-action=accept]")
    assert verdicts(shown) == {0: ["accept"]}
    shown.wait("!ready.get(state.at).sound.paused")
    shown.value("ready.get(state.at).sound.pause()")
    shown.press(" ")
    shown.wait("!ready.get(state.at).sound.paused")
    assert verdicts(shown) == {0: ["accept"]}
    shown.click("#autoplay")
    shown.press(" ")
    assert not shown.value("autoplay.checked")
    assert not shown.value("state.autoplay")
    # A button that a key reached is pressed by Space.
    shown.value("document.querySelector('[data-action=reject]').focus()")
    shown.press("Tab", shift=True)
    shown.press(" ")
    assert verdicts(shown) == {0: ["accept"], 1: ["accept"]}
    assert not shown.complaints()


@pytest.mark.parametrize("pointer", [True, False])
def test_a_list_that_the_pointer_chose_in_does_not_keep_the_keys(pages, opened, pointer):
    shown = opened(pages / "review.html")
    if pointer:
        shown.click("#done")
    else:
        shown.press("Tab")
    shown.value("grouping.focus(); grouping.value = 'path'; grouping.dispatchEvent(new Event('change'))")
    shown.press("r")
    assert verdicts(shown) == ({0: ["reject"]} if pointer else {})


def test_the_player_takes_the_space_bar_alone(pages, opened):
    shown = opened(pages / "review.html")
    shown.value("document.querySelector('audio').focus()")
    shown.press("r")
    assert verdicts(shown) == {0: ["reject"]}


def test_another_window_of_a_page_has_its_own_place(pages, opened):
    """Its verdicts arrive, and nothing else: what is shown, and a class that is being typed, stay."""
    shown = opened(pages / "review.html")
    shown.press("s")
    shown.press("l")
    other = {"verdicts": {"5": ["accept"]}, "log": [], "at": 9, "grouping": "path"}
    shown.value(
        f"localStorage.setItem(STORE, {json.dumps(json.dumps(other))});"
        "window.dispatchEvent(new StorageEvent('storage', { key: STORE }))"
    )
    shown.type("Turdus")
    shown.press("Enter")
    assert verdicts(shown) == {1: ["relabel", "Turdus"], 5: ["accept"]}
    assert shown.value("state.grouping") == "label"


def test_a_page_that_is_built_again_takes_the_verdicts_of_the_former_one(pages, opened):
    """Of the same detections, in recordings that hold the same."""
    shown = opened(pages / "review.html")
    given = {}
    for key, word in zip("aru", ("accept", "reject", "unsure"), strict=True):
        given[shown.value("identity(items[state.at])")] = [word]
        shown.press(key)
    changed = (pages / "review.html").read_text(encoding="utf-8")
    # One recording is another one now.
    digests = sorted({json.loads(key)[-1] for key in given})
    page_of = changed.replace(shown.value("data.key"), "0" * 16).replace(digests[0], "sha256:other")
    (pages / "again.html").write_text(page_of, encoding="utf-8")
    shown.open(pages / "again.html")
    expected = {key: word for key, word in given.items() if digests[0] not in key}
    assert 0 < len(expected) < len(given)
    found = {shown.value(f"identity(items[{i}])"): word for i, word in verdicts(shown).items()}
    assert found == expected
    assert text(shown, "taken") == f"Verdicts of an earlier page on the same detections: {len(expected)}."
    assert not shown.value("document.getElementById('taken').hidden")
    shown.open(pages / "review.html")
    assert len(verdicts(shown)) == 3
    assert shown.value("document.getElementById('taken').hidden")


def test_undo_reaches_over_another_grouping(pages, opened):
    shown = opened(pages / "review.html")

    def grouped_by(name):
        shown.value(f"grouping.value = '{name}'; grouping.dispatchEvent(new Event('change'))")
        shown.value("document.activeElement.blur()")

    shown.press("a")
    before = verdicts(shown)
    grouped_by("path")
    assert shown.value("order.map((i) => items[i].path).every((p, k, all) => !k || all[k - 1] <= p)")
    own = shown.value("order.filter((i) => items[i].path === items[state.at].path)")
    shown.press("R", shift=True)
    assert verdicts(shown) == {**{i: ["reject"] for i in own}, **before}
    assert shown.value("state.at") not in own
    grouped_by("label")
    shown.press("z")
    assert verdicts(shown) == before
    shown.press("z")
    assert verdicts(shown) == {}
    assert shown.value("state.at") == 0


def test_a_killed_browser_keeps_the_verdicts_of_each_review(pages, opened, tmp_path):
    shown = opened(pages / "review.html")
    for key in "ar":
        shown.press(key)
    # A browser writes what it keeps after a few seconds.
    storage = tmp_path / "profile" / "Default" / "Local Storage" / "leveldb"
    ends = time.monotonic() + 60
    while not any(b'"1":["reject"]' in path.read_bytes() for path in storage.glob("*.log")):
        assert time.monotonic() < ends
        time.sleep(0.1)
    shown.kill()
    again = opened(pages / "review.html")
    assert verdicts(again) == {0: ["accept"], 1: ["reject"]}
    assert again.value("state.at") == 2
    again.press("z")
    assert verdicts(again) == {0: ["accept"]}
    again.open(pages / "other.html")
    assert verdicts(again) == {0: ["accept"]}
    again.press("r")
    again.open(pages / "review.html")
    assert verdicts(again) == {0: ["accept"]}


def test_verdicts_go_out_and_come_back_whatever_names_hold(pages, opened, tmp_path):
    shown = opened(pages / "review.html")
    for key in "aru":
        shown.press(key)
    shown.press("l")
    shown.type('@SUM("x"), <i>ü</i>')
    shown.press("Enter")
    given = verdicts(shown)
    path, rows = downloaded(shown, tmp_path)
    assert list(rows[0]) == list(shown.value("COLUMNS"))
    assert [row["verdict"] for row in rows] == ["accept", "reject", "unsure", "relabel", *[""] * 8]
    items = json.loads(shown.value("JSON.stringify(items.map(({image, sound, ...rest}) => rest))"))
    for row, item in zip(rows, items, strict=True):
        plain = {key: re.sub(r"^'(?=[=+\-@'])", "", row[key]) for key in ("path", "label")}
        assert plain == {key: item[key] for key in plain}
        assert not any(re.match(r"[=+\-@]", value) for value in row.values())
        assert (float(row["start"]), float(row["score"])) == (item["start"], item["score"])
        assert float(row["inclusion"]) == 1
        assert row["digest"] == item["digest"]
    assert rows[3]["new_label"] == '\'@SUM("x"), <i>ü</i>'
    # In another browser.
    other = opened(pages / "review.html", "another profile")
    other.value(f"load({json.dumps(path.read_text(encoding='utf-8'))})")
    assert verdicts(other) == given
    other.press("z")
    assert verdicts(other) == {}
    # Of a recording that has changed since, and of an older page, which did not tell.
    changed = path.read_text(encoding="utf-8").replace("sha256:0", "sha256:2")
    other.value(f"load({json.dumps(changed)})")
    assert 0 < len(verdicts(other)) == sum(items[i]["digest"] == "sha256:1" for i in given) < 4
    other.press("z")
    other.value(f"load({json.dumps(changed.replace('digest', 'note'))})")
    assert verdicts(other) == given
    other.value("load('a,b\\n1,2\\n')")
    assert text(other, "said").startswith("Expected a file of verdicts")


def test_the_page_and_the_workflow_agree_on_the_precision(pages, opened, tmp_path):
    shown = opened(pages / "review.html")
    rng = np.random.default_rng(0)
    kinds = set()
    for turn in range(12):
        drawn = [
            {
                "events": int(rng.integers(n, 40)),
                "words": list(rng.choice(["accept", "reject", "unsure", ""], n)),
            }
            for n in rng.integers(1, 6, size=3)
        ]
        # Every other time nothing is skipped.
        for each in drawn[: 3 * (turn % 2)]:
            each["words"].sort(key="".__eq__)
        rows = [
            ("x", 100 * stratum + number, 9.0, "plain", word, 0.5, stratum, each["events"], number, "r")
            for stratum, each in enumerate(drawn)
            for number, word in enumerate(each["words"], start=1)
        ]
        names = [
            "path",
            "start",
            "end",
            "label",
            "verdict",
            "inclusion",
            "stratum",
            "stratum_events",
            "stratum_order",
            "review",
        ]
        table = precision.table(pd.DataFrame(rows, columns=names)).iloc[0]
        shown.value(
            f"items.splice(0, items.length, ...{json.dumps([dict(zip(names, row, strict=True)) for row in rows])})"
        )
        shown.value(
            "state.verdicts = Object.fromEntries(items.map((item, i) => [i, item.verdict && [item.verdict]]))"
        )
        found = shown.value("precision('plain')")
        kinds.add((table.skipped > 0, np.isnan(table.precision)))
        if table.skipped:
            assert found == {"skipped": table.skipped}
            assert np.isnan(table.precision)
        elif np.isnan(table.precision):
            assert found is None
        else:
            assert [found[key] for key in ("estimate", "low", "high")] == pytest.approx(
                list(table[["precision", "low", "high"]]), abs=1e-9
            )
    assert kinds >= {(True, True), (False, False)}


def test_a_page_of_a_search_shows_similarities_and_its_verdicts_go_the_same_way(pages, opened, tmp_path):
    items = pd.DataFrame(
        {"path": "-one.wav", "start": [3.0, 9.0], "end": [4.0, 10.0], "label": "owl", "score": [0.987, -0.25]}
    )

    def excerpt(row):
        return excerpts.excerpt(pages / row.path, row.start, row.end, context=0.5, highest=8000.0, slower=1)

    html = page.build(
        items.assign(digest="sha256:0"), excerpt, name="x-search", order="search", known=[], slower=1
    )
    (tmp_path / "search.html").write_text(html, encoding="utf-8")
    shown = opened(tmp_path / "search.html")
    assert text(shown, "score") == "similarity 0.99"
    shown.press("a")
    assert text(shown, "score") == "similarity -0.25"
    shown.press("r")
    path, _ = downloaded(shown, tmp_path, "x-search")
    rows = [verdicts_of.verdict(row) for _, row in verdicts_of.rows(path)]
    assert [row.annotations for row in rows] == [[("owl", "present")], [("owl", "absent")]]
    assert not shown.complaints()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window_and_is_named_for_those_who_do_not_see(pages, opened, width):
    shown = opened(pages / "review.html", width=width)
    assert shown.value("document.documentElement.scrollWidth") <= width
    nameless = """[...document.querySelectorAll("button, input, select, audio, img, progress")].filter((e) =>
        !(e.textContent.trim() || e.alt || e.ariaLabel || e.labels?.length || e.getAttribute("aria-labelledby"))).length"""
    assert shown.value(nameless) == 0
    tree = shown.call("Accessibility.getFullAXTree")["nodes"]
    named = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n["ignored"]}
    assert ("status", "") in named
    assert any(role == "image" and name.startswith("Spectrogram of") for role, name in named)
    assert shown.value("document.querySelectorAll('#frequencies span, #times span').length") >= 6
    assert not shown.complaints()


def test_a_complaint_of_a_page_is_noticed(opened, tmp_path):
    (tmp_path / "bad.html").write_text("<script>nothing()</script>")
    assert opened(tmp_path / "bad.html").complaints()


# ---- The loop: train, detect, review, put back

SPECIES = {"low": 700.0, "high": 2000.0}
# Sounds between them, which a model that has heard little takes for one of them.
LIKE = [1000.0, 1500.0]
LOOP = {
    "shards": {"train": 3, "test": 1},
    "split": {"n_splits": 2},
    "crop": {"window": 1.0, "hop": 0.5, "sample_rate": 8000, "long_events": "middle"},
    "augment": {"copies": 0},
    "features": {"log_mel": {"n_fft": 256, "hop": 128, "n_mels": 24, "fmin": 200, "fmax": 4000}},
    "models": {"sed_cnn": {"options": {"filters": [8, 16], "dense": 16}, "epochs": 12, "batch_size": 4}},
    "detect": {"threshold": 0.4, "merge_gap": 0.0, "low": 0.9, "shards": 1},
    "review": {"items": 40, "context": 0.3},
}


def sing(path, seed, *, seconds=20.0, like=True):
    """Write a recording with a sound every second, and give its events (start, end, label); a sound like one has no label."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 8000)) / 8000
    wave, found = rng.normal(0, 0.02, len(time)), []
    for start in np.arange(0.5, seconds - 1, 1.5):
        label = rng.choice([*SPECIES, *([""] if like else [])])
        pitch = SPECIES.get(label) or rng.choice(LIKE)
        inside = (time >= start) & (time < start + 0.6)
        wave[inside] += rng.uniform(0.05, 0.2) * np.sin(
            2 * np.pi * pitch * rng.uniform(0.97, 1.03) * time[inside]
        )
        if label:
            found.append((float(start), float(start) + 0.6, str(label)))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, 8000)
    return found


@pytest.fixture(scope="module")
def soundscapes(tmp_path_factory):
    """Annotated, later and new recordings, and the events of the latter two."""
    folder, truth = tmp_path_factory.mktemp("soundscapes"), {}
    for number in range(6):
        path = folder / f"data/known{number}.wav"
        events = sing(path, number, seconds=16, like=False)
        path.with_suffix(".txt").write_text("".join(f"{a}\t{b}\t{label}\n" for a, b, label in events))
        truth[f"later{number}.wav"] = sing(folder / f"data/later{number}.wav", 100 + number, seconds=3)
    for number in range(3):
        truth[f"{number}.wav"] = sing(folder / f"new/{number}.wav", 200 + number, seconds=60)
    return folder, truth


def heard(truth, path, start, end):
    """The labels of the events that a detection is of."""
    return {label for first, last, label in truth[path] if first < end and last > start}


def review(shown, truth):
    """Review all items by keys, as one who knows what is to be heard."""
    for _ in range(shown.value("items.length")):
        item = json.loads(shown.value("JSON.stringify({...items[state.at], image: 0, sound: 0})"))
        labels = heard(truth, item["path"], item["start"], item["end"])
        if item["label"] in labels or not labels:
            shown.press("a" if labels else "r")
        else:
            shown.press("l")
            shown.type(min(labels))
            shown.press("Enter")
    assert text(shown, "said").endswith("All 40 are reviewed: download the verdicts")


def precisions(detections, truth):
    """By class, the share of the detections that are of an event of their class."""
    right = [row.label in heard(truth, row.path, row.start, row.end) for row in detections.itertuples()]
    return detections.assign(right=right).groupby("label").right.mean()


def loss(submission, truth):
    """The log loss of the predictions of the later recordings: lower is better."""
    has = [[label in {name for *_, name in truth[path]} for label in SPECIES] for path in submission.path]
    return log_loss(np.ravel(has), submission[list(SPECIES)].to_numpy().ravel())


@pytest.fixture
def typed(soundscapes, tmp_path):
    """A clone in which the recipe trains small models, and a function that runs a line of a page in it."""
    clone = tmp_path / "understory"
    copy_source(clone)
    recipe = clone / "recipes/own.yaml"
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    update_config(settings, LOOP)
    recipe.write_text(yaml.safe_dump(settings), encoding="utf-8")
    places = {"FOLDER": soundscapes[0] / "data", "NEW": soundscapes[0] / "new"}

    def run(line, *more):
        for name, place in places.items():
            line = re.sub(rf"\b{name}\b", str(place), line)
        program, *words = shlex.split(line)
        if program == "snakemake":
            done = snakemake([*words, *more], cwd=clone, env=os.environ)
        else:
            done = subprocess.run([program, *words], cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        # What a run does goes to stderr, what it ends with to stdout.
        return done.stdout + done.stderr

    return clone, run


def test_ten_lines_lead_from_a_folder_by_way_of_a_review_to_better_models(typed, soundscapes, opened):
    """Those that docs/own-recordings.md begins with, as they stand there."""
    (folder, truth), (clone, run) = soundscapes, typed
    page = (ROOT / "docs/own-recordings.md").read_text(encoding="utf-8")
    block = re.search(r"(?:^    .*\n)+", page, re.M)[0].splitlines()
    assert len(block) <= 10
    train, detect, put_back, precise = [line.strip() for line in block if not line.startswith("    #")]
    run(train)
    out = clone / "results/own"
    before = pd.read_csv(out / "submission.csv")
    run(detect)
    hidden = precisions(pd.read_csv(out / "detections/detections.csv"), truth)

    shown = opened(out / "review/review.html")
    review(shown, truth)
    path, rows = downloaded(shown, clone.parent, "own")
    shutil.move(path, clone)
    held = {row["path"]: row["digest"] for row in rows}
    assert held == {name: file_digests.short(file_digests.identity(folder / "new" / name)) for name in held}
    counts = Counter(row["verdict"] for row in rows)
    assert min(counts["accept"], counts["reject"]) >= 4

    output = run(put_back)
    shards = {shard_of(f"recordings:{row['path']}", "train", LOOP["shards"]["train"]) for row in rows}
    assert 0 < len(shards) < LOOP["shards"]["train"]
    of_shards = {
        ("inspect_recordings", ""),
        ("crop_windows", ""),
        ("compute_features", "features=log_mel, variant=0, "),
    }
    expected = {(rule, f"{others}shard={shard}") for rule, others in of_shards for shard in shards}
    of_folds = ("train_fold", "validate_fold", "predict_fold")
    expected |= {(rule, f"model=sed_cnn, fold={fold}") for rule in of_folds for fold in (0, 1)}
    # All models are new, and so is what is said of their detections.
    expected |= {("score_held_out", f"shard=train-{number}") for number in range(LOOP["shards"]["train"])}
    after = {
        "score_probes",
        "calibrate_detections",
        "list_quarantined",
        "split_folds",
        "ensemble_folds",
        "write_submission",
        "detect_events",
        "show_detections",
        "estimate_precision",
        "build_report",
    }
    assert planned(output) == expected | {(rule, "") for rule in after} | {
        ("score_recordings", "shard=new-0")
    }

    assert planned(run(put_back, "-n")) == set()
    table = pd.read_csv(io.StringIO(run(precise))).set_index("label")
    for label, true in hidden.items():
        assert table.low[label] <= true <= table.high[label]
        assert abs(table.precision[label] - true) < 0.15
        assert f"precision    {label}: {round(100 * table.precision[label])} % (95 % interval" in output
    assert loss(pd.read_csv(out / "submission.csv"), truth) < loss(before, truth)
