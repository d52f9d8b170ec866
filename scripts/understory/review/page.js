"use strict";
// Everything that comes from the data is written with textContent or as an attribute's value, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const items = data.items;
const PREFIX = "understory-review-";
const STORE = PREFIX + data.key;
const COLUMNS = ["path", "start", "end", "label", "verdict", "new_label", "score", "probability", "threshold", "inclusion", "stratum", "stratum_events", "stratum_order", "digest", "review"];
// How a spreadsheet knows a formula; such a text is written with an apostrophe before it.
const FORMULA = /^[=+\-@\t\r']/;
const WORDS = { accept: "Accepted", reject: "Rejected", relabel: "Relabelled", unsure: "Unsure" };
const $ = (id) => document.getElementById(id);

let state = { verdicts: {}, log: [], grouping: "label", at: 0, autoplay: true, keys: true };
let kept = true; // whether this browser keeps the verdicts
let saved = true; // whether the verdicts have been downloaded since the last one
let order = [];
let pointed = false; // whether the pointer was used last, and not a key
let ready = new Map(); // the pictures and players of the item that is shown and of the next one

// ---- What is kept

// What identifies an item, on this page and on others of the run.
const identity = (item) => JSON.stringify([item.path, item.start, item.end, item.label, item.digest]);

// What is kept under a key; null where that is nothing, or no review.
function stored(key) {
  try {
    const found = JSON.parse(localStorage.getItem(key));
    return found && found.verdicts ? found : null;
  } catch (error) {
    kept = error instanceof SyntaxError;
    return null;
  }
}

// Take what this page kept, or else the verdicts of earlier pages of the run on the same detections; how many these are.
function restore() {
  const own = stored(STORE);
  if (own) {
    const { run, told, when, ...found } = own;
    state = { ...state, ...found };
    return 0;
  }
  const place = new Map(items.map((item, i) => [identity(item), i]));
  const others = kept ? Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map(stored) : [];
  const earlier = others.filter((found) => found?.run === data.name && Array.isArray(found.told));
  for (const found of earlier.sort((one, other) => one.when - other.when)) {
    for (const [i, given] of Object.entries(found.verdicts)) {
      const own = place.get(found.told[i]);
      if (own !== undefined) state.verdicts[own] = given;
    }
  }
  return Object.keys(state.verdicts).length;
}

function keep() {
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...state, run: data.name, told: items.map(identity), when: Date.now() }));
    kept = true;
  } catch {
    kept = false;
  }
  $("unkept").hidden = kept;
}

// ---- Verdicts

function arrange() {
  order = items.map((_, i) => i);
  if (state.grouping === "path") {
    const less = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    order.sort((a, b) => less(items[a].path, items[b].path) || items[a].start - items[b].start || a - b);
  }
}

const group = (i) => items[i][state.grouping];
const verdict = (i) => state.verdicts[i];
const open = () => order.filter((i) => !verdict(i));

// The next one without a verdict after an item, from the beginning again at the end; undefined where all have one.
function following(i) {
  const place = order.indexOf(i);
  return [...order.slice(place + 1), ...order.slice(0, place)].find((j) => !verdict(j));
}

// Give several items verdicts, as one step of undo.
function decide(changes) {
  state.log.push(Object.keys(changes).map((i) => [Number(i), verdict(i) ?? null]));
  Object.assign(state.verdicts, changes);
  saved = false;
}

function judge(word, newLabel = "") {
  const i = state.at;
  decide({ [i]: newLabel ? [word, newLabel] : [word] });
  const said = newLabel ? `Relabelled as ${newLabel}` : WORDS[word];
  go(following(i), said);
}

function rest(word) {
  const name = group(state.at);
  const others = open().filter((i) => group(i) === name);
  if (!others.length) return say(`Nothing is left in ${name}`);
  decide(Object.fromEntries(others.map((i) => [i, [word]])));
  go(following(state.at), `${WORDS[word]} the ${others.length} left in ${name}; Z undoes it`);
}

