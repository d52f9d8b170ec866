from understory.run import why

PLAN = """
Building DAG of jobs...
[Fri Nov 20 17:16:00 2026]
rule augment_windows:
    input: w/train-0.npy, w/train-0.csv
    output: a/1/train-0.npy, a/1/train-0.csv
    reason: Params have changed since last execution: Union of exclusive params before and now across all output: before: {'augment': {'chain': [{'PitchShift': {'max_steps': 5}}]}, 'seed': 27},{'code': {'augment_windows.py': 'aa', 'understory/augment.py': 'bb'}, 'packages': {'librosa': '0.11.0'}} now: {'augment': {'chain': [{'PitchShift': {'max_steps': 4}}]}, 'seed': 27},{'code': {'augment_windows.py': 'aa', 'understory/augment.py': 'cc'}, 'packages': {'librosa': '0.12.0'}} 
    wildcards: variant=1, shard=train-0
[Fri Nov 20 17:16:00 2026]
rule compute_features:
    input: a/1/train-0.npy, a/1/train-0.csv
    output: e/1/train-0.npy, e/1/train-0.csv
    reason: Input files updated by another job: a/1/train-0.npy, a/1/train-0.csv
    wildcards: variant=1, shard=train-0
[Fri Nov 20 17:16:00 2026]
rule inspect_recordings:
    input: records
    output: r/train-0.csv
    reason: Params have changed since last execution: Union of exclusive params before and now across all output: before: 'recordings aa' now: 'recordings bb' 
    wildcards: shard=train-0
[Fri Nov 20 17:16:00 2026]
rule split_folds:
    output: folds.csv
    reason: Missing output files: folds.csv
[Fri Nov 20 17:16:00 2026]
localrule all:
    input: e/1/train-0.npy, folds.csv
    reason: Input files updated by another job: e/1/train-0.npy
Job stats:
"""  # noqa: W291


def test_what_changed_is_said_in_words():
    assert why.main(PLAN) == [
        "augment_windows         1 job   augment.chain.0.PitchShift.max_steps: 5 → 4",
        "augment_windows         1 job   code of understory/augment.py",
        "augment_windows         1 job   librosa: 0.11.0 → 0.12.0",
        "compute_features        1 job   follows from augment_windows",
        "inspect_recordings      1 job   recordings changed",
        "split_folds             1 job   not made yet, or deleted",
    ]


def test_only_what_leads_to_a_target_is_said():
    for target in ("compute_features", "e/1/train-0.npy"):
        assert {line.split()[0] for line in why.main(PLAN, target)} == {
            "augment_windows",
            "compute_features",
        }
    assert why.main(PLAN, "elsewhere") == ["nothing that would run leads to elsewhere"]


def test_values_come_and_go():
    def told(before, now):
        return why.changes(
            f"Union of exclusive params before and now across all output: before: {before} now: {now} "
        )

    assert told("{'a': 1, 'b': 2}", "{'a': 2, 'b': 1}") == ["a: 1 → 2", "b: 2 → 1"]
    assert told("{'a': {'x': None}}", "{'a': {'x': [1, 2]}}") == ["a.x: none → [1, 2]"]
    assert told("{'a': [1]}", "{'a': [1, 2]}") == ["a: [1] → [1, 2]"]
    assert told("<nothing exclusive>", "{'c': 1}") == ["new: {'c': 1}"]
    assert told("{'c': 1}", "<nothing exclusive>") == ["no longer {'c': 1}"]
    assert told("3.0", "4.0") == ["3.0 → 4.0"]
    assert told("<object at 0x7f>", "x y z") == ["settings changed"]
    assert why.changes("in other words") == ["settings changed"]


def test_what_is_no_plan_is_passed_on():
    assert why.main("a\nNothing to be done (all requested files are present and up to date).\n") == [
        "Nothing to be done (all requested files are present and up to date)."
    ]
    assert why.main("") == ["no plan: expected what `snakemake -n` prints"]


def test_params_that_share_keys_are_told_apart():
    before = "{'crop': {'sample_rate': 1}, 'spectrogram': {'n_mels': 2}},{'crop': {'hop': 3, 'sample_rate': 1, 'window': 4}}"
    now = "{'crop': {'hop': 3, 'sample_rate': 5, 'window': 4}},{'crop': {'sample_rate': 5}, 'spectrogram': {'n_mels': 2}}"
    assert why.changes(f"before: {before} now: {now} ") == ["crop.sample_rate: 1 → 5"]
