"""Methods, one file each: functions that turn a recorded run into maps.

A method is a function ``(trace, replay, targets, **options)``:

- ``trace``: the recorded run, with K targets and N vision cells
  (:class:`tam.recording.trace.Trace`);
- ``replay``: the same run, which it can repeat, or None (:class:`tam.replay.Replay`);
- ``targets``: indices of the T targets to explain;
- the options of the method, as keyword arguments.

It returns float32 [T, N], finite. Values from 0 to 1 are used unchanged; if any value lies outside
this range, each target's map is scaled from 0 at its lowest cell to 1 at its highest. A method that
also knows how much each earlier word contributes returns a pair of maps and float32 [T, K], both
from 0 to 1 on one scale; otherwise the relevance of earlier words is not known.

The methods of the toolkit are listed in :mod:`tam.methods.table`. They return a complete
:class:`~tam.explanation.explanation.Explanation` and write its provenance themselves. Without
``targets``, methods that compute all targets at once explain all of them; the others explain those
of the reply. Other packages can add methods, see :mod:`tam.extensions`.
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
