"""The directive ``report``: a report of docs/make_gallery.py, alive in a frame."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_FRAME = """<p><a href="reports/{name}.html">Open it on a page of its own</a></p>
<iframe class="report" src="reports/{name}.html" title="The report {name}" loading="lazy"></iframe>
"""


class Report(SphinxDirective):
    """``{report} clip``: the page of this name, under a link to it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the frame."""
        return [nodes.raw("", _FRAME.format(name=self.arguments[0]), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("report", Report)
    return {"parallel_read_safe": True}
