"""Tests that an adapter must pass, for the built-in families and for those of other packages.

An adapter says which part of which picture each vision token covers. :func:`probe_layout` finds
out whether that is true: it changes small blocks of the original pictures and looks at which vision
tokens change.

Examples
--------
In a test of an adapter, with a tiny random model and a real processor::

    from tam.testing import probe_clip, probe_layout, probe_picture

    def test_layout(model, processor):
        media = [probe_picture(64, 1000), probe_picture(300, 200), probe_clip(5, 90, 120)]
        report = probe_layout(model, processor, media)
        assert report.passed, report
"""

from tam.probe.blocks import Block
from tam.probe.layout_probe import BlockResult, LayoutReport, probe_layout
from tam.probe.pictures import probe_clip, probe_picture

__all__ = [
    "Block",
    "BlockResult",
    "LayoutReport",
    "probe_clip",
    "probe_layout",
    "probe_picture",
]
