"""Where this workflow changes Snakemake 9.27. Each change is made once in a process, by a function that is called while the
Snakefile is parsed; tests fail where it no longer fits Snakemake.
"""

import subprocess
import sys
import threading
from functools import lru_cache, wraps
from types import FunctionType, MethodType

# The functions that are called with each job at its start.
_LISTENERS = []
# Answers of Slurm in a row after which a job that it no longer knows, or has preempted, is given up.
PATIENCE = 3
# Seconds after which Slurm begins the second attempt at a job, and how many times longer it waits with each further one.
PAUSE, LONGER = 30, 4


def install(*listeners):
    """Make all changes; `listeners` are called with each job that starts."""
    record_params_of_started_jobs()
    tell_all_reasons()
    stop_at_a_signal()
    ask_for_a_nodes_processors_at_most()
    look_at_each_function_once()
    leave_failed_outputs_to_the_run()
    give_lost_jobs_up()
    begin_further_attempts_later()
    tell_of_started_jobs(*listeners)


def tell_of_started_jobs(*listeners):
    """Have functions called with each job that starts, in a run's main process; never in a dry run.

    `onstart:` of a workflow that is a module is never called.
    """
    _LISTENERS.extend(listeners)


def record_params_of_started_jobs():
    """Have Snakemake record the params that a job was started with.

    Snakemake 9.27 evaluates params again once a job's inputs are there, but records those of the plan unless something
    asks for the new ones. A local executor does, a remote one does not: what depends on data that the run itself makes
    would then never be up to date. `tests/rebuild/test_remote.py` fails where this no longer fits Snakemake.
    """
    # Imported here: without `snakemake.workflow` before it, it runs in a circle.
    from snakemake.dag import DAG

    original = DAG.register_running
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def register_running(dag, jobs):
        original(dag, jobs)
        if dag.workflow.dryrun:
            return
        for job in jobs:
            for member in job.jobs if job.is_group() else (job,):
                member._params = member._non_derived_params = None
                # Evaluated here, at the job's start: it may take a day to end.
                _ = member.params
                for listener in _LISTENERS if dag.workflow.is_main_process else ():
                    listener(member)
        # Which remembers the params of the plan.
        dag.workflow.persistence._params.cache_clear()

    DAG.register_running = register_running


def tell_all_reasons():
    """Have a dry run say of each job what has changed, also of those that follow from others.

    Snakemake 9.27 does not look at the params of a job once one that it depends on has to run.
    """
    from snakemake.dag import DAG

    original = DAG.update_needrun
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def update_needrun(dag, *arguments, **options):
        await original(dag, *arguments, **options)
        records = dag.workflow.persistence
        for job in dag.needrun_jobs() if dag.workflow.dryrun else ():
            reason = dag.reason(job)
            recorded = records.has_metadata(job) and not records.has_outdated_metadata(job)
            if recorded and reason.updated_input_run and not reason.missing_output:
                reason.params_changed = reason.params_changed or records.params_changed(job)
                reason.input_changed = reason.input_changed or any(records.input_changed(job))

    DAG.update_needrun = update_needrun


