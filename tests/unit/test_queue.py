"""What to label next: never what has a label or is held out, and as a naive oracle chooses."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.core import file_digests
from understory.core.errors import InputError
from understory.data.dataset import Annotation, Dataset, Recording
from understory.data.source import Source
from understory.datasets import rfcx
from understory.inference.events import Scored
from understory.search import choosing, labelled, sought

STRATEGIES = ("random", "uncertain", "spread", "mixed")


def digest_of(number):
    return f"{number:064x}"


# ---- What may be chosen

TIMES = st.tuples(st.integers(0, 9), st.integers(1, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(
    lengths=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 8), min_size=1),
    contents=st.tuples(*[st.integers(0, 3)] * 4),
    times=st.dictionaries(st.integers(0, 3), st.lists(TIMES, max_size=2)),
    out=st.sets(st.integers(0, 3), max_size=2),
    strategy=st.sampled_from(STRATEGIES),
    size=st.integers(1, 12),
    seed=st.integers(0, 3),
    turned=st.booleans(),
    drawn=st.integers(0, 99),
)
def test_a_queue_holds_nothing_that_has_a_label_or_is_held_out_and_no_window_twice(
    lengths, contents, times, out, strategy, size, seed, turned, drawn
):
    """Windows of 2 s at every second, in any order of the shards; recordings may hold the same."""
    names = sorted(lengths)
    rows = [
        (name, float(start)) for name in (names[::-1] if turned else names) for start in range(lengths[name])
    ]
    recordings = np.array([names.index(name) for name, _ in rows])
    starts = np.array([start for _, start in rows])
    held = {name: digest_of(contents["abcd".index(name)]) for name in names}
    spans = {digest_of(number): own for number, own in times.items()}
    allowed, has = labelled.masks(
        names, recordings, starts, starts + 2, held, spans, {digest_of(number) for number in out}
    )
    # One by one.
    free, known = set(), set()
    for number, (name, start) in enumerate(rows):
        content = contents["abcd".index(name)]
        first = min(other for other in names if contents["abcd".index(other)] == content)
        if content in out or name != first:
            continue
        hit = any(start < end and start + 2 > begin for begin, end in times.get(content, ()))
        (known if hit else free).add(number)
    assert (set(np.flatnonzero(allowed)), set(np.flatnonzero(has))) == (free, known)
    rng = np.random.default_rng(drawn)
    vectors = {row: rng.integers(-1, 2, 2).astype(float) for row in sorted(rows)}
    doubts = {row: rng.integers(0, 4) / 4 for row in sorted(rows)}
    windows = choosing.Windows(
        recordings, starts, starts + 2, np.zeros(len(rows), int), np.array([doubts[row] for row in rows])
    )
    found = choosing.choose(
        windows,
        allowed,
        counts=np.array([2]),
        labelled=np.flatnonzero(has),
        rows=lambda numbers: np.array([vectors[rows[number]] for number in numbers]).reshape(-1, 2),
        size=size,
        strategy=strategy,
        seed=seed,
    )
    assert set(found) <= free
    assert len(set(found)) == len(found) <= size
    assert [rows[number] for number in found] == naive(
        sorted(rows[number] for number in free),
        [rows[number] for number in known],
        vectors,
        doubts,
        size,
        strategy,
        seed,
    )


def naive(free, known, vectors, doubts, size, strategy, seed):
    """The windows of a queue one by one, as (recording, start)."""
    order = list(free)
    if strategy in ("random", "spread"):
        drawn = choosing.stream(seed, choosing.Stage.QUEUE, strategy).permutation(len(free))
        order = [free[number] for number in drawn]
    else:
        order.sort(key=lambda row: -doubts[row])
    most = size * {"spread": choosing.SAMPLED, "mixed": choosing.DOUBTFUL}.get(strategy, 1)
    pool = []
    for row in order:
        if len(pool) < most and not any(row[0] == one[0] and abs(row[1] - one[1]) < 2 for one in pool):
            pool.append(row)
    if strategy in ("random", "uncertain"):
        return pool

    def distance(one, other):
        a, b = vectors[one], vectors[other]
        return round(1 - float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)), 9)

    pool = [row for row in pool if vectors[row].any()]
    centres, chosen = [row for row in known if vectors[row].any() and strategy == "spread"], []
    while pool and len(chosen) < size:
        far = max(pool, key=lambda row: min((distance(row, other) for other in centres), default=9))
        pool.remove(far)
        centres.append(far)
        chosen.append(far)
    return chosen


def test_windows_that_differ_come_before_those_of_a_bunch():
    """Ten alike, two others: all are as doubtful, and one of the bunch has a label."""
    vectors = np.array([[1.0, k / 100] for k in range(10)] + [[0.0, 1.0], [-1.0, 0.0]])
    windows = choosing.Windows(np.arange(12), np.zeros(12), np.ones(12), np.zeros(12, int), np.ones(12))
    asked = {"counts": np.array([1]), "labelled": np.array([0]), "rows": lambda numbers: vectors[numbers]}
    found = {
        strategy: choosing.choose(windows, np.arange(12) > 0, **asked, size=6, strategy=strategy, seed=0)
        for strategy in ("mixed", "spread")
    }
    assert found["spread"][:2] == [11, 10]
    # The first one in doubt, and those unlike it.
    assert found["mixed"][:3] == [1, 11, 10]


def test_the_vectors_of_many_labelled_windows_are_not_in_memory_at_once(monkeypatch):
    """Those of the last ones count as well."""
    vectors, asked = np.array([[1.0, 0.0], [0.0, 1.0], *[[1.0, 0.1]] * 9, [0.0, 2.0]]), []
    monkeypatch.setattr(choosing, "TOGETHER", 4)

    def rows(numbers):
        asked.append(len(numbers))
        return vectors[numbers]

    assert choosing.k_centre(np.array([1, 0]), np.arange(2, 12), rows, 1) == [0]
    assert asked == [2, 4, 4, 2]


def test_rare_classes_come_first_where_windows_are_as_doubtful():
    labels = np.array([0, 1, 2, 0, 1, 2])
    windows = choosing.Windows(np.arange(6), np.zeros(6), np.ones(6), labels, np.full(6, 0.5))
    asked = {"labelled": np.zeros(0, int), "rows": lambda numbers: np.eye(6)[numbers], "size": 1, "seed": 0}
    for counts in ([9, 0, 4], [0, 3, 3]):
        (found,) = choosing.choose(
            windows, np.ones(6, bool), counts=np.array(counts), strategy="mixed", **asked
        )
        assert labels[found] == np.argmin(counts)
    (found,) = choosing.choose(
        windows, np.ones(6, bool), counts=np.array([9, 0, 4]), strategy="uncertain", **asked
    )
    assert found == 0


def test_doubt_is_high_between_two_classes_and_low_where_nothing_is_heard():
    scores = np.array([[0.5, 0.45, 0], [0.9, 0.1, 0], [0.02, 0.02, 0.01], [0.3, 0.2, 0.1]], np.float32)
    labels, highest, doubts = choosing.doubt(scores)
    assert labels.tolist() == [0, 0, 0, 0]
    assert highest.tolist() == scores.max(axis=1).tolist()
    assert doubts == pytest.approx([0.95, 0.2, 0.02, 0.9], abs=1e-6)
    # Of one class alone, the other one is that it is not there.
    assert choosing.doubt(np.array([[0.5], [0.9], [0.2]], np.float32))[2] == pytest.approx(
        [1, 0.2, 0.4], abs=1e-6
    )


def test_scores_find_their_windows_and_others_are_refused():
    names, recordings = ["a", "b"], np.array([1, 1, 0])
    starts = np.array([0.0, 1.0, 0.0])
    one = Scored("a", np.array([0.0]), np.array([2.0]), np.array([[0.1, 0.7]], np.float32))
    two = Scored("b", starts[:2], starts[:2] + 2, np.array([[0.9, 0.1], [0.2, 0.3]], np.float32))
    windows, highest = choosing.of_scores(names, recordings, starts, starts + 2, [one, two])
    assert windows.labels.tolist() == [0, 1, 1]
    assert highest == pytest.approx([0.9, 0.3, 0.7])
    for scored in ([two], [one, two._replace(starts=two.starts + 1)], [one, two, two._replace(path="c")]):
        with pytest.raises(InputError, match="run again"):
            choosing.of_scores(names, recordings, starts, starts + 2, scored)


# ---- What has a label


class Folder:
    """In the place of a data set's source."""

    def __init__(self, folder, dataset):
        self.folder, self.dataset = folder, dataset

    def path(self, recording):
        return self.folder / recording.path


