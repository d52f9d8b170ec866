"""Weights of the members of an ensemble, chosen one member at a time."""

from collections.abc import Callable

import numpy as np

from understory.core.hashing import ordered
from understory.evaluation import ensemble

# Members that are chosen, one after the other, at most: weights are multiples of a share of one in as many.
ROUNDS = 20


def weights(members: dict, score: Callable, *, method: str) -> dict[str, float]:
    """The weights of an ensemble by forward selection with replacement.

    As R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection from libraries of models" (ICML 2004): starting from
    nothing, the member is added with which the ensemble of all that were added scores highest, `ROUNDS` times. A member may be
    added several times. The best of these ensembles is taken, the smallest of equal ones; its weights are how often each member is
    in it. So it never scores lower than the best member alone. Of members that score the same, the one is added that was
    added least so far, and of these the first by name: the order of `members` makes no difference.

    Parameters
    ----------
    members : dict of str to numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes) by the name of the member.
    score : callable
        Called with an ensemble of the members, float64 (rows, classes); higher for better, NaN where it is not defined.
    method : {"mean", "geometric", "rank"}
        As `ensemble.combine` takes it.

    Returns
    -------
    dict of str to float
        By name, with a sum of 1; all the same where no ensemble has a score.
    """
    names = sorted(members)
    parts = ensemble.parts_of([members[name] for name in names], method=method)
    counts, best, found = np.zeros(len(names), dtype=int), -np.inf, np.ones(len(names), dtype=int)

    def scored(number):
        tried = counts.copy()
        tried[number] += 1
        value = score(ensemble.joined(parts, method=method, weights=tried / tried.sum()))
        return value if np.isfinite(value) else -np.inf

    for _ in range(ROUNDS):
        scores = [scored(number) for number in range(len(names))]
        chosen = max(range(len(names)), key=lambda number: (scores[number], -counts[number]))
        counts[chosen] += 1
        if scores[chosen] > best:
            best, found = scores[chosen], counts.copy()
    return ordered(dict(zip(names, (found / found.sum()).tolist(), strict=True)))
