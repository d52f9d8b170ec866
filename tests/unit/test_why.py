from snakemake.jobs import Reason
from snakemake.logging import DefaultFormatter
from snakemake.persistence import ParamsChange

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


def test_a_job_that_changed_itself_says_what_it_follows_from_as_well():
    changed = "Input files updated by another job: a/1/train-0.npy, a/1/train-0.csv; Params have changed since last execution: Union of exclusive params before and now across all output: before: {'n_mels': 64} now: {'n_mels': 128} "
    plan = PLAN.replace("Input files updated by another job: a/1/train-0.npy, a/1/train-0.csv", changed)
    assert [line for line in why.main(plan) if line.startswith("compute_features")] == [
        "compute_features        1 job   n_mels: 64 → 128",
        "compute_features        1 job   follows from augment_windows",
    ]


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


def test_the_installed_snakemake_words_and_lays_out_a_plan_as_this_module_reads_it():
    """When this fails, Snakemake has changed its output: `why.reasons`, `why.changes` or `why.jobs` has to follow."""

    def told(**given):
        reason = Reason()
        for name, value in given.items():
            # Those that are sets can only be filled.
            if isinstance(value, set):
                getattr(reason, name).update(value)
            else:
                setattr(reason, name, value)
        return why.reasons(str(reason))

    assert told(missing_output={"a", "b"}) == ["not made yet, or deleted"]
    assert told(updated_input={"a"}) == ["newer than what was made of it: a"]
    assert told(updated_input={".snakemake/since-x"}) == ["no record of how it was made"]
    assert told(updated_input_run={"a"}) == []
    assert told(input_changed=True) == ["other input files than before"]
    assert told(software_stack_changed=True) == ["another software environment"]
    changed = ParamsChange(only_old={"{'a': 1}"}, only_new={"{'a': 2}"})
    assert told(params_changed=changed) == ["a: 1 → 2"]
    assert told(params_changed=changed, input_changed=True) == ["other input files than before", "a: 1 → 2"]
    assert told(params_changed=ParamsChange(only_new={"3"})) == ["new: 3"]
    message = {
        **{"local": False, "is_checkpoint": False, "rule_name": "crop", "jobid": 1, "benchmark": None},
        **{"input": ["a", "b"], "output": ["c"], "log": [], "reason": "Missing output files: c"},
        **{"wildcards": {"shard": "train-0"}, "priority": 0, "threads": 1, "resources": {}},
    }
    printed = "\n".join(DefaultFormatter(quiet=None)._format_job_info(message))
    plan = f"Building DAG of jobs...\n[Fri Nov 20 17:16:00 2026]\n{printed}\nJob stats:\n"
    expected = why.Job("crop", frozenset("ab"), frozenset("c"), "Missing output files: c")
    assert why.jobs(plan) == [expected]


def test_a_setting_of_a_member_is_called_as_its_model_is_in_the_configuration():
    before, now = ({"models": {"net-seed3": {"epochs": epochs}}} for epochs in (1, 2))
    assert why.changes(f"before: {before} now: {now} ") == ["models.net.epochs: 1 → 2"]
