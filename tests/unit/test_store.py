"""The example store of arrays."""

import io

import numpy as np
import pandas as pd
import pytest

from understory.data import store

INDEX = pd.DataFrame({"example_id": ["a", "b", "c"]})


@pytest.mark.parametrize("dtype", [np.int16, np.float16])
@pytest.mark.parametrize("count", [0, 3])
def test_items_are_written_one_at_a_time_as_numpy_writes_an_array(tmp_path, dtype, count):
    array = (100 * np.random.default_rng(0).random((count, 4, 5))).astype(dtype)
    alive = []

    def items():
        for number in range(count):
            # The item before is written by now.
            alive.append(len(list(tmp_path.glob(".a.npy.*.part"))) == 1)
            yield array[number].astype(np.float32)

    paths = tmp_path / "a.npy", tmp_path / "a.csv"
    store.write(*paths, store.Stream(items(), (4, 5), dtype), INDEX[:count])
    saved = io.BytesIO()
    np.save(saved, array)
    assert paths[0].read_bytes() == saved.getvalue()
    assert alive == [True] * count
    store.write(*paths, array, INDEX[:count])
    assert paths[0].read_bytes() == saved.getvalue()


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([np.zeros(2)] * 2, "found 3 rows and 2 items"),
        ([np.zeros(2)] * 4, "found 3 rows and 4 items"),
        ([np.zeros(2), np.zeros(3), np.zeros(2)], r"expected items of shape \(2,\), found \(3,\)"),
    ],
)
def test_what_does_not_fit_its_table_leaves_nothing_behind(tmp_path, items, said):
    with pytest.raises(ValueError, match=said):
        store.write(tmp_path / "a.npy", tmp_path / "a.csv", store.Stream(items, (2,), np.float16), INDEX)
    assert list(tmp_path.iterdir()) == []
