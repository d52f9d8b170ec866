"""Sphinx configuration of the documentation site, which `make docs` builds into site/."""

project = "Understory"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Understory"
html_copy_source = False
html_show_copyright = False
# Links lead to headings by the names that GitHub gives them.
myst_heading_anchors = 3
