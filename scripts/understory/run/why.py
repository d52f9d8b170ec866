"""Print which jobs would run again, and why:

snakemake -n --configfile recipes/NAME.yaml | PYTHONPATH=scripts python -m understory.run.why [RULE or path]

Reads the plan that Snakemake prints, and lists for each rule the settings, code, packages or data that changed, or the
rules that it follows from. With the name of a rule, or of a file that a job makes, it lists only what leads there.
"""

import ast
import re
import sys
from typing import NamedTuple

from understory.core import members
from understory.core.text import listed

NOTHING = "<nothing exclusive>"
MISSING = "not made yet, or deleted"
# Reasons as Snakemake words them, and as they are shown.
PHRASES = {
    "Missing output files": MISSING,
    "Set of input files has changed since last execution": "other input files than before",
    "Software environment definition has changed since last execution": "another software environment",
}


class Job(NamedTuple):
    """A planned job, as Snakemake prints it."""

    rule: str
    input: frozenset[str]
    output: frozenset[str]
    reason: str


def jobs(plan: str) -> list[Job]:
    """The jobs of a plan that Snakemake 9.27 printed, without `all`."""
    found = []
    for block in re.split(r"^\[.*\]$", plan, flags=re.M):
        rule = re.search(r"^(?:local)?(?:rule|checkpoint) (\w+):$", block, flags=re.M)
        if not rule or rule[1] == "all":
            continue
        fields = dict(re.findall(r"^ +(\w+): (.*)$", block, flags=re.M))

        def files(name, fields=fields):
            return frozenset(fields.get(name, "").split(", ")) - {""}

        found.append(Job(rule[1], files("input"), files("output"), fields.get("reason", "")))
    return found


def explained(plan: list[Job], target: str | None = None) -> list[str]:
    """One line a rule and cause: the rule, how many of its jobs, and the cause.

    Parameters
    ----------
    plan : list of Job
    target : str, optional
        A rule or a file: jobs that nothing leads from to it are left out.
    """
    maker = {path: job for job in plan for path in job.output}
    if target is not None:
        plan = _leading(plan, target, maker)
    causes: dict[tuple[str, str], int] = {}
    for job in plan:
        for cause in _causes(job, maker):
            causes[job.rule, cause] = causes.get((job.rule, cause), 0) + 1
    width = max((len(rule) for rule, _ in causes), default=0)
    return [
        f"{rule:{width}}  {count:5} {'job ' if count == 1 else 'jobs'}  {cause}"
        for (rule, cause), count in causes.items()
    ]


def _leading(plan, target, maker):
    wanted, pending = [], [job for job in plan if target == job.rule or target in job.output]
    while pending:
        job = pending.pop()
        if job not in wanted:
            wanted.append(job)
            pending += [maker[path] for path in job.input if path in maker]
    return [job for job in plan if job in wanted]


def _causes(job, maker):
    """Why a job runs: what changed, and what it follows from."""
    causes = reasons(job.reason)
    rules = sorted({maker[path].rule for path in job.input if path in maker})
    # That a file is missing says enough, whatever it is made from.
    if rules and causes != [MISSING]:
        causes.append(f"follows from {', '.join(rules)}")
    return causes or ["no reason given"]


def reasons(text: str) -> list[str]:
    """The causes that Snakemake gives as the reason of a job, in our words; none for what other jobs cause.

    Snakemake 9.27 gives them as text only.
    """
    causes = []
    for part in re.split(r"; (?=[A-Z])", text):
        phrase, _, rest = part.partition(": ")
        match phrase:
            case "Params have changed since last execution":
                causes += changes(rest)
            case "Updated input files" if ".snakemake/since" in rest:
                causes.append("no record of how it was made")
            case "Updated input files":
                causes.append(f"newer than what was made of it: {listed(rest.split(', '), 2)}")
            case "Input files updated by another job" | "":
                pass
            case _:
                causes.append(PHRASES.get(phrase, part[0].lower() + part[1:]))
    return causes


def changes(text: str) -> list[str]:
    """What differs between the params before and now, as Snakemake prints them: "a.b: 1 → 2"."""
    found = re.search(r"before: (.*) now: (.*?) ?$", text)
    if not found:
        return ["settings changed"]
    before, now = (_values(side) for side in found.groups())
    if before is None or now is None:
        return ["settings changed"]
    lines = []
    for value in before:
        other = max(now, key=lambda each: _alike(value, each), default=None)
        if other is None or not _alike(value, other):
            lines.append(f"no longer {_short(value)}")
        else:
            now.remove(other)
            lines += _differences(value, other, "")
    lines += [f"new: {_short(value)}" for value in now]
    return sorted(set(lines))


def _values(text):
    if text.strip() == NOTHING:
        return []
    try:
        return list(ast.literal_eval(f"({text},)"))
    except (SyntaxError, ValueError):
        return None


def _alike(one, other):
    """How likely two params are the same param: the number of keys that they share, or whether they digest the same thing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return sum(1 + _alike(one[key], other[key]) for key in one.keys() & other.keys())
    if isinstance(one, str) and isinstance(other, str):
        return int(one.rpartition(" ")[0] == other.rpartition(" ")[0])
    return int(type(one) is type(other))


def _differences(one, other, place):
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if one.get(key) != other.get(key) or (key in one) != (key in other):
                # A member's settings are those of its model.
                name = members.model_of(key) if place == "models" else key
                here = f"{place}.{name}" if place else str(key)
                yield from _differences(one.get(key), other.get(key), here)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            if pair[0] != pair[1]:
                yield from _differences(*pair, f"{place}.{number}")
    elif place.startswith("code."):
        yield f"code of {place.removeprefix('code.')}"
    elif not place:
        yield (
            f"{one.rpartition(' ')[0]} changed"
            if isinstance(one, str) and " " in one
            else f"{_short(one)} → {_short(other)}"
        )
    else:
        yield f"{place.removeprefix('packages.')}: {_short(one)} → {_short(other)}"


def _short(value):
    text = "none" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def main(plan: str, target: str | None = None) -> list[str]:
    """The lines for a plan's text."""
    found = jobs(plan)
    if not found:
        # Snakemake printed no plan: there is nothing to do, or an error.
        return [
            plan.strip().splitlines()[-1] if plan.strip() else "no plan: expected what `snakemake -n` prints"
        ]
    return explained(found, target) or [f"nothing that would run leads to {target}"]


if __name__ == "__main__":
    print("\n".join(main(sys.stdin.read(), *sys.argv[1:2])))
