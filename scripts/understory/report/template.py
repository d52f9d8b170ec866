"""The page of the report, as a template, and the parts that a section of it is made of."""

from typing import NamedTuple
from xml.etree import ElementTree

import jinja2

from understory.report.plotting import data_url

# How much larger than its own size a figure is shown.
ENLARGED = 1.3


class Note(str):
    """Text of less weight."""

    kind = "note"


class Table(NamedTuple):
    """A table; the first `text` columns are text, the others numbers. On a phone, `stacked` rows become lists."""

    kind = "table"
    caption: str
    head: list[str]
    rows: list
    text: int = 1
    stacked: bool = False


class Figure(NamedTuple):
    """A figure as SVG, with its `alt` text; a `wide` one is not shrunk to the width of a phone."""

    kind = "figure"
    name: str
    svg: bytes
    caption: str
    alt: str
    wide: bool = False
    # Whether it is on the page, and not only a file.
    shown: bool = True

    @property
    def url(self) -> str:
        return data_url(self.svg, "image/svg+xml")

    @property
    def width(self) -> int:
        """Pixels where the page has room for it."""
        points = float(ElementTree.fromstring(self.svg).get("width").removesuffix("pt"))
        return round(points * 4 / 3 * ENLARGED)


class Examples(NamedTuple):
    """The images of each class, as `gallery.Gallery.item` gives them."""

    kind = "examples"
    classes: list[tuple[str, list[dict]]]


class Facts(NamedTuple):
    """Pairs of a name and a value."""

    kind = "facts"
    caption: str
    rows: list[tuple[str, str]]


class Code(str):
    """Text as it stands in a file."""

    kind = "code"


class Details(NamedTuple):
    """Blocks that can be folded."""

    kind = "details"
    summary: str
    blocks: list
    unfolded: bool = False


class Section(NamedTuple):
    """A section of the page; a block is a text or one of the above."""

    anchor: str
    heading: str
    blocks: list


# The template stands in the code, so that a change to it is a change of the code.
PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
{% macro table(table) %}
<div class="wide{{ " long" if table.rows|length > 40 }}{{ " many" if table.head|length > 10 }}{{ " stacked" if table.stacked }}" role="region" aria-label="{{ table.caption }}" tabindex="0"><table>
<caption>{{ table.caption }}</caption>
<thead><tr>{% for name in table.head %}<th scope="col"{% if loop.index > table.text %} class="n"{% endif %}>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}
<tr>{% for value in row %}{% set kind = "n" if loop.index > table.text else "name" if value|string|length > 24 else "" %}{% set label = table.head[loop.index0] if table.stacked %}{% set tag = 'th scope="row"'|safe if loop.first else "td" %}<{{ tag }}{% if kind %} class="{{ kind }}"{% endif %}{% if label %} data-head="{{ label }}"{% endif %}>{{ value }}</{{ tag[:2] }}>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
{% macro figure(figure) %}
<figure class="plot"><div class="wide" role="region" aria-label="Figure: {{ figure.alt }}" tabindex="0"><img{% if figure.wide %} class="crowd"{% endif %} alt="{{ figure.alt }}" style="width: {{ figure.width }}px" src="{{ figure.url }}"></div>
<figcaption>{{ figure.caption }}</figcaption></figure>
{% endmacro %}
{% macro examples(classes) %}
{% for label, items in classes %}
<h3>{{ label }}</h3>
{% if items %}<div class="pair{{ " small" if items[0].width < 300 }}">{% for item in items %}
<figure><img alt="{{ item.alt }}" src="{{ item.url }}" width="{{ item.width }}" height="{{ item.height }}"><figcaption>{{ item.caption }}</figcaption></figure>
{% endfor %}</div>{% else %}<p class="note">none</p>{% endif %}
{% endfor %}
{% endmacro %}
{% macro show(blocks) %}
{% for block in blocks %}
{% if block.kind == "note" %}<p class="note">{{ block }}</p>
{% elif block.kind == "code" %}<pre>{{ block }}</pre>
{% elif block.kind == "table" %}{{ table(block) }}
{% elif block.kind == "figure" %}{% if block.shown %}{{ figure(block) }}{% endif %}
{% elif block.kind == "examples" %}{{ examples(block.classes) }}
{% elif block.kind == "facts" %}<div class="wide"><table class="facts"><caption>{{ block.caption }}</caption><tbody>{% for name, value in block.rows %}<tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</tbody></table></div>
{% elif block.kind == "details" %}<details{{ " open" if block.unfolded }}><summary>{{ block.summary }}</summary>
{{ show(block.blocks) }}
</details>
{% else %}<p>{{ block }}</p>
{% endif %}
{% endfor %}
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
<header><h1>{{ title }}</h1><p class="note">{{ name }} · {{ head.counts() }}</p>
<dl class="cards">{% for card in head.cards %}<div><dt>{{ card.label }}</dt><dd>{{ card.value }}</dd>{% for name, text in card.lines %}<dd class="line">{{ name }}: <span>{{ text }}</span></dd>{% endfor %}</div>{% endfor %}</dl>
{% for text in head.notes %}<p class="note">{{ text }}</p>
{% endfor %}
{% if quarantined %}<p class="warn">{{ quarantined }} <a href="#quarantine">Show reasons</a></p>
{% endif %}
{% for text in head.warnings %}<p class="warn">{{ text }}</p>
{% endfor %}
<nav aria-label="Contents"><ul>{% for section in sections %}<li><a href="#{{ section.anchor }}">{{ section.heading }}</a></li>{% endfor %}</ul></nav></header>
<main>
{% for section in sections %}
<section><h2 id="{{ section.anchor }}">{{ section.heading }}</h2>
{{ show(section.blocks) }}
</section>
{% endfor %}
</main></body></html>
""")
