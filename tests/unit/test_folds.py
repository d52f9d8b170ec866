import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understory.core.errors import InputError
from understory.data import examples, folds, source
from understory.data.dataset import Annotation, Dataset, Recording


def made(rows, own=None, unvalidated=()):
    """Dataset and examples of (recording, label, presence) rows."""
    annotations = tuple(Annotation(r, label, p, float(i), i + 1.0) for i, (r, label, p) in enumerate(rows))
    names = sorted({r for r, _, _ in rows})
    tables = Dataset(
        tuple(sorted({label for _, label, p in rows if p == "present"})),
        tuple(Recording(n, n, "train") for n in names),
        annotations,
        False,
        own,
        unvalidated=frozenset(unvalidated),
    )
    return tables, examples.annotation_examples(tables, absent=True)


def deal(rows, own=None, unvalidated=(), copies=None, **options):
    tables, found = made(rows, own, unvalidated)
    usual = {"n_splits": 3, "seed": 27, "group": "recording", "rare_classes": "fail"}
    return folds.deal(found, tables, **{**usual, **options}, contents=contents(found, copies))


def contents(found, copies=None):
    """What recordings hold: each something else, but for copies by name."""
    names = sorted(set(found.recording_id))
    return pd.DataFrame(
        {"recording_id": names, "content": [(copies or {}).get(name, name) for name in names]}
    )


def test_the_real_table_splits_as_published(real):
    tables = source.reader("rfcx").read(real("rfcx"))
    found = examples.annotation_examples(tables, absent=False)
    dealt = folds.deal(
        found, tables, n_splits=3, seed=27, group="none", rare_classes="fail", contents=contents(found)
    )
    sizes = dealt.groupby("fold").size()
    assert [(1216 - size, size) for size in sizes] == [(810, 406), (811, 405), (811, 405)]
    for fold in range(3):
        inside = set(dealt.recording_id[dealt.fold == fold])
        assert len(inside & set(dealt.recording_id[dealt.fold != fold])) >= 28


def test_grouped_folds_of_the_real_table_share_no_recording(real):
    tables = source.reader("rfcx").read(real("rfcx"))
    found = examples.annotation_examples(tables, absent=True)
    dealt = folds.deal(
        found, tables, n_splits=3, seed=27, group="recording", rare_classes="fail", contents=contents(found)
    )
    assert len(dealt) == 1216 + 7781
    assert dealt.groupby("recording_id").fold.nunique().max() == 1
    present = dealt[dealt.presence == "present"]
    counts = pd.crosstab(present.label, present.fold)
    assert ((counts / counts.sum(axis=1).to_numpy()[:, None] - 1 / 3).abs() < 0.12).all().all()


