"""Where files are added and never changed, those that are known are not looked at."""

import time

import pytest
from changes import add_recording, replace_file, shards_and_after
from workflow import planned

from understory.core.file_digests import SETTLED

pytestmark = pytest.mark.slow


def test_a_file_that_is_added_is_seen_and_one_that_is_replaced_is_not(world):
    """All in one finished run: what is set or taken back reruns nothing by itself."""

    def plan(append_only):
        world.set("append_only", append_only)
        done = world.snakemake("--dry-run")
        return planned(done.stdout + done.stderr)

    # The index of contents is filled: files are remembered once they are older than that.
    time.sleep(SETTLED)
    assert plan(False) == set()
    assert plan(True) == set()
    replaced = replace_file("train")(world)
    assert plan(True) == set()
    assert plan(False) == shards_and_after(replaced)
    added = add_recording("train", "train_tp.csv")(world)
    assert plan(True) == shards_and_after(added)
    assert plan(False) == shards_and_after(*{replaced, added})
