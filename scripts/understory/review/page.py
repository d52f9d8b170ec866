"""The page on which detections are reviewed: one file that needs no server, no network and no other file."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import jinja2
import pandas as pd

from understory.core.errors import InputError
from understory.core.file_digests import FileDigests, short
from understory.core.hashing import digest
from understory.core.text import listed
from understory.data.dataset import RESERVED
from understory.review import excerpts

# The code digest of this module covers them, as they have its name.
SCRIPT, STYLE = (Path(__file__).with_suffix(suffix) for suffix in (".js", ".css"))
# Bytes of pictures and sounds at most: browsers read no text of more than 512 MB.
LARGEST = 400_000_000
# The columns that identify an item, and the columns of text.
IDENTITY = ["path", "start", "end", "label", "score", "threshold"]
TEXT = {"path": str, "label": str}
FACTS = [
    *IDENTITY,
    "probability",
    "low",
    "high",
    "inclusion",
    "stratum",
    "stratum_events",
    "stratum_order",
    "digest",
]
LEADS = {
    "sample": "A random sample of the detections, stratified by score in each class.",
    "doubtful": "The detections of each class whose score is nearest to the threshold.",
    "above": "The detections of each class from the highest score down.",
    "search": "The windows that are most similar to what was sought, from the most similar one down.",
    "queue": "What to label next, from the most important window on. The class is the one that is in doubt: relabel where it is another.",
}

PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'sha256-{{ hash }}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Review of {{ name }}</title>
<style>
{{ style|safe }}</style></head><body>
<header><div><h1>Review of {{ name }}</h1><p class="note">{{ lead }}</p></div>
<div><p id="done"></p><progress id="progress" aria-labelledby="done"></progress></div>
<p id="unkept" class="warn" hidden>This browser does not keep the verdicts: download them before you close the page.</p>
<p id="taken" class="note" hidden></p></header>
<noscript><p class="warn">This page needs JavaScript.</p></noscript>
<div class="columns"><main aria-label="Detection">
<div class="title"><h2 id="class"></h2><p id="given"></p></div>
<p id="place"></p><p class="note"><span id="score"></span>; <span id="within"></span></p>
<figure><div class="plot"><span class="up">Frequency (kHz)</span><div id="frequencies"></div><div id="picture"></div><div id="times"></div><span class="along">Time in the recording (s)</span></div>
<div id="player"></div><figcaption id="caption"></figcaption></figure>
<div class="buttons verdicts" role="group" aria-label="Verdict">
<button type="button" class="accept" data-action="accept" data-verdict="accept" aria-keyshortcuts="a">Accept<kbd>A</kbd></button>
<button type="button" class="reject" data-action="reject" data-verdict="reject" aria-keyshortcuts="r">Reject<kbd>R</kbd></button>
<button type="button" class="relabel" data-action="relabel" data-verdict="relabel" aria-keyshortcuts="l">Relabel<kbd>L</kbd></button>
<button type="button" class="unsure" data-action="unsure" data-verdict="unsure" aria-keyshortcuts="u">Unsure<kbd>U</kbd></button></div>
<div class="buttons" role="group" aria-label="Moving">
<button type="button" data-action="play" aria-keyshortcuts="Space">Replay<kbd>Space</kbd></button>
<button type="button" data-action="skip" aria-keyshortcuts="s">Skip<kbd>S</kbd></button>
<button type="button" data-action="previous" aria-keyshortcuts="b">Back<kbd>B</kbd></button>
<button type="button" data-action="undo" id="undo" aria-keyshortcuts="z">Undo<kbd>Z</kbd></button></div>
<p id="said" role="status"></p>
</main><aside>
<section aria-label="Verdicts"><h3>Verdicts</h3>
<div class="buttons"><button type="button" data-action="download">Download CSV</button><label class="file">Load CSV<input type="file" id="load" accept=".csv,text/csv"></label></div>
<p class="note">Verdicts stay in this browser until you delete its data. Download them to use them.</p></section>
<section aria-label="Groups"><h3>Groups</h3>
<label>Grouped by <select id="grouping"><option value="label">class</option><option value="path">recording</option></select></label>
<label>Go to <select id="group"></select></label>
<div class="buttons" role="group" aria-label="The rest of the group"><button type="button" data-action="accept-rest" data-rest aria-keyshortcuts="Shift+a">Accept the rest<kbd>Shift+A</kbd></button><button type="button" data-action="reject-rest" data-rest aria-keyshortcuts="Shift+r">Reject the rest<kbd>Shift+R</kbd></button></div>
<p class="note"><span id="left"></span> without a verdict in this group.</p></section>
<section aria-label="Precision"><h3>Precision so far</h3>
<div class="wide" role="region" aria-label="Precision of each class" tabindex="0"><table><thead><tr><th scope="col">Class</th><th scope="col">Reviewed</th><th scope="col">Precision (95 % interval)</th></tr></thead><tbody id="classes"></tbody></table></div>
{% if missing %}<p class="note">Classes with detections of which none is on this page: {{ missing }}.</p>
{% endif %}<p class="note" id="unsampled">Without a precision where the items are no random sample of the class's detections.</p>
<p class="note">Of all detections of the class; a relabelled one counts as wrong, an unsure one is left out. It holds as you go through a class in the order given, which is random: where you skipped some, their number stands instead.</p></section>
<section aria-label="Settings"><h3>Settings</h3>
<label><input type="checkbox" id="autoplay"> Play each excerpt when it is shown</label>
<label><input type="checkbox" id="keys"> Use the keys of this page</label>
<p class="note">The excerpt is mono, at most {{ played }} kHz, and as loud as it can be{{ ", %d times slower than recorded" % slower if slower > 1 }}.</p></section>
</aside></div>
<dialog id="relabel" aria-labelledby="relabel-title"><form method="dialog"><h3 id="relabel-title">What is it?</h3>
<label>Class <input type="text" id="new-label" list="known" autocomplete="off" maxlength="200"></label><datalist id="known"></datalist>
<button type="submit">Relabel<kbd>Enter</kbd></button> <button type="button" id="cancel">Cancel<kbd>Esc</kbd></button></form></dialog>
<script type="application/json" id="data">{{ data|safe }}</script>
<script>{{ script|safe }}</script>
</body></html>
""")


