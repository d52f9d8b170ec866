"""How many labels a queue saves: score against labels spent, for each way to choose what is labelled next.

    PYTHONPATH=scripts python benchmarks/labelling_queue.py CLIPS [--seeds 1 2 3 4 5] [--figure FILE]

CLIPS is ESC-10, laid out as ESC-50. A clip's vector is the mean and the standard deviation of its log-mel spectrogram over time:
nothing was trained for it. Each official fold is held out in turn, and the clips of the other four are the pool, from which ten are
drawn at random and labelled first. Then, again and again, one logistic regression for each class is fitted to what is labelled,
`understory.search.choosing` chooses ten more clips by its scores, and they get their labels, up to half of the pool. Two pools:

- field: five classes, drawn by the seed, are what is sought, with 40 clips in all; the 160 clips of the other five are background,
  and their label is that nothing of the five is heard. Score: the mean average precision of the five classes.
- classes: 320 clips, each of one of the ten classes. Score: accuracy.

Prints the mean score with its 95 % interval over the seeds (Student's t), each seed being the mean of the five folds; with how many
of the labels each strategy reaches the final score of the random queue; and by how much it is better, paired by seed. Draws the scores.
"""

import argparse
import csv
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

# One thread of linear algebra in each process.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import matplotlib as mpl
import numpy as np
import soundfile
import soxr
from matplotlib import pyplot
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from understory.audio.features import log_mel
from understory.search import choosing

RATE = 32_000
MEL = {
    "n_fft": 2048,
    "hop": 512,
    "n_mels": 64,
    "fmin": 50,
    "fmax": 16_000,
    "scale": "power_db",
    "normalise": "none",
}
STRATEGIES = ("random", "uncertain", "spread", "mixed")
FIRST, STEP, SOUGHT, SINGING = 10, 10, 5, 40
# The inverse of the strength of the L2 penalty.
C = 0.1


