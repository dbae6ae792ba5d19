"""Runs a recorded conversation through the model again: with gradients, or with other pictures.

Beside :mod:`tam.capture` the only caller of the model. Nothing that a replay sets (hooks, the
attention implementation, which parameters want gradients) outlasts it, whatever ends it.
"""

from tam.replay.layers import LayerName
from tam.replay.passing import Pass
from tam.replay.replay import Replay

__all__ = ["LayerName", "Pass", "Replay"]
