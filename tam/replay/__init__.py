"""Replays: running a recorded conversation again, with gradients or with other pictures.

Apart from the layout probe, only this package and :mod:`tam.capture` call the model. Everything
that a replay changes on the model (hooks, the attention implementation, ``requires_grad`` of the
parameters) is restored when it ends.
"""

from tam.replay.layers import LayerName
from tam.replay.passing import Pass
from tam.replay.replay import Replay

__all__ = ["LayerName", "Pass", "Replay"]
