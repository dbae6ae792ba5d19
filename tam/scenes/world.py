"""Synthetic scenes with exact masks: coloured shapes on textured backgrounds.

A scene is a function of its seed alone (and of the size and the object counts asked for). Lengths
are in pixels of a reference picture of 128 x 128, so a larger canvas shows more world, not larger
objects; ``scale`` renders the same world at another resolution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (215, 35, 35),
    "orange": (240, 140, 25),
    "yellow": (240, 228, 55),
    "green": (35, 165, 65),
    "blue": (40, 80, 220),
    "purple": (145, 55, 185),
    "white": (245, 245, 245),
    "black": (18, 18, 18),
}
SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star", "cross", "ring")
SIZES: tuple[str, ...] = ("small", "large")
AREAS: dict[str, tuple[float, float]] = {"small": (400.0, 580.0), "large": (1050.0, 1500.0)}
"""Area of an object in square pixels of the 128 x 128 reference picture: about 3 % or 8 % of it."""

HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    (color, shape) for color in ("purple", "white") for shape in ("star", "cross")
)
"""Combinations of colour and shape that no training scene shows."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """A named range of seeds. ``combinations``: "seen" (no held-out pair), "any" or "held-out"."""

    start: int
    stop: int
    combinations: str


SPLITS: dict[str, Split] = {
    "train": Split(0, 1_000_000_000, "seen"),
    "validation": Split(1_000_000_000, 1_100_000_000, "seen"),
    "test": Split(1_100_000_000, 1_200_000_000, "seen"),
    "combinations": Split(1_200_000_000, 1_300_000_000, "held-out"),
}

DIFFICULTIES: dict[str, tuple[int, int]] = {"easy": (1, 1), "medium": (2, 3), "hard": (4, 4)}
"""Least and greatest number of objects of each named difficulty."""


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene: its words, its centre (x, y) in pixels, and its visible mask."""

    color: str
    shape: str
    size: str
    center: tuple[float, float]
    mask: Mask

    @property
    def pair(self) -> tuple[str, str]:
        """The words that name the object: (colour, shape), unique in its scene."""
        return self.color, self.shape


@dataclass(frozen=True)
class Scene:
    """A rendered scene: picture uint8 [H, W, 3] RGB and its objects from left to right."""

    seed: int
    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]

    def owner(self) -> NDArray[np.int8]:
        """Index of the object that each pixel shows, int8 [H, W]; -1 is the background."""
        owner = np.full(self.image.shape[:2], -1, np.int8)
        for index, item in enumerate(self.objects):
            owner[item.mask] = index
        return owner


def split_of(seed: int) -> str:
    """Name of the split that a seed belongs to. Raises ValueError for a seed of no split."""
    for name, split in SPLITS.items():
        if split.start <= seed < split.stop:
            return name
    raise ValueError(f"seed {seed} belongs to no split; choose one below {split.stop}")


def split_seed(split: str, index: int) -> int:
    """Seed of scene ``index`` of a named split. Raises ValueError beyond the split's end."""
    seed = SPLITS[split].start + index
    if index < 0 or seed >= SPLITS[split].stop:
        raise ValueError(f"split {split} has no scene {index}")
    return seed


def make_scene(
    seed: int,
    height: int = 128,
    width: int = 128,
    objects: tuple[int, int] = (1, 4),
    scale: float = 1.0,
) -> Scene:
    """Generate the scene of a seed.

    Parameters
    ----------
    seed : int
        Decides everything; the split that it lies in decides the allowed combinations.
    height, width : int
        Size of the picture in pixels.
    objects : tuple of int
        Least and greatest number of objects. Fewer are shown where the canvas is too small.
    scale : float
        Pixels per pixel of the reference picture: 2 shows each object twice as wide.

    Returns
    -------
    Scene
        Objects are sorted by the x of their centres; masks hold the visible pixels only.
    """
    combinations = SPLITS[split_of(seed)].combinations
    rng = np.random.default_rng(seed)
    canvas = _background(rng, height, width, scale)
    owner = np.full((height, width), -1, np.int8)
    placed: list[tuple[str, str, str, tuple[float, float]]] = []
    for _ in range(int(rng.integers(objects[0], objects[1] + 1))):
        pairs = _pairs(combinations if not placed else combinations.replace("held-out", "any"))
        free = [pair for pair in pairs if pair not in {item[:2] for item in placed}]
        color, shape = free[int(rng.integers(len(free)))]
        size = SIZES[int(rng.integers(2))]
        where = _place(rng, shape, size, owner, len(placed), scale)
        if where is None:
            continue
        center, box, inside = where
        tone = np.array(COLORS[color], np.float32) + rng.uniform(-12, 12, 3).astype(np.float32)
        canvas[box][inside] = tone
        placed.append((color, shape, size, center))
    image = _finish(rng, canvas)
    items = [
        SceneObject(color, shape, size, center, owner == index)
        for index, (color, shape, size, center) in enumerate(placed)
    ]
    return Scene(seed, image, tuple(sorted(items, key=lambda item: item.center)))


