"""What readers of a run's scores have to know: settings and folds by which scores say something else of the models, or too much."""

import pandas as pd

from understory.core.text import counted
from understory.core.words import Words
from understory.data.folds import UNVALIDATED

TOO_HIGH = "fold and out-of-fold scores are too high"


def sentences(settings: dict, folds: pd.DataFrame, contents: pd.DataFrame, words: Words) -> list[str]:
    """The caveats of a run's scores, a sentence each.

    Parameters
    ----------
    settings : dict
        `control` as in the configuration; `select` by model, `best` where the validation score chose the epoch; `trained_on_test`,
        whether models saw the test recordings.
    folds : pandas.DataFrame
        `recording_id`, `presence` and `fold` of the examples.
    contents : pandas.DataFrame
        `recording_id, content`: what recordings hold.
    words : Words
    """
    return [*_of_settings(settings, words), *_of_folds(folds, contents, words)]


def _of_settings(settings, words):
    if settings["control"] != "none":
        yield f"This is a control run ({settings['control']}): expect scores at chance level."
    if best := [name for name, select in sorted(settings["select"].items()) if select == "best"]:
        yield f"{', '.join(best)}: the epoch was selected by validation score, so {TOO_HIGH}."
    if settings["trained_on_test"]:
        yield (
            f"Models were trained on the test {words.recordings} as well, without their labels: scores against the truth, and "
            f"predictions, are of {words.recordings} that they know."
        )


def _of_folds(folds, contents, words):
    fold_of = folds.groupby("recording_id").fold
    split = fold_of.nunique() > 1
    if count := int(split.sum()):
        yield (
            f"{words.examples.capitalize()} of the same {words.recording} are in several folds, for {count:,} of "
            f"{counted(len(split), words.recording, words.recordings)}: models are validated on {words.recordings} "
            f"that they were trained on, so {TOO_HIGH}."
        )
    held = folds.merge(contents, on="recording_id")
    apart = held.groupby("content").fold.transform("nunique") > 1
    validated = (held.presence == "present") & (held.fold != UNVALIDATED)
    # A recording whose examples are in several folds is told of above.
    if known := held.recording_id[apart & validated & ~held.recording_id.map(split)].nunique():
        yield (
            f"{counted(known, words.recording, words.recordings)} of {len(split):,} {'holds' if known == 1 else 'hold'} the same as another "
            f"one that is not in the same fold: models are validated on what they were trained on, so {TOO_HIGH}."
        )
