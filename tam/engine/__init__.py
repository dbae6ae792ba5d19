"""The arithmetic of the Token Activation Map (arXiv 2506.23270), which works on tensors only.

:func:`token_activation_maps` computes the maps of all targets of a recorded run.
"""

from tam.engine.maps import maps_from_scores, token_activation_maps
from tam.engine.result import TokenActivationMaps

__all__ = ["TokenActivationMaps", "maps_from_scores", "token_activation_maps"]
