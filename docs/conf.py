"""Settings of the documentation site, which `make docs` builds."""

import re
import sys
from pathlib import Path

from pygments.lexers import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

from tam import __version__

project = "Token Activation Map"
author = "the Token Activation Map authors"
copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_parser", "public_names", "embedded_reports"]
exclude_patterns = ["_static"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # the signature already shows the types
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"Token Activation Map {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# Sphinx would have to fetch each page's summary, which browsers forbid for files on disk.
html_show_search_summary = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def _list_other_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """Add the pages that the index does not list to a table of contents called "More"."""
    if name == "index":
        pages = sorted(path.stem for path in Path(__file__).parent.glob("*.md"))
        named = {"index", *re.findall(r"^\w+$", source[0], re.MULTILINE)}
        others = "\n".join(page for page in pages if page not in named)
        if others:
            source[0] += f"\n```{{toctree}}\n:caption: More\n:hidden:\n\n{others}\n```\n"


def _replace_links_out_of_the_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace links to files outside the docs folder, which the site lacks, by their paths."""

    def as_path(link: re.Match[str]) -> str:
        text, path = link.group(1), link.group(2)
        return f"`{path}`" if text.strip("`") in path else f"{text} (`{path}`)"

    source[0] = re.sub(r"\[([^\]]+)\]\((?:\.\./)+([^)#]+)\)", as_path, source[0])


def setup(app: Sphinx) -> None:
    """Register this file's lexer and event handlers with Sphinx."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _list_other_pages)
    app.connect("source-read", _replace_links_out_of_the_site)
