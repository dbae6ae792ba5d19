"""Drawing of scenes: outlines of shapes, textured backgrounds, light and noise."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]

EXTENT = {
    "circle": 0.565,
    "square": 0.62,
    "triangle": 0.88,
    "star": 0.87,
    "cross": 0.71,
    "ring": 0.68,
}


def inside(shape: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> Mask:
    """Return which points lie inside a shape of area 1 centred at the origin; v points down."""
    if shape == "circle":
        return u * u + v * v <= 1 / np.pi
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) <= 0.5
    if shape == "triangle":
        return (v <= 0.4387) & (0.8660 * np.abs(u) - 0.5 * v <= 0.4387)
    if shape == "cross":
        near, far = np.minimum(np.abs(u), np.abs(v)), np.maximum(np.abs(u), np.abs(v))
        return (near <= 0.2263) & (far <= 0.6656)
    squared = u * u + v * v
    if shape == "ring":
        return (squared <= 0.6755**2) & (squared >= (0.55 * 0.6755) ** 2)
    # A five-pointed star: fold the plane onto half a point of the star, then test one edge.
    angle = np.arctan2(u, -v)
    folded = np.abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)
    radius = np.sqrt(squared)
    x, y = radius * np.cos(folded), radius * np.sin(folded)
    outer, inner = 0.8696, 0.45 * 0.8696
    edge_x, edge_y = inner * np.cos(np.pi / 5) - outer, inner * np.sin(np.pi / 5)
    return np.asarray(edge_x * y - edge_y * (x - outer) >= 0)


def stamp(
    shape: str, side: float, turn: float, center: tuple[float, float], canvas: tuple[int, int]
) -> tuple[Box, Mask]:
    """Return the pixels of a shape on a canvas (height, width): a box, and a mask inside the box.

    Parameters
    ----------
    side : float
        Square root of the shape's area in square pixels.
    turn : float
        Rotation in radians.
    center : tuple of float
        x and y in pixels; the shape may extend beyond the edge of the canvas.
    """
    (x, y), (height, width) = center, canvas
    reach = EXTENT[shape] * side
    rows = _span(y, reach, height)
    columns = _span(x, reach, width)
    dy = ((np.arange(rows.start, rows.stop) + 0.5 - y) / side)[:, None]
    dx = ((np.arange(columns.start, columns.stop) + 0.5 - x) / side)[None]
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    return (rows, columns), inside(shape, cos * dx + sin * dy, cos * dy - sin * dx)


def _span(middle: float, reach: float, extent: int) -> slice:
    start = min(max(0, int(middle - reach)), extent)
    return slice(start, max(start, min(extent, int(middle + reach) + 2)))


def background(
    rng: np.random.Generator, height: int, width: int, scale: float
) -> NDArray[np.float32]:
    """Return a muted textured background, float32 [H, W, 3]: cloudy, striped, checked or plain."""
    base = rng.uniform(80, 165) + rng.uniform(-18, 18, 3)
    other = base + rng.uniform(-30, 30) + rng.uniform(-10, 10, 3)
    y = np.arange(height, dtype=np.float32)[:, None] / scale
    x = np.arange(width, dtype=np.float32)[None] / scale
    period = rng.uniform(5, 16)
    angle = rng.uniform(0, np.pi)
    kind = int(rng.integers(4))
    if kind == 0:
        weight = np.zeros((height, width), np.float32)
    elif kind == 1:
        weight = ((np.cos(angle) * x + np.sin(angle) * y) / period % 1 < 0.5).astype(np.float32)
    elif kind == 2:
        weight = ((x // period + y // period) % 2).astype(np.float32)
    else:
        weight = _clouds(rng, height, width)
    mixed = base.astype(np.float32) + weight[..., None] * (other - base).astype(np.float32)
    return np.asarray(mixed, np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return smooth noise in [0, 1], float32 [H, W]: a random lattice, interpolated bilinearly."""
    cells = int(rng.integers(3, 10))
    lattice = rng.random((cells + 1, cells + 1), np.float32)
    y, x = np.linspace(0, cells, height, dtype=np.float32), np.linspace(0, cells, width)
    row, column = np.minimum(y.astype(int), cells - 1), np.minimum(x.astype(int), cells - 1)
    lean = (x - column).astype(np.float32)
    lines = lattice[:, column] * (1 - lean) + lattice[:, column + 1] * lean
    drop = (y - row)[:, None]
    return np.asarray(lines[row] * (1 - drop) + lines[row + 1] * drop, np.float32)


def finish(rng: np.random.Generator, canvas: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Light a canvas [..., H, W, 3] from one side, add sensor noise, and round it to uint8."""
    height, width = canvas.shape[-3:-1]
    slope_x, slope_y = rng.uniform(-0.13, 0.13, 2)
    light = (
        rng.uniform(0.9, 1.05)
        + slope_x * np.linspace(-1, 1, width, dtype=np.float32)[None]
        + slope_y * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    ).astype(np.float32)
    canvas = canvas * light[..., None]
    strength = np.float32(max(0.0, rng.uniform(-4, 10)))
    if strength > 0:
        noise = rng.standard_normal((*canvas.shape[:-1], 1), np.float32)
        canvas = canvas + strength * noise
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)
