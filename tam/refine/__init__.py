"""Refinements, one file each: steps that improve the maps of any method.

A refinement is a function ``(maps, work)`` of the maps float32 [T, N] in [0, 1] of the explained
targets, and of the run (:class:`tam.refine.refinement.Work`). It returns maps of the same kind. The
relevance of earlier words is not changed. :mod:`tam.refine.table` lists the toolkit's refinements;
they follow a method's name in their order, as in ``"activation/color-affinity"``.
"""

from tam.refine.table import REFINEMENTS, Refinement, refinements

__all__ = ["REFINEMENTS", "Refinement", "refinements"]
