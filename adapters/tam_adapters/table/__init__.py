"""The tables of supported and refused families, in a fixed order. Imports no adapter, no torch."""

from tam.families.family import Family, Refused
from tam_adapters.table.own_shape import OWN_SHAPE
from tam_adapters.table.refused import REFUSED
from tam_adapters.table.squares import SQUARES
from tam_adapters.table.tiles import TILES
from tam_adapters.table.without_pictures import AUDIO_ONLY

FAMILIES: tuple[Family, ...] = (*OWN_SHAPE, *SQUARES, *TILES)

OTHERS: tuple[Refused, ...] = (*REFUSED, *AUDIO_ONLY)

COMPARED_WITH = "5.23.0"
"""The release of transformers whose image-text and multimodal models are all listed here."""
