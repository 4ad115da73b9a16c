"""The documentation as a site: ``make docs`` builds it with Sphinx from the same Markdown that is read here."""

from otel_recmon import __version__

project = "otel-recmon"
copyright = "the authors of otel-recmon, Apache-2.0"  # noqa: A001 - Sphinx's name for it
release = version = __version__
extensions = ["myst_parser"]
exclude_patterns = ["site"]
html_theme = "furo"
html_title = "otel-recmon"
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 3