function undo() {
  const step = state.log.pop();
  if (!step) return say("Nothing to undo");
  for (const [i, before] of step) {
    if (before) state.verdicts[i] = before;
    else delete state.verdicts[i];
  }
  saved = false;
  go(step[0][0], step.length > 1 ? `Undid ${step.length} verdicts` : "Undone");
}

function skip() {
  const next = following(state.at);
  go(next ?? state.at, next === undefined ? "No other is left" : "Skipped");
}

function previous() {
  const place = order.indexOf(state.at);
  go(order[Math.max(place - 1, 0)], "");
}

function go(i, said) {
  if (i !== undefined) state.at = i;
  keep();
  show();
  say(i === undefined ? `${said}. All ${items.length} are reviewed: download the verdicts` : said);
}

const say = (text) => {
  $("said").textContent = text;
};

// ---- Precision, as understory.review.precision estimates it

function logGamma(x) {
  // C. Lanczos' approximation, with g = 7.
  const c = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  const t = x + 6.5;
  const sum = c.slice(1).reduce((total, each, k) => total + each / (x + k), c[0]);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

// The regularised incomplete beta function by its continued fraction (W. H. Press et al., Numerical Recipes, 6.4).
function incompleteBeta(x, a, b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  const safe = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let c = 1;
  let f = d;
  for (let m = 1; m < 1000; m++) {
    for (const n of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
      d = 1 / safe(1 + n * d);
      c = safe(1 + n / c);
      f *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-12) break;
  }
  return front * f;
}

function betaQuantile(p, a, b) {
  let [low, high] = [0, 1];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (incompleteBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

// The precision of a class with its 95 % interval, or how many items were skipped: what was reviewed after them was picked.
// Null where the items are no sample or none of them is decided.
function precision(label) {
  const strata = new Map();
  for (const [i, item] of items.entries()) {
    if (item.label !== label) continue;
    if (!item.inclusion) return null;
    const found = strata.get(item.stratum) ?? { events: item.stratum_events, right: 0, decided: 0, reviewed: 0, reached: 0 };
    strata.set(item.stratum, found);
    const word = verdict(i)?.[0];
    found.right += word === "accept";
    found.decided += Boolean(word) && word !== "unsure";
    if (!word) continue;
    found.reviewed++;
    found.reached = Math.max(found.reached, item.stratum_order);
  }
  const skipped = [...strata.values()].reduce((sum, each) => sum + Math.max(each.reached - each.reviewed, 0), 0);
  if (skipped) return { skipped };
  let [all, covered, squares, sum, right, decided] = [0, 0, 0, 0, 0, 0];
  for (const each of strata.values()) {
    all += each.events;
    right += each.right;
    decided += each.decided;
    if (!each.decided) continue;
    covered += each.events;
    squares += each.events ** 2 / each.decided;
    sum += (each.events * each.right) / each.decided;
  }
  if (!decided) return null;
  const estimate = sum / covered;
  const n = covered ** 2 / squares;
  const x = estimate * n;
  const low = x > 0 ? betaQuantile(0.025, x, n - x + 1) : 0;
  const high = n - x > 1e-9 ? betaQuantile(0.975, x + 1, n - x) : 1;
  const share = covered / all;
  return {
    estimate,
    low: Math.max(low * share, right / all),
    high: Math.min(high * share + 1 - share, (all - decided + right) / all),
  };
}

// ---- What is shown

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function prepare(i) {
  if (i === undefined || ready.has(i)) return;
  const image = new Image();
  image.src = `data:image/webp;base64,${items[i].image}`;
  const sound = element("audio", undefined, { controls: "", preload: "auto", "aria-label": "Excerpt" });
  sound.src = `data:audio/flac;base64,${items[i].sound}`;
  ready.set(i, { image, sound });
}

const seconds = (value) => value.toFixed(1);
const percent = (value) => Math.round(100 * value);
const clamp = (value) => Math.min(Math.max(value, 0), 1);

function spectrogram(i) {
  const item = items[i];
  const x = (t) => 100 * clamp((t - item.from) / (item.to - item.from));
  const y = (hz) => 100 * (1 - clamp(hz / item.top));
  const image = ready.get(i).image;
  image.alt = `Spectrogram of ${item.path}, ${seconds(item.from)} to ${seconds(item.to)} s, 0 to ${(item.top / 1000).toFixed(1)} kHz, with the event marked from ${seconds(item.start)} to ${seconds(item.end)} s`;
  const [low, high] = item.high ? [item.low, item.high] : [0, item.top];
  const box = element("div", undefined, { class: "box" });
  box.style.left = `${x(item.start)}%`;
  box.style.width = `${x(item.end) - x(item.start)}%`;
  box.style.top = `${y(high)}%`;
  box.style.height = `${y(low) - y(high)}%`;
  $("picture").replaceChildren(image, box, element("div", undefined, { id: "playhead" }));
  ticks($("times"), item.from, item.to, "left", x, (t) => String(t));
  ticks($("frequencies"), 0, item.top, "top", y, (hz) => String(hz / 1000));
  const band = item.high ? `, in the band in which the class is usually annotated, ${(low / 1000).toFixed(1)} to ${(high / 1000).toFixed(1)} kHz` : "";
  $("caption").textContent = `The box is the event, ${seconds(item.start)} to ${seconds(item.end)} s${band}.`;
}

function ticks(place, from, to, side, at, text) {
  const rough = (to - from) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((each) => each >= rough);
  const made = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++) {
    const value = Number((k * step).toPrecision(12));
    const tick = element("span", text(value));
    tick.style[side] = `${at(value)}%`;
    made.push(tick);
  }
  place.replaceChildren(...made);
}

function show() {
  const i = state.at;
  const item = items[i];
  const others = order.filter((j) => group(j) === group(i));
  const next = following(i);
  for (const j of [...ready.keys()]) {
    if (j === i || j === next) continue;
    ready.get(j).sound.pause();
    ready.delete(j);
  }
  prepare(i);
  prepare(next);
  $("class").textContent = item.label;
  $("place").textContent = `${item.path}, ${seconds(item.start)} to ${seconds(item.end)} s`;
  const likely = item.probability === null ? "" : `, probability ${item.probability.toFixed(2)}`;
  const threshold = item.threshold === null ? "" : ` (threshold ${item.threshold.toFixed(2)})`;
  $("score").textContent = `${data.measure} ${item.score.toFixed(2)}${threshold}${likely}`;
  $("within").textContent = `${others.indexOf(i) + 1} of ${others.length} in this ${state.grouping === "label" ? "class" : "recording"}`;
  spectrogram(i);
  hear(i);
  mark();
}

// Show what has a verdict.
function mark() {
  const given = verdict(state.at);
  $("given").textContent = given ? `${WORDS[given[0]]}${given[1] ? ` as ${given[1]}` : ""}` : "No verdict yet";
  $("given").className = given ? given[0] : "";
  for (const button of document.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === given?.[0]));
  }
  summary();
}

