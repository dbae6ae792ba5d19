"""Methods: each turns a recorded run into an explanation, one file each.

A method is a function ``(trace, replay, targets, **options)`` that gives an
:class:`~tam.explanation.explanation.Explanation`:

- ``trace``: the recorded run, with K targets and N vision cells
  (:class:`tam.recording.trace.Trace`);
- ``replay``: the same run to run again, or None (:class:`tam.replay.Replay`);
- ``targets``: indices of the targets to explain, the others' maps are zero; where it is None,
  methods that get all targets at once explain all, the others the reply's;
- options of its own, by name.
"""

from tam.methods.table import METHODS, Method, explain

__all__ = ["METHODS", "Method", "explain"]
