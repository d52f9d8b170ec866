"""An executor whose jobs write empty files."""

from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):
    def run_job(self, job):
        for path in [*job.output, *job.log, *filter(None, [job.benchmark])]:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
        self.report_job_submission(SubmittedJobInfo(job, external_jobid="0"))

    async def check_active_jobs(self, active_jobs):
        for info in active_jobs:
            self.report_job_success(info)
        return
        yield

    def cancel_jobs(self, active_jobs):
        pass
