"""The page of the report, as a template."""

import jinja2

# The template stands in the code, so that a change to it is a change of the code.
PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
{% macro table(caption, head, rows, text=1, stacked=False) %}
<div class="wide{{ " long" if rows|length > 40 }}{{ " many" if head|length > 10 }}{{ " stacked" if stacked }}" role="region" aria-label="{{ caption }}" tabindex="0"><table>
<caption>{{ caption }}</caption>
<thead><tr>{% for name in head %}<th scope="col"{% if loop.index > text %} class="n"{% endif %}>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>{% for value in row %}{% set kind = "n" if loop.index > text else "name" if value|string|length > 24 else "" %}{% set told = head[loop.index0] if stacked %}{% if loop.first %}<th scope="row"{% if kind %} class="{{ kind }}"{% endif %}{% if told %} data-head="{{ told }}"{% endif %}>{{ value }}</th>{% else %}<td{% if kind %} class="{{ kind }}"{% endif %}{% if told %} data-head="{{ told }}"{% endif %}>{{ value }}</td>{% endif %}{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
{% macro figure(name) %}
<figure class="plot"><div class="wide" role="region" aria-label="Figure: {{ figures[name].alt }}" tabindex="0"><img{% if figures[name].many %} class="crowd"{% endif %} alt="{{ figures[name].alt }}" style="width: {{ figures[name].width }}px" src="{{ figures[name].url }}"></div>
<figcaption>{{ figures[name].caption }}</figcaption></figure>
{% endmacro %}
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{{ title }}: {{ name }}</title>
<style>
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1f2a24; background: #fff; max-width: 60rem; margin: 0 auto; padding: 1rem 1.2rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: .5rem 0 0; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; border-bottom: 2px solid #cfdad2; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { max-width: 46rem; }
nav ul { list-style: none; padding: 0; margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
a { color: #1d6148; }
.note, figcaption, caption { color: #4c5a52; font-size: .9rem; }
.warn { background: #fbeec2; border-left: .3rem solid #d4a017; padding: .5rem 1rem; max-width: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .7rem; margin: 1rem 0; }
.cards div { background: #edf3ef; padding: .6rem .7rem; border-radius: .4rem; }
.cards dt { font-size: .9rem; color: #4c5a52; } .cards dd { margin: 0; font-size: 1.2rem; font-weight: 600; white-space: nowrap; } .cards .line { font-size: .85rem; font-weight: 400; white-space: normal; } .line span { white-space: nowrap; }
.wide { overflow-x: auto; margin: .8rem 0; }
.long { max-height: 32rem; overflow-y: auto; }
.long thead th { position: sticky; top: 0; background: #fff; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; overflow-wrap: normal; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .18rem 1.1rem .18rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e6ece8; }
thead th { border-bottom: 2px solid #cfdad2; vertical-align: bottom; }
tbody th { font-weight: 400; } .facts th { font-weight: 600; }
.name { min-width: 13rem; max-width: 26rem; } .name, .facts td { overflow-wrap: anywhere; }
td.n, th.n { text-align: right; white-space: nowrap; } thead th.n { white-space: normal; }
figure { margin: 0 0 1rem; }
img { max-width: 100%; height: auto; display: block; }
.plot img { margin: 0 auto; }
summary { cursor: pointer; } pre { font-size: .85rem; line-height: 1.4; background: #edf3ef; padding: .6rem .7rem; border-radius: .4rem; white-space: pre-wrap; }
@media screen and (max-width: 44rem) {
  .crowd { min-width: 34rem; }
  th, td { padding-right: .6rem; } table { font-size: .85rem; }
  .stacked { max-height: none; } .stacked thead { display: none; }
  .stacked table, .stacked tbody, .stacked tr, .stacked th, .stacked td, .stacked caption { display: block; min-width: 0; }
  .stacked tr { padding: .4rem 0; border-bottom: 1px solid #cfdad2; } .stacked th, .stacked td { padding: 0 0 0 6rem; border: 0; text-align: left; overflow-wrap: anywhere; }
  .stacked [data-head]::before { content: attr(data-head); float: left; width: 5.5rem; margin-left: -6rem; color: #4c5a52; }
}
.pair { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .6rem 1.2rem; } .pair.small { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
@page { margin: 1.5cm; }
@media print {
  html { font-size: 10pt; } body { max-width: none; padding: 0; }
  nav { display: none; } a { color: inherit; text-decoration: none; }
  .wide, .long { overflow: visible; max-height: none; } .long thead th { position: static; }
  table { font-size: 8.5pt; } th, td { overflow-wrap: anywhere; min-width: 0; padding-right: .6rem; } td.n, th.n { white-space: normal; } thead th { overflow-wrap: normal; } .many thead th { overflow-wrap: anywhere; }
  .plot img { max-height: 23cm; } .pair { grid-template-columns: repeat(2, 1fr); }
  figure, tr, .cards, .warn { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  .cards div, .warn { print-color-adjust: exact; }
}
</style></head><body>
<header><h1>{{ title }}</h1><p class="note">{{ name }} · {{ counts }}</p>
<dl class="cards">{% for label, value, lines in cards %}<div><dt>{{ label }}</dt><dd>{{ value }}</dd>{% for name, text in lines %}<dd class="line">{{ name }}: <span>{{ text }}</span></dd>{% endfor %}</div>{% endfor %}</dl>
{% for text in cards_notes %}<p class="note">{{ text }}</p>
{% endfor %}
{% if quarantine %}<p class="warn">{{ quarantine.head }} <a href="#quarantine">What, and why</a></p>
{% endif %}
{% for text in warnings %}<p class="warn">{{ text }}</p>
{% endfor %}
<nav aria-label="FileDigests"><ul>{% for anchor, heading in contents %}<li><a href="#{{ anchor }}">{{ heading }}</a></li>{% endfor %}</ul></nav></header>
<main>
{% macro heading(anchor) %}<h2 id="{{ anchor }}">{{ headings[anchor] }}</h2>{% endmacro %}
<section>{{ heading("folds") }}
{{ figure("fold_scores") }}
{% for text in folds_notes %}<p>{{ text }}</p>
{% endfor %}
{{ table("Score of each fold", ["model", "fold", "validation " ~ row_words[1], metric], folds) }}
</section>
<section>{{ heading("classes") }}
<p>{{ classes_note }}</p>
{{ figure("separation" if "separation" in figures else "class_scores") }}
{{ table(classes_table.caption, classes_table.head, classes_table.rows) }}
{% for text in classes_notes %}<p class="note">{{ text }}</p>
{% endfor %}
</section>
<section>{{ heading("curves") }}
{{ figure("learning_curves") }}
</section>
<section>{{ heading("known") }}
{{ figure("roc" if "roc" in figures else "precision_recall") }}
{% for text in known_notes %}<p>{{ text }}</p>
{% endfor %}
</section>
<section>{{ heading("confusion") }}
<p>{{ confusion_note }}</p>
{{ figure("confusion") }}
{% if pairs %}{{ table("The most frequent confusions", pairs_head, pairs, text=2) }}{% else %}<p>No {{ row_words[0] }} has a {{ pairs_head[1] }} other than its label.</p>{% endif %}
</section>
<section>{{ heading("counts") }}
{% if count_note %}<p>{{ count_note }}</p>
{% endif %}
{{ table(count_table.caption, count_table.head, count_table.rows) }}
</section>
<section>{{ heading("examples") }}
<p>{{ shown_note }}</p>
{% for label, items in shown %}
<h3>{{ label }}</h3>
{% if items %}<div class="pair{{ " small" if items[0].width < 300 }}">{% for item in items %}
<figure><img alt="{{ item.alt }}" src="{{ item.url }}" width="{{ item.width }}" height="{{ item.height }}"><figcaption>{{ item.caption }}</figcaption></figure>
{% endfor %}</div>{% else %}<p class="note">none</p>{% endif %}
{% endfor %}
</section>
<section>{{ heading("quarantine") }}
{% if quarantine %}
<p>{{ quarantine.total }}</p>
{{ table("How many, and why", ["subset", "kind", "reason", "number"], quarantine.counts, text=3, stacked=True) }}
{% if quarantine.more_counts %}<p class="note">{{ quarantine.more_counts }}</p>{% endif %}
<details{{ " open" if quarantine.rows|length <= open }}><summary>Each of them</summary>
{{ table("What was set aside, where it stands, and why", ["subset", "kind", words.recording, "place", "reason"], quarantine.rows, text=5, stacked=True) }}
{% if quarantine.more %}<p class="note">{{ quarantine.more }}</p>{% endif %}
</details>
{% else %}<p>Nothing was quarantined.</p>{% endif %}
</section>
<section>{{ heading("costs") }}
{% if costs %}
{{ table("As Snakemake measured each job when it last ran", ["rule", "jobs", "total time", "longest job", "processor time", "largest memory"], costs) }}
<p class="note">Time is wall time, added up over jobs that may have run side by side; memory is what one job held at once. “Not measured” is a job that was over too soon. Jobs that were not over when this page was written, its own among them, are missing.</p>
{% else %}<p>There are no measurements: Snakemake's benchmark files are gone.</p>{% endif %}
</section>
<section>{{ heading("ran") }}
<div class="wide"><table class="facts"><caption>The settings, the code and the packages as they were when this page was written</caption><tbody>{% for key, value in facts %}<tr><th scope="row">{{ key }}</th><td>{{ value }}</td></tr>
{% endfor %}</tbody></table></div>
<details><summary>Every setting of this run</summary>
<p class="note">Settings that concern nothing here, such as those of models that are not trained, are left out.</p>
<pre>{{ configuration }}</pre></details>
</section>
</main></body></html>
""")
