"""The windows or images of a shard, as the jobs that compute features of them take them."""

from importlib import import_module

from understory.data.store import read_table


def of_shard(job, store, medium, source):
    """Those that were stored or copies of them, or those of the test recordings, as `compute` of the medium takes them.

    Parameters
    ----------
    job
        A job of `compute_features` or `compute_embeddings`.
    store, medium : module
        What reads stored windows, and the medium's `compute`.
    source : Source
        Where the recordings are.
    """
    if job.params.recordings is not None:
        return medium.recorded(read_table(job.input.recordings), source, job.params.test)
    windows, index = store.read(job.input.windows, job.input.index)
    if (copies := job.params.copies) is not None:
        windows, index = import_module(copies["by"]).copied(
            windows,
            index,
            augment=import_module(copies["module"]).augment,
            package=copies["transforms"],
            settings=copies["settings"],
            variant=int(job.wildcards.variant),
        )
    return medium.stored(windows, index)
