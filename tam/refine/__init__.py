"""Refinements, one file each: steps that improve the maps of any method.

A refinement is a function ``(maps, work)`` of the explained targets' maps, float32 [T, N] in
[0, 1], and of the run (:class:`tam.refine.refinement.Work`). It returns maps of the same kind. The
relevance of earlier words is not changed. :mod:`tam.refine.table` lists the toolkit's refinements;
they are written after a method's name, in the order in which they are applied, as in
``"activation/color-affinity"``.
"""

from tam.refine.table import REFINEMENTS, Refinement, refinements

__all__ = ["REFINEMENTS", "Refinement", "refinements"]
