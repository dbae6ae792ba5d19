"""Refinements: steps that any method's maps can go through, one file each.

A refinement is a function ``(maps, work)``: the maps float32 [T, N] in [0, 1] of the targets that
were explained, and what it may read and run (:class:`tam.refine.refinement.Work`). It returns maps
of the same kind. The relevance of earlier words stays as it is. Those of the toolkit stand in
:mod:`tam.refine.table`; a method's name takes them behind it, ``"activation/color-affinity"``, one
after the other.
"""

from tam.refine.table import REFINEMENTS, Refinement, refinements

__all__ = ["REFINEMENTS", "Refinement", "refinements"]
