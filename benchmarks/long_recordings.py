"""Measure the detection of events in long recordings: how many times faster than real time, and how much memory.

python benchmarks/long_recordings.py FOLDER [--hours H] [--files N] [--suffix wav|flac] [--recipe NAME] [--hop S] [--folds N]
    [--cores N]

Writes N recordings of H hours each (noise with tones, 48 kHz, 16 bits), untrained models of the recipe (of its folds, or of N), and
detects with these.
Prints the seconds and the peak memory of each rule's jobs, and the seconds of sound for each second that the whole command took.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

RATE, CLASSES = 48_000, 10


def write_recording(path: Path, hours: float, seed: int):
    """Write a recording a minute at a time: noise, in which every ten seconds a tone of one second sounds."""
    rng = np.random.default_rng(seed)
    left = round(3600 * hours * RATE)
    seconds = np.arange(min(left, 60 * RATE)) / RATE
    tones = 0.1 * (seconds % 10 < 1)
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        while left:
            part = slice(min(left, len(seconds)))
            wave = rng.normal(0, 0.02, part.stop).astype(np.float32)
            pitch = rng.uniform(500, 8000)
            wave += (tones[part] * np.sin(2 * np.pi * pitch * seconds[part])).astype(np.float32)
            file.write(wave)
            left -= len(wave)


def write_run(folder: Path, recipe: str, folds: int | None):
    """Write what detection takes of a finished run: untrained models, their settings and the names of the classes."""
    import keras
    import yaml

    from understory.core import choices
    from understory.data.task import Task
    from understory.inference import saved_run
    from understory.plan import config as settings
    from understory.plan.job_settings import Medium, ModelJobs
    from understory.training import saving

    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for key, value in yaml.safe_load((ROOT / f"recipes/{recipe}.yaml").read_text()).items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    config["models"] = {name: config["models"][name] for name in config["train"]}
    for name, model in yaml.safe_load((ROOT / "config.yaml").read_text())["models"].items():
        if name in config["models"]:
            config["models"][name] = {**model, **config["models"][name]}
    config = settings.complete(config)
    config["split"]["n_splits"] = folds or config["split"]["n_splits"]
    medium = Medium("audio", config)
    for number, path in enumerate(ModelJobs(config).saved(str(folder))):
        model = config["models"][Path(path).parents[1].name]
        keras.utils.set_random_seed(number)
        module = choices.load("understory.training.architectures", model["architecture"])
        built = module.build((*medium.shape(model["features"]), 1), CLASSES, **model["options"])
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        saving.save(built, Path(path))
    task = Task([f"class{n}" for n in range(CLASSES)], False, "lwlrap", "recording", "example", None)
    (folder / "labels.json").write_text(json.dumps({**task._asdict(), "bands": {}}))
    (folder / "ensemble").mkdir(exist_ok=True)
    run = {"run": saved_run.described(settings.effective(config)), "thresholds": None, "priors": {}}
    (folder / saved_run.FILE).write_text(json.dumps(run))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--suffix", choices=("wav", "flac"), default="flac")
    parser.add_argument("--recipe", default="own")
    parser.add_argument("--hop", type=float)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    folder = given.folder.absolute()
    recordings = folder / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    for number in range(given.files):
        path = recordings / f"{number:05}.{given.suffix}"
        if not path.exists():
            write_recording(path, given.hours, number)
    if not (folder / "run" / "labels.json").exists():
        write_run(folder / "run", given.recipe, given.folds)
    detect = {"threshold": 0.5, **({} if given.hop is None else {"hop": given.hop})}
    command = ["-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder / "work"]
    command += ["--profile", ROOT / "profiles/default", "--cores", str(given.cores), "detections", "--config"]
    command += [f"recordings={recordings}", f"models_from={folder / 'run'}", f"detect={json.dumps(detect)}"]
    began = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True)
    took = time.perf_counter() - began
    for rule in ("score_recordings", "detect_events", "show_detections"):
        places = (folder / "work/results/demo/logs/usage" / rule).rglob("*.json")
        if jobs := [json.loads(path.read_text()) for path in places]:
            seconds, worked = (sum(job[key] for job in jobs) for key in ("seconds", "processor_seconds"))
            memory = max(job["peak_mb"] for job in jobs)
            print(
                f"{rule}: {len(jobs)} jobs, {seconds:.0f} s, {worked:.0f} s of processor time, {memory:.0f} MB at most"
            )
    sound = 3600 * given.hours * given.files
    print(f"all: {took:.0f} s for {sound:.0f} s of sound, {sound / took:.0f} times real time")


if __name__ == "__main__":
    main()
