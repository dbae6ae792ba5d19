"""Pictures cut into tiles: runs of placeholders, and tiles stitched into one grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import PlacedMedia
from tam.geometry.layout import Box, Seams, VisionGrid


def token_runs(ids: NDArray[np.int64], token_id: int) -> list[NDArray[np.int64]]:
    """Return the positions of each contiguous run of one token."""
    positions = np.flatnonzero(ids == token_id).astype(np.int64)
    if not positions.size:
        return []
    return np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)


def runs_after(
    ids: NDArray[np.int64], marker_id: int, runs: Sequence[NDArray[np.int64]]
) -> list[list[NDArray[np.int64]]]:
    """Group runs by the marker before them, one list for each occurrence of the marker.

    Parameters
    ----------
    ids
        int64 [P]: token ids of the prompt.
    marker_id
        The token that begins a picture.
    runs
        Positions of contiguous runs of placeholders, in order.

    Raises
    ------
    ModelError
        If a run comes before the first marker.
    """
    markers = np.flatnonzero(ids == marker_id)
    groups: list[list[NDArray[np.int64]]] = [[] for _ in markers]
    for run in runs:
        owner = int(np.searchsorted(markers, run[0])) - 1
        if owner < 0:
            raise misfit(f"the image tokens at position {run[0]} come before any picture's start")
        groups[owner].append(run)
    return groups


def stitched(
    tiles: NDArray[np.int64], arrangement: tuple[int, int], cells: tuple[int, int]
) -> NDArray[np.int64]:
    """Reorder the tokens of adjacent tiles row by row over the whole canvas.

    Parameters
    ----------
    tiles
        int64 [rows * columns * h * w]: positions, tile after tile, row-major within each.
    arrangement
        Rows and columns of tiles.
    cells
        (h, w): rows and columns of tokens in a tile.

    Examples
    --------
    >>> stitched(np.arange(8), (1, 2), (2, 2)).tolist()
    [0, 1, 4, 5, 2, 3, 6, 7]
    """
    return tiles.reshape(*arrangement, *cells).transpose(0, 2, 1, 3).ravel()


def even_seams(box: Box, arrangement: tuple[int, int]) -> Seams:
    """Return the seams of equal tiles that fill a region.

    Parameters
    ----------
    box
        The region.
    arrangement
        Rows and columns of tiles.

    Examples
    --------
    >>> even_seams((0, 0, 90, 40), (2, 3))
    ((30.0, 60.0), (20.0,))
    """
    rows, columns = arrangement
    x = np.linspace(box[0], box[2], columns + 1)[1:-1]
    y = np.linspace(box[1], box[3], rows + 1)[1:-1]
    return tuple(x.tolist()), tuple(y.tolist())


def whole_box(placed: PlacedMedia) -> Box:
    """Return the region of the whole picture."""
    return (0, 0, placed.media.width, placed.media.height)


def picture_grid(
    index: int,
    placed: PlacedMedia,
    view: str,
    shape: tuple[int, int],
    positions: NDArray[np.int64],
    box: Box | None = None,
    seams: Seams = ((), ()),
) -> VisionGrid:
    """Return the grid of one view of a picture, or of a region of it.

    Parameters
    ----------
    index
        Index of the picture in the conversation.
    placed
        The picture.
    view
        ``"whole"``, ``"tiles"`` or ``"thumbnail"``.
    shape
        Rows and columns.
    positions
        int64 [rows * columns], row-major.
    box
        The region, in pixels of the picture; None for the whole picture.
    seams
        The borders between its tiles, in pixels of the picture.
    """
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view=view,
        shape=(1, *shape),
        box=whole_box(placed) if box is None else box,
        positions=positions,
        spans=np.array([[0, 1]], dtype=np.int64),
        seams=seams,
    )


def clip_grid(
    index: int,
    placed: PlacedMedia,
    shape: tuple[int, int],
    positions: NDArray[np.int64],
    box: Box | None = None,
) -> VisionGrid:
    """Return the grid of the frames of a clip, or of a region of them.

    Parameters
    ----------
    index, placed
        The clip.
    shape
        Rows and columns of one frame's grid.
    positions
        int64 [frames * rows * columns].
    box
        The region, in pixels of the frame; None for the whole frame.
    """
    frames = len(placed.media.frames)
    if positions.size != frames * shape[0] * shape[1]:
        raise misfit(
            f"{positions.size} video tokens do not make {frames} frames of {shape[0]} × "
            f"{shape[1]} tokens",
            placed.media.name,
            "turn off the video processor's frame sampling (do_sample_frames=False)",
        )
    first = np.arange(frames, dtype=np.int64)
    return VisionGrid(
        media=index,
        turn=placed.turn,
        view="whole",
        shape=(frames, *shape),
        box=whole_box(placed) if box is None else box,
        positions=positions,
        spans=np.stack([first, first + 1], axis=1),
    )


def tiled_grids(
    index: int,
    placed: PlacedMedia,
    views: NDArray[np.int64],
    arrangement: tuple[int, int],
    *,
    thumbnail_first: bool = False,
    canvas_box: Box | None = None,
) -> list[VisionGrid]:
    """Return the grids of a picture that was cut into tiles and squashed to a thumbnail.

    Parameters
    ----------
    index, placed
        The picture.
    views
        int64 [V, h * h]: positions of each view's tokens. A single view is the whole picture.
    arrangement
        Rows and columns of tiles.
    thumbnail_first
        Whether the thumbnail comes before the tiles instead of after them.
    canvas_box
        The region that the tiles cover, in pixels of the picture; None for the whole picture.

    Raises
    ------
    ModelError
        If the number of views does not match the arrangement.
    """
    side = square_side(views.shape[1], placed.media.name)
    if len(views) == 1:
        return [picture_grid(index, placed, "whole", (side, side), views[0], canvas_box)]
    rows, columns = arrangement
    if len(views) != rows * columns + 1:
        raise misfit(
            f"the prompt shows {len(views)} views of a picture that is cut into {rows} × {columns} "
            "tiles plus a thumbnail",
            placed.media.name,
        )
    thumbnail, tiles = (views[0], views[1:]) if thumbnail_first else (views[-1], views[:-1])
    canvas = stitched(tiles.ravel(), arrangement, (side, side))
    shape = (rows * side, columns * side)
    seams = even_seams(canvas_box or whole_box(placed), arrangement)
    grids = [
        picture_grid(index, placed, "tiles", shape, canvas, canvas_box, seams),
        picture_grid(index, placed, "thumbnail", (side, side), thumbnail),
    ]
    return grids[::-1] if thumbnail_first else grids


def square_side(tokens: int, where: str) -> int:
    """Return the side of a square with a number of tokens.

    Raises
    ------
    ModelError
        If the number is not a square.
    """
    side = int(np.sqrt(tokens) + 0.5)
    if side * side != tokens or not tokens:
        raise misfit(f"{tokens} tokens do not form a square", where)
    return side


def equal_views(runs: Sequence[NDArray[np.int64]], where: str) -> NDArray[np.int64]:
    """Stack the runs of one picture's views, int64 [V, n].

    Raises
    ------
    ModelError
        If there are no runs, or their lengths differ.
    """
    if len({run.size for run in runs}) != 1:
        raise misfit(f"its views have {[run.size for run in runs]} tokens", where)
    return np.stack(runs)


def of_kind(kind: str, media: Sequence[PlacedMedia]) -> list[tuple[int, PlacedMedia]]:
    """Return the pictures (``"image"``) or the clips (``"video"``), with their indices."""
    return [(index, placed) for index, placed in enumerate(media) if placed.media.kind == kind]


def equally_many_frames(family: str, options: Mapping[str, Any]) -> None:
    """Refuse clips of different lengths, which the family's processor cannot stack.

    Parameters
    ----------
    family
        The family's name, for the message.
    options
        The processor's arguments.

    Raises
    ------
    ModelError
        If the clips differ in their number of frames.
    """
    counts = [len(frames) for frames in options.get("videos", ())]
    if len(set(counts)) > 1:
        raise ModelError(
            f"{family} takes several clips only if they have equally many frames, not {counts}",
            where="conversation",
            remedy="use the same number of frames from each",
        )


def one_each(groups: Sequence[Any], media: Sequence[PlacedMedia]) -> None:
    """Check that there are as many groups of tokens as pictures.

    Raises
    ------
    ModelError
        If the numbers differ.
    """
    if len(groups) != len(media):
        raise misfit(f"the prompt shows {len(groups)} pictures of {len(media)}")


def misfit(
    what: str,
    where: str = "prompt",
    remedy: str = "use the processor and the model of the same checkpoint",
) -> ModelError:
    """Return the error for a prompt that does not match its pictures."""
    return ModelError(what, where=where, remedy=remedy)