function hear(i) {
  for (const { sound } of ready.values()) sound.pause();
  const sound = ready.get(i).sound;
  $("player").replaceChildren(sound);
  sound.currentTime = 0;
  if (state.autoplay) play();
}

function play() {
  const sound = ready.get(state.at).sound;
  sound.currentTime = 0;
  // A browser plays nothing before the first key or click.
  sound.play().then(follow, (error) => error.name === "NotAllowedError" && say("Press Space or Replay to hear it"));
}

function follow() {
  const { sound } = ready.get(state.at);
  const head = $("playhead");
  if (head && sound.duration) head.style.left = `${(100 * sound.currentTime) / sound.duration}%`;
  if (!sound.paused) requestAnimationFrame(follow);
}

function summary() {
  const done = items.length - open().length;
  $("progress").max = items.length;
  $("progress").value = done;
  $("done").textContent = `${done} of ${items.length} reviewed`;
  $("undo").disabled = !state.log.length;
  const left = order.filter((i) => !verdict(i) && group(i) === group(state.at)).length;
  for (const button of document.querySelectorAll("[data-rest]")) button.disabled = !left;
  $("left").textContent = left;
  groups();
  const rows = data.classes.map((label) => {
    const own = items.map((_, i) => i).filter((i) => items[i].label === label);
    const found = precision(label);
    const cells = [
      own.filter((i) => verdict(i)).length + " of " + own.length,
      found?.skipped ? `${found.skipped} skipped` : found ? `${percent(found.estimate)} % (${percent(found.low)}–${percent(found.high)})` : "",
    ];
    const row = element("tr");
    row.append(element("th", label, { scope: "row" }), ...cells.map((cell) => element("td", cell)));
    return row;
  });
  $("classes").replaceChildren(...rows);
}

