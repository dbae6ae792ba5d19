"""The arrangement of tiles that an image processor chooses, computed by its own function."""

import sys
from typing import Any

from tam_adapters.tiles import misfit


def tile_arrangement(image_processor: Any, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of tiles into which a ``height × width`` picture is cut.

    Processors choose differently for the same picture. Each has a function
    ``get_optimal_tiled_canvas`` in its module, which returns (columns, rows).

    Raises
    ------
    ModelError
        If the processor's module has no such function.
    """
    for kind in type(image_processor).__mro__:
        choose = getattr(sys.modules[kind.__module__], "get_optimal_tiled_canvas", None)
        if choose is not None:
            size = image_processor.size
            columns, rows = choose(
                (height, width),
                (size["height"], size["width"]),
                image_processor.min_patches,
                image_processor.max_patches,
            )
            return int(rows), int(columns)
    raise misfit(
        "has no known function that arranges the tiles of a picture",
        type(image_processor).__name__,
        "use the image processor that the checkpoint was published with",
    )