def clips(folder: Path):
    """The vectors of the clips, their classes as numbers, and their folds."""
    with (folder / "meta/esc50.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["esc10"] == "True"]
    names, vectors = sorted({row["category"] for row in rows}), []
    for row in rows:
        wave, rate = soundfile.read(folder / "audio" / row["filename"], dtype="float32")
        mel = log_mel.compute(soxr.resample(wave, rate, RATE), sample_rate=RATE, **MEL)
        vectors.append(np.concatenate([mel.mean(axis=1), mel.std(axis=1)]))
    labels = np.array([names.index(row["category"]) for row in rows])
    return np.array(vectors), labels, np.array([int(row["fold"]) for row in rows])


def heads(vectors, labels, classes):
    """The scores of logistic regressions that are fitted to what is labelled (labels of others are -1): (clips, classes)."""
    known = labels >= 0
    scores = np.zeros((len(vectors), len(classes)), dtype=np.float32)
    for column, own in enumerate(classes):
        wanted = labels[known] == own
        if 0 < wanted.sum() < len(wanted):
            head = LogisticRegression(C=C, max_iter=1000).fit(vectors[known], wanted)
            scores[:, column] = head.predict_proba(vectors)[:, 1]
    return scores


def simulated(vectors, truth, folds, job) -> list[float]:
    """The score after each step."""
    pool_name, strategy, seed, fold = job
    rng = np.random.default_rng([seed, fold])
    test, pool = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
    classes = np.unique(truth)
    if pool_name == "field":
        classes = np.sort(np.random.default_rng(seed).permutation(classes)[:SOUGHT])
        singing = np.isin(truth[pool], classes)
        pool = np.sort([*rng.permutation(pool[singing])[:SINGING], *pool[~singing]])
    scaled = StandardScaler().fit(vectors[pool]).transform(vectors)
    labels = np.full(len(truth), -1)
    drawn = rng.permutation(pool)[:FIRST]
    labels[drawn] = truth[drawn]
    found = []
    for step in range((len(pool) // 2 - FIRST) // STEP + 1):
        scores = heads(scaled, labels, classes)
        if pool_name == "field":
            aps = [
                average_precision_score(truth[test] == own, scores[test, k]) for k, own in enumerate(classes)
            ]
            found.append(float(np.mean(aps)))
        else:
            found.append(float(np.mean(classes[scores[test].argmax(axis=1)] == truth[test])))
        top, _, doubts = choosing.doubt(scores)
        each = np.arange(len(truth))
        chosen = choosing.choose(
            choosing.Windows(each, np.zeros(len(each)), np.ones(len(each)), top, doubts),
            np.isin(each, pool) & (labels < 0),
            counts=np.array([(labels == own).sum() for own in classes]),
            labelled=np.flatnonzero(labels >= 0),
            rows=lambda numbers: scaled[numbers],
            size=STEP,
            strategy=strategy,
            seed=1000 * seed + 50 * fold + step,
        )
        labels[chosen] = truth[chosen]
    return found


def reached(curve, wanted) -> int | None:
    """With how many labels a curve first has a score; None where it never has."""
    steps = np.flatnonzero(np.asarray(curve) >= wanted)
    return FIRST + STEP * int(steps[0]) if len(steps) else None


def interval(values):
    """The half width of the 95 % interval of means over seeds."""
    return stats.t.ppf(0.975, len(values) - 1) * np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


def summary(name, curves):
    """Lines about a pool: by strategy, its scores at a few numbers of labels, and when it reaches the random queue's final one."""
    final = curves["random"].mean(axis=0)[-1]
    spent = FIRST + STEP * (curves["random"].shape[1] - 1)
    places = np.linspace(0, curves["random"].shape[1] - 1, 4).round().astype(int)
    yield f"{name}: {spent} labels at the end; the random queue's final score is {final:.3f}"
    for strategy, runs in curves.items():
        mean, half = runs.mean(axis=0), interval(runs)
        told = ", ".join(f"{FIRST + STEP * k}: {mean[k]:.3f} ± {half[k]:.3f}" for k in places)
        when = reached(mean, final)
        share = "never reaches it" if when is None else f"reaches it with {when} labels, {when / spent:.0%}"
        # Each seed against its own random queue, whose pool and first labels are the same.
        more = runs - curves["random"]
        gains = [f"{np.mean(each):+.3f} ± {interval(each):.3f}" for each in (more.mean(axis=1), more[:, -1])]
        own = [reached(run, other[-1]) for run, other in zip(runs, curves["random"], strict=True)]
        yield f"  {strategy:<9} {told}; {share} (by seed: {', '.join(map(str, own))})"
        yield f"            more than the random queue: {gains[0]} over all steps, {gains[1]} at the end"


def drawn(every, path: Path):
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "labelling_queue", "font.size": 9})
    figure, axes = pyplot.subplots(1, len(every), figsize=(8, 3.2), layout="constrained")
    titles = {
        "field": ("Five classes among background", "Mean average precision"),
        "classes": ("Every clip of one of ten classes", "Accuracy"),
    }
    for axis, (name, curves) in zip(axes, every.items(), strict=True):
        labels = FIRST + STEP * np.arange(curves["random"].shape[1])
        for strategy, runs in curves.items():
            mean, half = runs.mean(axis=0), interval(runs)
            axis.plot(labels, mean, label=strategy)
            axis.fill_between(labels, mean - half, mean + half, alpha=0.15, linewidth=0)
        axis.axhline(curves["random"].mean(axis=0)[-1], color="grey", linewidth=0.8, linestyle=":")
        axis.set(title=titles[name][0], ylabel=titles[name][1], xlabel="Labels spent")
    axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--figure", type=Path)
    options, every = parser.parse_args(), {}
    data = clips(options.clips)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name in ("field", "classes"):
            every[name] = {}
            for strategy in STRATEGIES:
                jobs = [
                    (name, strategy, seed, fold) for seed in options.seeds for fold in sorted(set(data[2]))
                ]
                runs = np.array(list(pool.map(partial(simulated, *data), jobs)))
                every[name][strategy] = runs.reshape(len(options.seeds), -1, runs.shape[1]).mean(axis=1)
            print(*summary(name, every[name]), sep="\n", flush=True)
    if options.figure:
        drawn(every, options.figure)


if __name__ == "__main__":
    main()