function groups() {
  const names = [...new Set(order.map(group))];
  const options = names.map((name) => {
    const own = order.filter((i) => group(i) === name);
    const option = element("option", `${name} (${own.filter((i) => verdict(i)).length} of ${own.length})`);
    option.value = own[0];
    option.selected = name === group(state.at);
    return option;
  });
  $("group").replaceChildren(...options);
}

// ---- Relabelling

function ask() {
  $("new-label").value = verdict(state.at)?.[1] ?? "";
  $("new-label").setCustomValidity("");
  $("relabel").showModal();
}

function problem(text) {
  if (!text) return "Type a class";
  if (text === items[state.at].label) return "This is the class that it has: accept it instead";
  if (text.includes(";") || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return "A class is plain text without semicolons";
  if (data.reserved.includes(text)) return "Tables have a column of this name: type another class";
  return text.length > 200 ? "A class has 200 characters at most" : "";
}

// ---- Verdicts as a file

const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const guarded = (text) => (FORMULA.test(text) ? `'${text}` : text);
const unguarded = (text) => (text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1) : text);

function csv() {
  const rows = items.map((item, i) => {
    const [word = "", newLabel = ""] = verdict(i) ?? [];
    const all = { ...item, verdict: word, new_label: newLabel, review: data.key };
    return COLUMNS.map((name) => (typeof all[name] === "string" ? guarded(all[name]) : String(all[name] ?? ""))).map(cell).join(",");
  });
  return [COLUMNS.join(","), ...rows, ""].join("\n");
}

function download() {
  const link = element("a", "", { download: `verdicts-${data.name}.csv` });
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  saved = true;
  say("Downloaded");
}

function parsed(text) {
  const rows = [];
  let row = [""];
  let quoted = false;
  for (let k = 0; k < text.length; k++) {
    const c = text[k];
    if (quoted && c === '"' && text[k + 1] === '"') row[row.length - 1] += text[++k];
    else if (c === '"') quoted = !quoted;
    else if (quoted || !",\r\n".includes(c)) row[row.length - 1] += c;
    else if (c === ",") row.push("");
    else if (c === "\n") {
      rows.push(row);
      row = [""];
    }
  }
  return row.length > 1 || row[0] ? [...rows, row] : rows;
}

// Take the verdicts of a file as one step of undo.
function load(text) {
  const [header = [], ...rows] = parsed(text.replace(/^\ufeff/, ""));
  if (!["path", "start", "end", "label", "verdict", "new_label"].every((name) => header.includes(name))) {
    return say("Expected a file of verdicts that was downloaded here, found another table");
  }
  const place = new Map(items.map((item, i) => [JSON.stringify([item.path, item.start, item.end, item.label]), i]));
  const changes = {};
  let others = 0;
  for (const row of rows) {
    const found = Object.fromEntries(header.map((name, k) => [name, unguarded(row[k] ?? "")]));
    const i = place.get(JSON.stringify([found.path, Number(found.start), Number(found.end), found.label]));
    // A row of another recording of the same name is none of these; those of older pages do not tell.
    if (i === undefined || (found.digest && found.digest !== items[i].digest)) others++;
    else if (Object.hasOwn(WORDS, found.verdict)) changes[i] = found.verdict === "relabel" ? ["relabel", found.new_label] : [found.verdict];
  }
  const count = Object.keys(changes).length;
  if (count) decide(changes);
  const lost = others ? `; ${others} rows are of another review` : "";
  go(following(state.at) ?? state.at, `Loaded ${count} verdicts${lost}`);
}