def digested(items: pd.DataFrame, folder: Path, contents: FileDigests) -> pd.DataFrame:
    """Items with `digest`: what their recordings, `path` in a folder, hold."""
    paths = items.path.unique()
    held = map(short, contents.identities([folder / path for path in paths]))
    return items.assign(digest=items.path.map(dict(zip(paths, held, strict=True))))


def build(
    items: pd.DataFrame, excerpt: Callable, *, name: str, order: str, known, slower: int, missing=()
) -> str:
    """The page for some detections, or for windows that were found or chosen, as HTML.

    Parameters
    ----------
    items : pandas.DataFrame
        As `sampling.chosen` gives them, with the columns of detections.csv, and with `digest` as `digested` gives it.
    excerpt : callable
        Gives `excerpts.excerpt` of a row of `items`.
    name : str
        Of the run.
    order : str
        One of `LEADS`: as for `sampling.chosen`, or `search` or `queue`.
    known : iterable of str
        Classes that are proposed for a relabelling, besides those of the items.
    slower : int
        How many times slower the sound is, for the reader.
    missing : iterable of str
        Classes that have detections, and none among the items.

    Raises
    ------
    InputError
        There are no items, or more than a browser can open.
    """
    if items.empty:
        raise InputError(f"{name}: expected detections to review, found none")
    found = []
    for row in items.reindex(columns=FACTS).itertuples(index=False):
        piece = excerpt(row)
        facts = {key: _plain(value) for key, value in row._asdict().items()}
        media = {kind: base64.b64encode(piece[kind]).decode() for kind in ("image", "sound")}
        found.append({**facts, "from": piece["start"], "to": piece["stop"], "top": piece["top"], **media})
    if (size := sum(len(each["image"]) + len(each["sound"]) for each in found)) > LARGEST:
        raise InputError(
            f"{name}: expected a page of at most {LARGEST / 1e6:.0f} MB, which a browser can open, found {len(found)} items of "
            f"{size / 1e6:.0f} MB: ask for fewer"
        )
    key = digest([name, order, [[each[column] for column in IDENTITY] for each in found]])[:16]
    classes = sorted({each["label"] for each in found})
    measure = "similarity" if order == "search" else "score"
    data = {"name": name, "key": key, "items": found, "classes": classes, "measure": measure}
    script = SCRIPT.read_text(encoding="utf-8")
    return PAGE.render(
        name=name,
        lead=LEADS[order],
        slower=slower,
        missing=listed(sorted(missing)),
        played=f"{excerpts.PLAYED / 1000:g}",
        style=STYLE.read_text(encoding="utf-8"),
        script=script,
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_inert({**data, "known": sorted({*classes, *known}), "reserved": RESERVED}),
    )


def _plain(value):
    """A value of a table as JSON has it."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _inert(data):
    """Data as JSON that cannot end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
