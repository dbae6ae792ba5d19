"""The directive ``report`` embeds a live report of docs/make_gallery.py in a page."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_FRAME = """<p><a href="reports/{name}.html">Open it on a page of its own</a></p>
<iframe class="report" src="reports/{name}.html" title="The report {name}" loading="lazy"></iframe>
"""


class Report(SphinxDirective):
    """``{report} clip`` embeds the report of this name, with a link to its own page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the frame as raw HTML."""
        return [nodes.raw("", _FRAME.format(name=self.arguments[0]), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("report", Report)
    return {"parallel_read_safe": True}
