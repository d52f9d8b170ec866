"""An executor for tests: each job is a Snakemake of its own in the background, as on a cluster's node, without a scheduler."""

import os
import signal
import subprocess
from dataclasses import replace

from snakemake_executor_plugin_slurm import common_settings as slurm_settings
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

# The settings of a cluster whose nodes share a folder; looks at jobs begin at once.
common_settings = replace(slurm_settings, init_seconds_before_status_checks=0)


class Executor(RemoteExecutor):
    def run_job(self, job):
        process = subprocess.Popen(self.format_job_exec(job), shell=True, start_new_session=True)
        info = SubmittedJobInfo(job, external_jobid=str(process.pid), aux={"process": process})
        self.report_job_submission(info)

    async def check_active_jobs(self, active_jobs):
        for info in active_jobs:
            code = info.aux["process"].poll()
            if code is None:
                yield info
            elif code == 0:
                self.report_job_success(info)
            else:
                self.report_job_error(info)

    def cancel_jobs(self, active_jobs):
        for info in active_jobs:
            os.killpg(info.aux["process"].pid, signal.SIGTERM)
