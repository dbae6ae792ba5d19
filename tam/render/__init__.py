"""Pictures, movies, figures and tables of explanations. Nothing here depends on a model."""

from tam.render.colors import COLOR_ANCHORS, DEFAULT_COLORS
from tam.render.pictures import OPACITY, OPACITY_EXPONENT, overlay, overlays, word_image

__all__ = [
    "COLOR_ANCHORS",
    "DEFAULT_COLORS",
    "OPACITY",
    "OPACITY_EXPONENT",
    "overlay",
    "overlays",
    "word_image",
]
