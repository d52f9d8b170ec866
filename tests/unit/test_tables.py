import math
from dataclasses import replace

import pytest

from understory.core import hashing
from understory.core.errors import InputError
from understory.data import dataset
from understory.data.dataset import Annotation, Dataset, Recording
from understory.data.tables.checks import check_folds, check_rounds

EVENT = Annotation("a", "s0", "present", 1.0, 2.0, 3.0, 4.0)


def test_hashes_never_change():
    """A changed hash would deal every recording of every user to another shard."""
    assert hashing.stable_hash("003bec244") == 13445519105992796059
    assert dataset.shard_of("003bec244", "train", 7) == f"train-{13445519105992796059 % 7}"
    assert dataset.example_id(EVENT) == "d5b59632b39d2b26"


def test_an_example_id_is_of_the_content():
    assert dataset.example_id(EVENT) == dataset.example_id(Annotation(*EVENT))
    assert dataset.example_id(EVENT) != dataset.example_id(EVENT._replace(t_max=2.5))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        *(
            (label, "expected a label in plain text of 1 to 200 characters without semicolons, found '")
            for label in ("", "a;b", "a\nb", " a")
        ),
        ("fold", "expected a label, found 'fold', which is a column of the tables that are written"),
        ("absent", "expected a label, found 'absent', which is"),
        ("draw", "expected a label, found 'draw', which is"),
    ],
)
def test_labels_that_tables_could_not_hold_are_refused(label, said):
    with pytest.raises(InputError, match=said):
        Dataset(classes=(label,), recordings=(), annotations=(), exhaustive=True)


@pytest.mark.parametrize(
    ("own", "said"),
    [({"a": 0, "b": 2}, "without a gap, found 1, 3"), ({"a": 0, "b": 1}, "expected 2, the data set's own")],
)
def test_folds_of_its_own_that_do_not_fit(own, said):
    dataset = Dataset(("x",), (Recording("a", "a", "train"), Recording("b", "b", "train")), (), True, own)
    with pytest.raises(InputError, match=said):
        check_folds(dataset, 3, "recording")


def test_rounds_of_pseudo_labels_need_a_label_that_is_unknown():
    rounds = {"rounds": 1, "unlabelled": "none"}
    known = Dataset(("s0",), (Recording("a", "a", "train"),), (EVENT,), True)
    with pytest.raises(InputError, match=r"pseudo_labels\.rounds: expected 0, as .* no label is unknown"):
        check_rounds(known, rounds)
    check_rounds(known, {**rounds, "rounds": 0})
    check_rounds(known, {**rounds, "unlabelled": "test"})
    check_rounds(replace(known, exhaustive=False), rounds)
    check_rounds(replace(known, annotations=(EVENT, EVENT._replace(presence="unknown"))), rounds)


@pytest.mark.parametrize("shared", [False, True])
def test_a_part_has_a_shards_recordings_and_annotations_and_comes_back_as_text(shared):
    recordings = [Recording(f"r{n}", f"ä/{n}.flac", "test" if n % 3 == 0 else "train") for n in range(30)]
    annotations = [
        Annotation(f"r{n}", f"s{label}", "present", 0.1 + 0.2 * n, math.inf if label else 1e9 / 3)
        for n in range(29, 0, -1)
        for label in (1, 0)
    ]
    places = {annotation: f"t.csv, line {n}" for n, annotation in enumerate(annotations[::2])}
    whole = Dataset(
        ("s0", "s1"), tuple(recordings), tuple(annotations), True, places=places, shared_windows=shared
    )
    parts = [whole.part(f"train-{number}", 3) for number in range(3)]
    assert sorted(r for part in parts for r in part.recordings) == sorted(
        r for r in recordings if r.subset == "train"
    )
    for number, part in enumerate(parts):
        names = [recording.recording_id for recording in part.recordings]
        assert names == sorted(
            name for name in names if dataset.shard_of(name, "train", 3) == f"train-{number}"
        )
        assert sorted(part.annotations) == sorted(a for a in annotations if a.recording_id in names)
        assert part.places == {a: place for a, place in places.items() if a.recording_id in names}
        assert (part.exhaustive, part.shared_windows) == (True, shared)
        again = Dataset.part_of_text(part.part_as_text())
        assert again == part
        assert again.places == part.places
        assert list(map(dataset.example_id, again.annotations)) == list(
            map(dataset.example_id, part.annotations)
        )
