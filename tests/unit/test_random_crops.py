"""Copies that are cut anew from their recording."""

import numpy as np
import pytest
import soundfile

from understory.audio import crop, inspect
from understory.data import inspection
from understory.data.source import Source
from understory.datasets import own

RATE, WINDOW = 1000, 2.0
SETTINGS = {
    "crop": {
        "window": WINDOW,
        "sample_rate": RATE,
        "absent": True,
        "long_events": "middle",
        "background": 1,
    },
    "seed": 27,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Recordings whose samples count up, in which a lark is heard now and then, and an owl a while after it."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(12):
        soundfile.write(folder / f"{number}.wav", np.arange(10_000, dtype=np.int16), RATE)
        (folder / f"{number}.txt").write_text("3\t3.5\tlark\n4.4\t4.9\towl\n")
    tables = own.read(folder, options={"exhaustive": True})
    recordings, _ = inspection.inspect(
        tables.recordings,
        lambda recording: folder / recording.path,
        lambda path: inspect.inspect_recording(path, {}),
        columns=inspect.COLUMNS,
    )
    usable, _ = inspection.usable(tables, recordings)
    source = Source("own", folder, {"exhaustive": True})
    return usable, recordings, source


def cut(world, variant, **changed):
    windows, index = crop.crop(*world, {**SETTINGS, **changed}, variant)
    return np.array(list(windows.items)), index


def test_a_copy_is_cut_where_its_table_says_with_the_event_in_it(world):
    windows, index = cut(world, 1)
    np.testing.assert_array_equal(windows[:, 0], (index.start * RATE).round())
    np.testing.assert_array_equal(windows[:, -1] - windows[:, 0], 2 * RATE - 1)
    assert (index.stop - index.start).round(6).eq(WINDOW).all()
    events = index[index.label != ""]
    assert len(events) == 24
    assert (events.start <= events.t_min).all()
    assert (events.stop >= events.t_max).all()
    assert events.start.nunique() > 18


def test_a_copy_has_the_labels_of_its_own_window(world):
    _, index = cut(world, 1)
    larks = index[index.label == "lark"]
    heard = larks.stop > 4.4
    assert 0 < heard.sum() < len(larks)
    assert larks.present.tolist() == ["lark;owl" if both else "lark" for both in heard]


def test_a_window_of_background_stays_where_it_is(world):
    _, whole = cut(world, 0)
    _, index = cut(world, 1)
    assert whole.example_id.tolist() == index.example_id.tolist()
    nothing = (whole.label == "").to_numpy()
    assert nothing.sum() == 12
    assert (index.start == whole.start)[nothing].all()
    assert not (index.start == whole.start)[~nothing].any()


def test_copies_differ_by_number_and_seed_and_by_nothing_else(world):
    windows, index = cut(world, 1)
    again, _ = cut(world, 1)
    np.testing.assert_array_equal(windows, again)
    for variant, seed in ((2, 27), (1, 28)):
        _, other = cut(world, variant, seed=seed)
        assert (other.start != index.start)[index.label != ""].mean() > 0.9
    tables, recordings, source = world
    few = [row for row in recordings.recording_id if row != "3.wav"]
    part = inspection.usable(tables, recordings[recordings.recording_id.isin(few)])[0]
    _, alone = crop.crop(part, recordings, source, SETTINGS, 1)
    same = index[index.recording_id != "3.wav"].reset_index(drop=True)
    assert alone.start.tolist() == same.start.tolist()