def _pairs(combinations: str) -> list[tuple[str, str]]:
    return [
        (color, shape)
        for color in COLORS
        for shape in SHAPES
        if combinations == "any" or ((color, shape) in HELD_OUT) == (combinations == "held-out")
    ]


_EXTENT = {
    "circle": 0.565,
    "square": 0.62,
    "triangle": 0.88,
    "star": 0.87,
    "cross": 0.71,
    "ring": 0.68,
}


def _inside(shape: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> Mask:
    """Pixels inside a shape of area 1 centred at the origin; v points down."""
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
    # A five-pointed star: fold the plane to half a point, then one edge decides.
    angle = np.arctan2(u, -v)
    folded = np.abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)
    radius = np.sqrt(squared)
    x, y = radius * np.cos(folded), radius * np.sin(folded)
    outer, inner = 0.8696, 0.45 * 0.8696
    edge_x, edge_y = inner * np.cos(np.pi / 5) - outer, inner * np.sin(np.pi / 5)
    return np.asarray(edge_x * y - edge_y * (x - outer) >= 0)


def _place(
    rng: np.random.Generator,
    shape: str,
    size: str,
    owner: NDArray[np.int8],
    index: int,
    scale: float,
) -> tuple[tuple[float, float], tuple[slice, slice], Mask] | None:
    """Find room for an object in front of the others and mark its pixels in ``owner``.

    At least 70 % of every object that is behind stays visible. None where there is no room.
    """
    height, width = owner.shape
    whole = np.bincount(owner.ravel() + 1, minlength=index + 1)[1:]
    for _ in range(24):
        side = scale * float(np.sqrt(rng.uniform(*AREAS[size])))
        reach = _EXTENT[shape] * side
        if 2 * reach + 1 > min(height, width):
            size = "small"
            continue
        x, y = (float(rng.uniform(reach, extent - reach)) for extent in (width, height))
        turn = float(rng.uniform(-0.2, 0.2))
        rows = slice(max(0, int(y - reach)), min(height, int(y + reach) + 2))
        columns = slice(max(0, int(x - reach)), min(width, int(x + reach) + 2))
        dy = ((np.arange(rows.start, rows.stop) + 0.5 - y) / side)[:, None]
        dx = ((np.arange(columns.start, columns.stop) + 0.5 - x) / side)[None]
        cos, sin = float(np.cos(turn)), float(np.sin(turn))
        inside = _inside(shape, cos * dx + sin * dy, cos * dy - sin * dx)
        box = (rows, columns)
        covered = np.bincount(owner[box][inside] + 1, minlength=index + 1)[1:]
        if index and bool((covered > 0.3 * whole).any()):
            continue
        owner[box][inside] = index
        return (x, y), box, inside
    return None


def _background(
    rng: np.random.Generator, height: int, width: int, scale: float
) -> NDArray[np.float32]:
    """A muted textured background, float32 [H, W, 3]: cloudy, striped, checked or plain."""
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
    """Smooth noise in [0, 1], float32 [H, W]: a coarse random lattice, bilinearly enlarged."""
    cells = int(rng.integers(3, 10))
    lattice = rng.random((cells + 1, cells + 1), np.float32)
    y, x = np.linspace(0, cells, height, dtype=np.float32), np.linspace(0, cells, width)
    row, column = np.minimum(y.astype(int), cells - 1), np.minimum(x.astype(int), cells - 1)
    lean = (x - column).astype(np.float32)
    lines = lattice[:, column] * (1 - lean) + lattice[:, column + 1] * lean
    drop = (y - row)[:, None]
    return np.asarray(lines[row] * (1 - drop) + lines[row + 1] * drop, np.float32)


def _finish(rng: np.random.Generator, canvas: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Light the canvas from one side, add sensor noise, and round it to uint8."""
    height, width = canvas.shape[:2]
    slope_x, slope_y = rng.uniform(-0.13, 0.13, 2)
    light = (
        rng.uniform(0.9, 1.05)
        + slope_x * np.linspace(-1, 1, width, dtype=np.float32)[None]
        + slope_y * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    ).astype(np.float32)
    canvas = canvas * light[..., None]
    strength = np.float32(max(0.0, rng.uniform(-4, 10)))
    if strength > 0:
        canvas = canvas + strength * rng.standard_normal((height, width, 1), np.float32)
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)