@pytest.fixture
def data(tmp_path):
    """Recordings of which some are annotated, as what they hold, and the folder of new ones, of which two are copies."""
    contents = file_digests.FileDigests(None)
    for number, name in enumerate(["data/a.wav", "data/b.wav", "data/t.wav", "new/other.wav"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes([number]))
    (tmp_path / "new/copy.wav").write_bytes(bytes([0]))
    (tmp_path / "new/test.wav").write_bytes(bytes([2]))
    held = {
        name: contents.identities([tmp_path / "new" / name])[0]
        for name in ("copy.wav", "other.wav", "test.wav")
    }
    tables = Dataset(
        classes=("x", "y"),
        exhaustive=False,
        recordings=tuple(
            Recording(f"{name}.wav", f"{name}.wav", subset)
            for name, subset in (("a", "train"), ("b", "train"), ("t", "test"))
        ),
        annotations=(
            Annotation("a.wav", "x", "present", 1.0, 2.0),
            Annotation("a.wav", "y", "unknown", 4.0, 5.0),
            Annotation("a.wav", "y", "unknown"),
            Annotation("b.wav", "y", "absent"),
        ),
    )
    return tmp_path, tables, held, contents


def test_annotations_are_labels_of_what_holds_the_same(data):
    folder, tables, held, contents = data
    times = labelled.annotated(tables, Folder(folder / "data", "rfcx"), contents)
    assert times[held["copy.wav"]] == [(1.0, 2.0), (4.0, 5.0)]
    assert [(0.0, math.inf)] in times.values()
    assert held["other.wav"] not in times
    known = replace(tables, background=frozenset(["a.wav"]))
    times = labelled.annotated(known, Folder(folder / "data", "rfcx"), contents)
    assert (0.0, math.inf) in times[held["copy.wav"]]


@pytest.mark.parametrize("tested", [True, False])
def test_test_recordings_and_a_folder_are_held_out_wherever_copies_of_them_lie(data, tested):
    """Test recordings also where the run leaves them out."""
    folder, _, held, contents = data
    (folder / "data/test").mkdir()
    shutil.copy(folder / "data/t.wav", folder / "data/test/t.flac")
    (folder / "data/sample_submission.csv").write_text("recording_id,s0\nt,0\ngone,0\n")
    for table in ("train_tp.csv", "train_fp.csv"):
        (folder / "data" / table).write_text(",".join(rfcx.COLUMNS))
    found = Source("rfcx", str(folder / "data"), "all", tested=tested)
    assert labelled.held_out(found, [], contents) == {held["test.wav"]}
    # One's own are test recordings until they have a label.
    own = Source("own", str(folder / "data"), "all")
    assert labelled.held_out(own, [], contents) == set()
    paths = [folder / "new/other.wav", folder / "gone.wav"]
    assert labelled.held_out(own, paths, contents) == {held["other.wav"]}


def test_verdicts_are_labels_of_the_recordings_that_were_reviewed(data):
    folder, _, held, _ = data
    short = file_digests.short(held["copy.wav"])
    (folder / "one.csv").write_text(
        "path,start,end,label,verdict,new_label,digest\n"
        f"was/elsewhere.wav,1,3,x,accept,,{short}\n"
        f"copy.wav,5,6,x,,,{short}\n"
        "copy.wav,7,8,x,reject,,sha256:0000000000000000\n"
        f"copy.wav,9,10,x,relabel,,{short}\n"
    )
    (folder / "two.csv").write_text(
        "path,start,end,label,verdict,new_label\nother.wav,2,4,y,unsure,\ngone.wav,2,4,y,accept,\n"
    )
    assert labelled.judged([folder / "one.csv", folder / "two.csv"], held) == {
        held["copy.wav"]: [(1.0, 3.0)],
        held["other.wav"]: [(2.0, 4.0)],
    }


def test_a_folder_to_hold_out_has_recordings(tmp_path):
    config = {"queue": {"held_out": str(tmp_path)}}
    with pytest.raises(
        InputError, match=r"^queue.held_out: expected a folder of sound files .*, found none in "
    ):
        sought.held_out(config)
    config["queue"]["held_out"] = str(tmp_path / "gone")
    with pytest.raises(InputError, match=r"^queue.held_out: .*, found none at .*gone"):
        sought.held_out(config)
    (tmp_path / "a.wav").touch()
    assert sought.held_out({"queue": {"held_out": str(tmp_path)}}) == [f"{tmp_path}/a.wav"]
    assert sought.held_out({"queue": {"held_out": None}}) == []


@pytest.mark.parametrize(("window", "hop"), [(0.96, 0.96), (0.1, 0.1), (1.2, 0.4), (3.0, 1.5)])
def test_windows_that_touch_do_not_overlap(window, hop):
    """However their times are rounded: a second one begins where a first one ends."""
    starts = np.arange(60) * hop
    windows = choosing.Windows(
        np.zeros(60, int), starts, starts + window, np.zeros(60, int), np.full(60, 0.5)
    )
    step = round(window / hop)
    assert choosing.apart(windows, range(60), 60) == list(range(0, 60, step))
    own = labelled.overlapping(
        starts, starts + window, [(round(starts[30], 3), round(starts[30] + window, 3))]
    )
    assert np.flatnonzero(own).tolist() == list(range(31 - step, 30 + step))
