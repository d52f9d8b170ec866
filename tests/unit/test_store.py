"""The example store of arrays."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understory.data import store

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("dtype", ["int16", "float16", ">f4"])
def test_items_in_order_are_those_of_the_array(tmp_path, dtype):
    array = np.random.default_rng(0).integers(-100, 100, (5, 3, 2)).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    for given in (array, mapped):
        found = list(store.in_order(given))
        assert {each.dtype for each in found} == {array.dtype}
        np.testing.assert_array_equal(found, array)
    # A part of a map does not begin where the file's items do.
    np.testing.assert_array_equal(list(store.in_order(mapped[2:])), array[2:])
    np.testing.assert_array_equal(list(store.in_order(mapped[::-1])), array[::-1])
    np.save(tmp_path / "none.npy", array[:0])
    assert list(store.in_order(np.load(tmp_path / "none.npy", mmap_mode="r"))) == []


MEASURED = """
import re, sys
from pathlib import Path
import numpy as np
from understory.data import store

def peak():
    # Not ru_maxrss, in which a process inherits its parent's.
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

array = np.load(sys.argv[1], mmap_mode="r")
before = peak()
sum(float(each.sum()) for each in store.in_order(array))
after = peak()
sum(float(each.sum()) for each in array)
print(after - before, peak() - after)
"""


def test_items_in_order_do_not_stay_in_memory(tmp_path):
    """100 MB; as a control, a loop over the map keeps its pages."""
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.int16, (100, 500_000))
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "a.npy")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "scripts"},
        cwd=ROOT,
    )
    kilobytes, control = map(int, done.stdout.split())
    assert kilobytes < 20_000 < control
