"""What is said of a run's scores that mean less than they seem to."""

import pandas as pd
import pytest

from understory.core.words import WORDS
from understory.evaluation import caveats

SETTINGS = {"control": "none", "select": {"a": "last", "b": "last"}, "trained_on_test": False}


def said(folds, copies=(), words="recordings", **settings):
    """The caveats of examples by (recording, fold), and presence, where each of `copies` holds the same as the first recording."""
    table = pd.DataFrame(folds, columns=["recording_id", "fold", "presence"][: len(folds[0])])
    table = table.assign(presence=table.get("presence", "present"))
    names = table.recording_id.unique()
    contents = pd.DataFrame({"recording_id": names, "content": names})
    contents.loc[contents.recording_id.isin(copies), "content"] = names[0]
    return caveats.sentences({**SETTINGS, **settings}, table, contents, WORDS[words])


def test_a_usual_run_has_none():
    assert said([("r", 0), ("r", 0), ("s", 1), ("t", -1)]) == []
    # Copies that are held out together, or that no fold validates.
    assert said([("r", 0), ("s", 1), ("t", 0)], copies=["t"]) == []
    assert said([("r", -1), ("s", 1), ("t", -1)], copies=["t"]) == []
    # Rejected events are not validated.
    assert said([("r", 0, "absent"), ("s", 1, "present"), ("t", -1, "present")], copies=["t"]) == []


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"control": "shuffled_labels"}, "This is a control run (shuffled_labels)"),
        ({"select": {"b": "best", "a": "best", "c": "last"}}, "a, b: the epoch was selected"),
        ({"trained_on_test": True}, "Models were trained on the test recordings"),
    ],
)
def test_settings_that_change_what_scores_mean_are_named(settings, start):
    (text,) = said([("r", 0), ("s", 1)], **settings)
    assert text.startswith(start)


def test_slices_of_a_study_on_both_sides_of_the_split_are_counted():
    (text,) = said([("r", 0), ("r", 1), ("s", 0), ("s", 0)], words="studies")
    assert text.startswith("Slices of the same study are in several folds, for 1 of 2 studies: models")


@pytest.mark.parametrize(
    ("fold", "count"),
    [(1, "2 recordings of 3 hold the"), (-1, "1 recording of 3 holds the")],
    ids=["other", "always"],
)
def test_copies_that_are_not_held_out_together_are_counted(fold, count):
    """Where the other one is in another fold both are known, and where all folds train with it the first."""
    (text,) = said([("r", 0), ("s", 0), ("t", fold)], copies=["t"])
    assert text.startswith(count)
    assert text.endswith("so fold and out-of-fold scores are too high.")


def test_of_a_copy_of_a_recording_that_is_split_both_are_told():
    texts = said([("r", 0), ("r", 1), ("s", 0), ("t", 0)], copies=["t"])
    assert [text[:40] for text in texts] == [
        "Examples of the same recording are in se",
        "1 recording of 3 holds the same as anoth",
    ]
