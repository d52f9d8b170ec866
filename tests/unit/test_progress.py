"""What a run shows while it works."""

import io
import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from understory.run import progress

COSTS = [("crop", 10.0), ("crop", 10.0), ("train_fold", 80.0), ("all", 0.0)]


@pytest.fixture
def shown(tmp_path):
    """A run of four jobs whose clock is set by hand."""
    now, stream, logger = [0.0], io.StringIO(), logging.Logger("run")
    handler = progress.Progress(stream, logging.Formatter("full %(message)s"), COSTS, clock=lambda: now[0])
    logger.addHandler(handler)
    log = tmp_path / "fold0.log"

    def start(number, rule, **wildcards):
        own = [str(log)] if rule == "train_fold" else []
        extra = {"event": LogEvent.JOB_INFO, "jobid": number, "rule_name": rule, "wildcards": wildcards}
        logger.info("", extra=extra | {"log": own})

    def finish(number):
        logger.info("Finished", extra={"event": LogEvent.JOB_FINISHED, "job_id": number})

    def lines():
        text = stream.getvalue().splitlines()
        stream.seek(stream.truncate(0))
        return text

    return SimpleNamespace(
        now=now, start=start, finish=finish, lines=lines, log=log, handler=handler, logger=logger
    )


def test_a_finished_job_is_one_line_with_the_time_left(shown):
    shown.start(1, "crop", shard="train-0", variant="1")
    shown.now[0] = 20
    shown.finish(1)
    # A tenth of the work took 20 s.
    assert shown.lines() == ["[1/4] crop shard=train-0, variant=1 (20 s), about 3 min left"]
    shown.start(2, "train_fold", model="m", fold="0")
    shown.start(3, "crop", shard="train-1", variant="1")
    shown.log.write_text("epoch 1/4 loss 1 152 examples/s, 0%\nepoch 2/4 loss 1 150 examples/s, 0%\nepoch")
    shown.now[0] = 60
    shown.finish(3)
    # Half a training is known to be over: 20 + 40 of 100.
    assert shown.lines() == ["[2/4] crop shard=train-1, variant=1 (40 s), about 40 s left"]
    shown.now[0] = 7320
    shown.finish(2)
    assert shown.lines() == ["[3/4] train_fold model=m, fold=0 (2 h 02 min)"]


def test_trainings_show_their_epochs_now_and_then(shown):
    shown.start(2, "train_fold", model="m", fold="0")
    shown.handler.look()
    assert shown.lines() == []
    shown.log.write_text("epoch 1/4 loss 1 152 examples/s, 0%\n")
    shown.now[0] = 40
    shown.handler.look()
    (line,) = shown.lines()
    assert line.strip() == "train_fold model=m, fold=0: epoch 1 of 4, 152 examples/s, about 3 min left"
    shown.log.write_text("epoch 2/4 loss 1 150 examples/s, 0%\n")
    shown.now[0] += progress.REPEAT - 1
    shown.handler.look()
    assert shown.lines() == []
    shown.now[0] += 1
    shown.handler.look()
    shown.now[0] += progress.REPEAT
    # It is at the same epoch.
    shown.handler.look()
    (line,) = shown.lines()
    assert "epoch 2 of 4, 150 examples/s" in line


def test_errors_are_shown_in_full_and_noise_is_not(shown):
    shown.logger.info("Error", extra={"event": LogEvent.JOB_ERROR})
    shown.logger.warning("careful")
    shown.logger.info("Execute 2 jobs...", extra={"event": LogEvent.JOB_STARTED, "jobs": [1]})
    shown.logger.info("Select jobs to execute...")
    shown.logger.info("Elapsed time: 0:00:01")
    shown.logger.info("1 of 4 steps (25%) done", extra={"event": LogEvent.PROGRESS})
    shown.logger.info("Complete log(s): a.log")
    assert shown.lines() == ["full Error", "full careful", "Complete log(s): a.log"]
    shown.finish(99)
    assert shown.lines() == []


def test_a_failed_job_shows_what_its_log_ends_with(shown):
    shown.start(2, "train_fold", model="m", fold="0")
    shown.log.write_text(
        "a line of a library\nERROR in train_fold: expected this, found that:\n  at a place\n"
    )
    shown.logger.error("", extra={"event": LogEvent.JOB_ERROR, "jobid": 2})
    shown.logger.error("RuleException:\nCalledProcessError in file train.smk")
    shown.logger.error("WorkflowError:\nAt least one job did not complete successfully.")
    assert shown.lines() == [
        f"FAILED train_fold model=m, fold=0, see {shown.log}",
        "  ERROR in train_fold: expected this, found that:",
        "    at a place",
    ]
    shown.start(3, "train_fold", model="m", fold="0")
    shown.log.write_text("".join(f"line {number}\n" for number in range(100)))
    shown.logger.error("", extra={"event": LogEvent.JOB_ERROR, "jobid": 3})
    assert shown.lines()[1:] == [f"  line {number}" for number in range(85, 100)]


@pytest.mark.parametrize("asked", ["quiet", "verbose", "printshellcmds", "debug_dag"])
def test_who_asks_for_more_or_less_gets_what_snakemake_shows(monkeypatch, asked):
    monkeypatch.setattr(progress.Progress, "watch", lambda self: None)
    own, logger = logging.StreamHandler(io.StringIO()), logging.Logger("run")
    own.name = "DefaultStreamHandler"
    logger.addHandler(own)
    settings = dict.fromkeys(["quiet", "verbose", "printshellcmds", "debug_dag"], False)
    progress.show(logger, SimpleNamespace(**settings | {asked: True}), COSTS)
    assert logger.handlers == [own]
    progress.show(logger, SimpleNamespace(**settings), COSTS)
    (handler,) = logger.handlers
    assert isinstance(handler, progress.Progress)