// ---- Keys and buttons

const actions = {
  accept: () => judge("accept"),
  reject: () => judge("reject"),
  unsure: () => judge("unsure"),
  relabel: ask,
  undo,
  skip,
  previous,
  play,
  "accept-rest": () => rest("accept"),
  "reject-rest": () => rest("reject"),
  download,
};
const KEYS = { a: "accept", r: "reject", u: "unsure", l: "relabel", z: "undo", s: "skip", b: "previous", " ": "play", A: "accept-rest", R: "reject-rest" };

// The letter of a key; on a keyboard of another script that of its place.
function letter(event) {
  if (event.key === " " || /^[a-z]$/i.test(event.key)) return event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
  const place = /^Key([A-Z])$/.exec(event.code)?.[1] ?? "";
  return event.shiftKey ? place : place.toLowerCase();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !state.keys || $("relabel").open) return;
  if (event.target.tagName === "SELECT") return;
  // Space presses the button that has the focus, and plays the sound that has it.
  if (event.key === " " && ["AUDIO", "BUTTON", "INPUT", "SUMMARY"].includes(event.target.tagName)) return;
  const name = KEYS[letter(event)];
  if (!name) return;
  event.preventDefault();
  actions[name]();
});

// What the pointer used does not keep the focus, as the next key is for the page: Space plays the sound, and presses no button again.
function leave(element) {
  if (pointed) element.blur();
}
document.addEventListener("pointerdown", () => (pointed = true), true);
document.addEventListener("keydown", () => (pointed = false), true);
for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () => {
    leave(button);
    actions[button.dataset.action]();
  });
}
$("relabel").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("new-label").value.trim();
  $("new-label").setCustomValidity(problem(text));
  if (!$("new-label").reportValidity()) return;
  $("relabel").close();
  judge("relabel", text);
});
$("new-label").addEventListener("input", () => $("new-label").setCustomValidity(""));
$("cancel").addEventListener("click", () => $("relabel").close());
$("picture").addEventListener("click", (event) => {
  const { sound } = ready.get(state.at);
  const bounds = $("picture").getBoundingClientRect();
  if (!sound.duration) return;
  sound.currentTime = sound.duration * clamp((event.clientX - bounds.left) / bounds.width);
  sound.play().then(follow, () => {});
});
$("grouping").addEventListener("change", () => {
  state.grouping = $("grouping").value;
  arrange();
  keep();
  show();
  leave($("grouping"));
});
$("group").addEventListener("change", () => {
  const own = order.filter((i) => group(i) === group(Number($("group").value)));
  go(own.find((i) => !verdict(i)) ?? own[0], "");
  leave($("group"));
});
for (const name of ["autoplay", "keys"]) {
  $(name).addEventListener("change", () => {
    state[name] = $(name).checked;
    keep();
    leave($(name));
  });
}
$("load").addEventListener("change", async () => {
  const [file] = $("load").files;
  if (file) load(await file.text());
  $("load").value = "";
});
window.addEventListener("storage", (event) => {
  const found = event.key === STORE && kept && stored(STORE);
  if (!found) return;
  // Another window of this page has its own place.
  state.verdicts = found.verdicts;
  state.log = found.log;
  mark();
});
window.addEventListener("beforeunload", (event) => {
  if (!kept && !saved) event.preventDefault();
});

const taken = restore();
if (!items[state.at]) state.at = 0;
arrange();
$("grouping").value = state.grouping;
$("autoplay").checked = state.autoplay;
$("keys").checked = state.keys;
$("known").replaceChildren(...data.known.map((label) => element("option", undefined, { value: label })));
$("unsampled").hidden = items.every((item) => item.inclusion);
keep();
if (verdict(state.at)) state.at = following(state.at) ?? state.at;
show();
$("taken").hidden = !taken;
$("taken").textContent = `Verdicts of an earlier page on the same detections: ${taken}.`;