def stop_at_a_signal():
    """Have a run stop at SIGTERM whatever it is doing.

    Snakemake 9.27 takes a lock to note that it is to stop. Where the signal interrupts the thread that holds this lock, it
    waits for itself for ever: the process of a job that Slurm cancelled then stays.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler

    original = JobScheduler.exit_gracefully
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def exit_gracefully(scheduler, *signal):
        threading.Thread(target=original, args=(scheduler, *signal), daemon=True).start()

    JobScheduler.exit_gracefully = exit_gracefully


def ask_for_a_nodes_processors_at_most():
    """Have no job, and no group of jobs, ask Slurm for more processors than its largest node has, unless `--max-threads` says how
    many.

    `sbatch` refuses such a job at each attempt, where the same rule on one machine takes what `--cores` gives.
    """
    from snakemake.workflow import Workflow

    original = Workflow.execute
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def execute(workflow, *, executor_plugin, **options):
        settings = workflow.resource_settings
        if executor_plugin.name == "slurm" and settings.max_threads is None:
            settings.max_threads = processors_of_a_node()
            if settings.cores is None:
                # The width of a group; how many jobs run at once, `--jobs` says.
                workflow.global_resources["_cores"] = settings.max_threads
        return original(workflow, executor_plugin=executor_plugin, **options)

    Workflow.execute = execute


def processors_of_a_node() -> int | None:
    """How many processors the largest node of this Slurm has; None where nobody tells."""
    try:
        command = ["sinfo", "--noheader", "--exact", "--format", "%c"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return max((int(number) for number in told.split() if number.isdigit()), default=None)


def look_at_each_function_once():
    """Have Snakemake look at the signature of a function of inputs, params or resources once, and not for each job.

    Snakemake 9.27 does so some forty times a job, which is a tenth of the time of a plan.
    """
    from snakemake import common, rules

    original = common.get_function_params
    if hasattr(original, "__wrapped__"):
        return
    looked_at = lru_cache(maxsize=10_000)(original)
    of_methods = lru_cache(maxsize=10_000)(lambda function, kind: original(MethodType(function, kind)))

    @wraps(original)
    def get_function_params(func):
        if type(func) is FunctionType:
            return looked_at(func)
        return of_methods(func.__func__, type(func.__self__)) if type(func) is MethodType else original(func)

    common.get_function_params = rules.get_function_params = get_function_params


def leave_failed_outputs_to_the_run():
    """Have the outputs of a failed job removed by the run's main process alone, which knows of what the job failed.

    Snakemake 9.27 removes them in the job's own process as well. Where Slurm gave up a node and started the job once more elsewhere,
    the first one, which may go on and fail later, so removed what the other one had made.
    """
    from snakemake.jobs import Job

    original = Job.cleanup
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def cleanup(job, *arguments, **options):
        if job.dag.workflow.is_main_process:
            await original(job, *arguments, **options)

    Job.cleanup = cleanup


def give_lost_jobs_up():
    """Have jobs count as ended that Slurm no longer knows, or that it cancelled in favour of others, so that they are tried again; and
    as still at work while it does not answer, as when its controller is started again.

    The plugin for Slurm 2.8 forgets all jobs where an answer does not come, and waits for them for ever. So it does for a job that it
    has known and that is gone, as after a restart of the controller without its state, or where nobody asked for longer than MinJobAge;
    and for a preempted one, which some partitions put back into the queue, and others (PreemptMode=CANCEL) do not. One that is gone
    may have come to its end: Snakemake looks for its outputs, which are there as a whole or not at all, and takes it for failed where
    one is missing.
    """
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin is None or hasattr(plugin.query_job_status, "__wrapped__"):
        return
    original = plugin.query_job_status
    # By the number of a job, how many answers in a row did not know it, or called it preempted.
    lost: dict[str, int] = {}

    @wraps(original)
    async def query_job_status(*arguments, **options):
        found, seconds = await original(*arguments, **options)
        if found is None:
            return {}, 0.0
        for job in lost.keys() | found.keys():
            lost[job] = lost.get(job, 0) + 1 if found.get(job, "PREEMPTED") == "PREEMPTED" else 0
        ended = {
            job: "CANCELLED" if job in found else "COMPLETED"
            for job, answers in lost.items()
            if answers >= PATIENCE
        }
        return {**found, **ended}, seconds

    plugin.query_job_status = query_job_status


def begin_further_attempts_later():
    """Have Slurm wait before it begins a job once more, unless the job's own `slurm_extra` says when to begin.

    A node that has lost its file system is idle, and so is often given the job again: all attempts would fail there at once.
    """
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin is None or hasattr(plugin.get_submit_command, "__wrapped__"):
        return
    original = plugin.get_submit_command

    @wraps(original)
    def get_submit_command(job, *arguments, **options):
        call = original(job, *arguments, **options)
        if job.attempt == 1 or "--begin" in call:
            return call
        return f"{call} --begin=now+{PAUSE * LONGER ** (job.attempt - 2)}"

    plugin.get_submit_command = get_submit_command