rows = st.lists(
    st.tuples(
        st.sampled_from([f"r{i}" for i in range(30)]),
        st.sampled_from("xyz"),
        st.sampled_from(["present", "absent"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(rows=rows, seed=st.integers(0, 100), group=st.sampled_from(["recording", "none"]))
def test_folds_are_disjoint_covering_and_independent_of_order(rows, seed, group):
    # Enough of every class, each in recordings of its own, that a split exists.
    rows = [*rows, *((f"own-{label}{i}", label, "present") for label in "xyz" for i in range(4))]
    tables, found = made(rows)
    options = {"n_splits": 3, "seed": seed, "group": group, "rare_classes": "allow"}
    dealt = folds.deal(found, tables, **options, contents=contents(found))
    assert sorted(dealt.example_id) == sorted(found.example_id)
    assert set(dealt.fold) <= {0, 1, 2}
    if group == "recording":
        assert dealt.groupby("recording_id").fold.nunique().max() == 1
    shuffled = Dataset(tables.classes, tables.recordings, tables.annotations[::-1], False)
    again = folds.deal(
        examples.annotation_examples(shuffled, absent=True), shuffled, **options, contents=contents(found)
    )
    pd.testing.assert_frame_equal(dealt, again)


def test_a_class_that_some_fold_could_not_learn_is_named():
    rows = [(f"r{i}", label, "present") for i, label in enumerate("xxxxxxyyyyyyz")]
    with pytest.raises(InputError, match=r"without fold \d: z\n.*rare_classes: allow"):
        deal(rows)
    assert len(deal(rows, rare_classes="allow")) == 13


def test_folds_that_cannot_be_made_are_refused():
    rows = [("a", "x", "present"), ("a", "x", "present"), ("b", "x", "present")]
    with pytest.raises(
        InputError,
        match=r"have a present event \(2\), given 3: set split.n_splits: 2, or annotate more recordings, or set split.group: none",
    ):
        deal(rows)
    with pytest.raises(InputError, match=r"as there are present examples that can be used \(3\), given 4"):
        deal(rows, group="none", n_splits=4)
    single = [(name, name, "present") for name in "abcd"]
    for group in ("recording", "none"):
        with pytest.raises(
            InputError, match=r"present examples of the most frequent class that can be used \(1\)"
        ):
            deal(single, group=group)


def test_advice_about_folds_can_be_followed():
    events = [("a", "x", "present")] * 4
    with pytest.raises(InputError) as refused:
        deal(events, n_splits=2)
    said = str(refused.value)
    assert "(1), given 2: annotate more recordings, or set split.group: none" in said
    assert "split.n_splits: 1" not in said
    with pytest.raises(InputError, match=r"\(1\), given 2: annotate more recordings"):
        deal(events[:1], n_splits=2)


def test_a_data_set_keeps_its_own_folds():
    rows = [(f"r{i}", label, "present") for i, label in enumerate("xyxyxy")]
    own = {f"r{i}": i // 2 for i in range(6)}
    dealt = deal(rows, own)
    assert dict(zip(dealt.recording_id, dealt.fold, strict=True)) == own
    with pytest.raises(InputError, match=r"split\.n_splits: expected 3, the data set's own"):
        deal(rows, own, n_splits=5)


@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=12),
    n_splits=st.integers(2, 5),
    seed=st.integers(0, 50),
    absent=st.booleans(),
)
def test_where_each_recording_has_one_example_every_class_of_two_is_learnt_in_every_fold(
    sizes, n_splits, seed, absent
):
    sizes = [n_splits, *sizes]
    rows = [(f"r{c}-{n}", f"c{c}", "present") for c, size in enumerate(sizes) for n in range(size)]
    rows += [(name, "c0", "absent") for name, _, _ in rows[:3]] if absent else []
    dealt = deal(rows, n_splits=n_splits, seed=seed, rare_classes="allow")
    present = dealt[dealt.presence == "present"]
    counts = pd.crosstab(present.label, present.fold).reindex(columns=range(n_splits), fill_value=0)
    assert ((counts.max(axis=1) - counts.min(axis=1)) <= 1).all()
    assert counts.sum().max() - counts.sum().min() <= 1
    for fold in range(n_splits):
        learnt = set(present.label[present.fold != fold])
        assert learnt >= {f"c{c}" for c, size in enumerate(sizes) if size >= 2}
    assert dealt.groupby("recording_id").fold.nunique().max() == 1


def test_it_is_dealt_by_the_seed():
    rows = [(f"r{n}", "xyz"[n % 3], "present") for n in range(30)]
    first, again, other = deal(rows), deal(rows), deal(rows, seed=28)
    pd.testing.assert_frame_equal(first, again)
    assert (first.fold != other.fold).any()


@pytest.mark.parametrize("group", ["recording", "none"])
@pytest.mark.parametrize("shared", [False, True])
def test_what_is_not_validated_against_trains_in_every_fold(group, shared):
    rows = [(f"r{i}", label, "present") for i, label in enumerate("xyxyxy")]
    rows += [("r0", "x", "present")] if shared else []
    extra = [("u0", "x", "present"), ("u1", "z", "present"), ("u1", "x", "absent")]
    dealt = deal([*rows, *extra], unvalidated=["u0", "u1", "not there"], group=group)
    outside = dealt.recording_id.isin(["u0", "u1"])
    assert (dealt.fold[outside] == -1).all()
    # They stratify nothing and are not enough for anything, but z has them to train on.
    alone = deal(rows, group=group, rare_classes="allow")
    assert set(dealt.fold[~outside]) == {0, 1, 2}
    assert (
        dealt[~outside].groupby("fold").size().to_numpy() == alone.groupby("fold").size().to_numpy()
    ).all()
    with pytest.raises(InputError, match=r"\(2\), given 3"):
        deal([*rows[:2], *extra], unvalidated=["u0", "u1"], group=group)


def test_a_data_sets_own_folds_leave_it_out_as_well():
    rows = [(f"r{i}", label, "present") for i, label in enumerate("xyxyxyz")]
    own = {f"r{i}": i // 2 for i in range(6)}
    dealt = deal(rows, own, unvalidated=["r6", "r0"])
    found = dict(zip(dealt.recording_id, dealt.fold, strict=True))
    assert found == {**own, "r6": -1, "r0": -1}


def test_recordings_that_hold_the_same_share_a_fold():
    """As a file in two folders, or a copy that was reviewed; all others have the folds that they have without copies."""
    rows = [(f"r{i:02}", label, "present") for i, label in enumerate("xyz" * 6)]
    copies = [(f"z/{name}", label, "present") for name, label, _ in rows[:6]]
    same = {f"z/{name}": name for name, *_ in rows[:6]}
    for number in range(20):
        dealt = deal([*rows, *copies], copies=same, seed=number)
        fold = dict(zip(dealt.recording_id, dealt.fold, strict=True))
        assert all(fold[copy] == fold[name] for copy, name in same.items())
    alone = deal(rows)
    for more in ([("z/r00", "y", "absent")], [("z/r00", "x", "present")], copies):
        found = deal([*rows, *more], copies=same)
        own = found[~found.recording_id.str.startswith("z/")]
        assert own.fold.tolist() == alone.fold.tolist()
    with pytest.raises(
        InputError, match=r"recordings of different content with present examples that can be used \(2\)"
    ):
        deal([(name, "x", "present") for name in "aabbcc"], copies={"b": "a"})
    # One without a present example takes the fold of the one with it.
    rejected = [("a", "y", "absent"), *rows]
    fold = deal(rejected, copies={"a": "r05"}).set_index("recording_id").fold
    assert fold["a"] == fold["r05"]


def test_a_fold_of_the_data_sets_own_without_a_present_example_stops_the_run():
    rows = [("a", "x", "present"), ("b", "x", "absent"), ("c", "x", "present")]
    with pytest.raises(
        InputError, match=r"folds of the data set: expected a present example .* found none in 2$"
    ):
        deal(rows, {"a": 0, "b": 1, "c": 2})
