"""Methods, one file each: functions that turn a recorded run into maps.

A method is a function ``(trace, replay, targets, **options)``:

- ``trace``: the recorded run, with K targets and N vision cells
  (:class:`tam.recording.trace.Trace`);
- ``replay``: the same run, which it can repeat, or None (:class:`tam.replay.Replay`);
- ``targets``: indices of the T targets to explain;
- options of its own, by name.

It returns float32 [T, N], finite. Values from 0 to 1 are taken as they stand; where any lies
outside, each target's map is scaled from 0 at its lowest cell to 1 at its highest. A method that
also knows how much each earlier word contributes returns a pair of maps and float32 [T, K], both
from 0 to 1 on one scale; otherwise the relevance of earlier words is not known.

The methods of the toolkit are listed in :mod:`tam.methods.table`. They give a whole
:class:`~tam.explanation.explanation.Explanation`, with the provenance that they write themselves;
without ``targets``, those that get all targets at once explain all, the others the reply's. Other
packages add methods, see :mod:`tam.extensions`.
"""

from tam.extensions import described
from tam.methods.choosing import Chosen, choose, explain, listed
from tam.methods.method import Method, Tam, Use
from tam.methods.table import METHODS

__all__ = [
    "METHODS",
    "Chosen",
    "Method",
    "Tam",
    "Use",
    "choose",
    "described",
    "explain",
    "listed",
]
