"""A synthetic data set in the layout that `understory.datasets.rfcx` reads."""

from pathlib import Path

from understory.core.files import write_rows
from understory.datasets.rfcx import COLUMNS
from understory.synthetic import soundscapes

SPECIES = 24  # the competition's


def synthesize(folder: Path, truth: Path, *, settings: dict, seed: int, processes: int, clips=None):
    """Write a synthetic data set with songs made from arithmetic and labels as sparse as the original's.

    Clips sing instead where they are given; then the data set has as many species as the clips have classes, and
    `species.csv` says how they are called.

    A recording of `train_tp.csv` has 1.07 rows there on average, one of `train_fp.csv` 1.97, as in the
    competition's own tables (1,216 rows of 1,132 recordings; 7,781 of 3,958).

    Parameters
    ----------
    folder : Path
        Where the tables and the audio go.
    truth : Path
        Where the complete labels of the test recordings go, as `recording_id` and one 0/1 column a class.
    settings : dict
        The block `synthetic` of the configuration but `clips` and `background`.
    clips : understory.synthetic.clips.Clips or None
        Who sings; None for songs made from arithmetic.

    Raises
    ------
    InputError
        A clip cannot be read, or is silent.
    """
    for subset in ("train", "test"):
        (folder / subset).mkdir(parents=True, exist_ok=True)
    singers = soundscapes.Songs(SPECIES, seed) if clips is None else clips.singers()
    classes = [f"s{species}" for species in range(singers.classes)]
    plans = soundscapes.make_recordings(
        folder, singers=singers, settings=soundscapes.Settings(**settings), seed=seed, processes=processes
    )
    tables = {"train_tp.csv": [], "train_fp.csv": []}
    for plan in plans:
        for table, boxes in (("train_tp.csv", plan.confirmed), ("train_fp.csv", plan.rejected)):
            for box in boxes:
                values = [round(value, 4) for value in (box.t_min, box.f_min, box.t_max, box.f_max)]
                tables[table].append([plan.recording_id, box.species, box.song_type, *values])
    for table, rows in tables.items():
        write_rows(folder / table, COLUMNS, rows)
    test = [plan for plan in plans if plan.subset == "test"]
    write_rows(
        folder / "sample_submission.csv",
        ("recording_id", *classes),
        [[plan.recording_id, *[0.5] * len(classes)] for plan in test],
    )
    write_rows(
        truth,
        ("recording_id", *classes),
        [[plan.recording_id, *(int(s in plan.species) for s in range(len(classes)))] for plan in test],
    )
    if clips is not None:
        write_rows(folder / "species.csv", ("species_id", "name"), enumerate(clips.read().classes))
