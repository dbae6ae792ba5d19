"""Replays: a recorded conversation is run again, with gradients or with other pictures.

Only this package and :mod:`tam.capture` call the model. Everything that a replay sets (hooks, the
attention implementation, ``requires_grad`` of the parameters) is restored when it ends.
"""

from tam.replay.layers import LayerName
from tam.replay.passing import Pass
from tam.replay.replay import Replay

__all__ = ["LayerName", "Pass", "Replay"]
