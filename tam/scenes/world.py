"""Generated scenes with exact masks: colored shapes on textured backgrounds.

A scene is a function of its seed and of the requested size and object counts. Lengths are in pixels
of a reference picture of 128 x 128, so a larger canvas shows more space, not larger objects;
``scale`` renders the same scene at another resolution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.scenes.drawing import EXTENT, Box, Mask, background, finish, stamp

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
"""Combinations of color and shape that never occur in training scenes."""


@dataclass(frozen=True)
class Split:
    """A range of seeds. ``combinations`` is "seen" (no held-out pair), "any" or "held-out"."""

    start: int
    stop: int
    combinations: str


SPLITS: dict[str, Split] = {
    "train": Split(0, 1_000_000_000, "seen"),
    "validation": Split(1_000_000_000, 1_100_000_000, "seen"),
    "test": Split(1_100_000_000, 1_200_000_000, "seen"),
    "combinations": Split(1_200_000_000, 1_300_000_000, "held-out"),
}


@dataclass(frozen=True)
class Difficulty:
    """A kind of scene: object counts, sizes, and what the first two objects have in common."""

    objects: tuple[int, int] = (1, 4)
    sizes: tuple[str, ...] = SIZES
    shared: str | None = None


DIFFICULTIES: dict[str, Difficulty] = {
    "one object": Difficulty((1, 1)),
    "same color": Difficulty((2, 4), shared="color"),
    "same shape": Difficulty((2, 4), shared="shape"),
    "many objects": Difficulty((4, 4)),
    "small objects": Difficulty(sizes=("small",)),
}
"""Difficulties by name. Unseen combinations are a split of their own, ``combinations``."""


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
        """The words that name the object: (color, shape), unique in its scene."""
        return self.color, self.shape


@dataclass(frozen=True)
class Scene:
    """A rendered scene: picture uint8 [H, W, 3] RGB and its objects from left to right."""

    seed: int
    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]

    def owner(self) -> NDArray[np.int8]:
        """Return the index of the object that each pixel shows, int8 [H, W]; -1 is background."""
        owner = np.full(self.image.shape[:2], -1, np.int8)
        for index, item in enumerate(self.objects):
            owner[item.mask] = index
        return owner


def split_of(seed: int) -> str:
    """Return the name of a seed's split. Raises ValueError if it belongs to none."""
    for name, split in SPLITS.items():
        if split.start <= seed < split.stop:
            return name
    raise ValueError(f"seed {seed} belongs to no split; choose one below {split.stop}")


def split_seed(split: str, index: int) -> int:
    """Return the seed of scene ``index`` of a split. Raises ValueError beyond the split's end."""
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
    difficulty: str | None = None,
    *,
    without: int | None = None,
) -> Scene:
    """Generate the scene of a seed.

    Parameters
    ----------
    seed : int
        Determines the scene; its split determines the allowed combinations.
    height, width : int
        Size of the picture in pixels.
    objects : tuple of int
        Least and greatest number of objects. Fewer are shown if the canvas is too small.
    scale : float
        Pixels per pixel of the reference picture: 2 shows each object twice as wide.
    difficulty : str, optional
        One of `DIFFICULTIES`, instead of ``objects``.
    without : int, optional
        Index of an object to leave out. Everything else equals the whole scene in every pixel
        (background, light, noise, other objects), except that parts it hid become visible.

    Returns
    -------
    Scene
        Objects are sorted by the x coordinate of their centres; masks have only visible pixels.
    """
    combinations = SPLITS[split_of(seed)].combinations
    kind = DIFFICULTIES[difficulty] if difficulty else Difficulty(objects)
    rng = np.random.default_rng(seed)
    canvas = background(rng, height, width, scale)
    owner = np.full((height, width), -1, np.int8)
    placed: list[tuple[str, str, str, tuple[float, float]]] = []
    painted: list[tuple[Box, Mask, NDArray[np.float32]]] = []
    for _ in range(int(rng.integers(kind.objects[0], kind.objects[1] + 1))):
        free = free_pairs(combinations, [item[:2] for item in placed], kind.shared)
        color, shape = free[int(rng.integers(len(free)))]
        size = kind.sizes[int(rng.integers(2)) % len(kind.sizes)]
        where = _place(rng, shape, size, owner, len(placed), scale)
        if where is None:
            continue
        size, center, box, inside = where
        tone = np.array(COLORS[color], np.float32) + rng.uniform(-12, 12, 3).astype(np.float32)
        painted.append((box, inside, tone))
        placed.append((color, shape, size, center))
    order = sorted(range(len(placed)), key=lambda index: placed[index][3])
    left_out = None if without is None else order.pop(without)
    owner[:] = -1
    for index, (box, inside, tone) in enumerate(painted):
        if index != left_out:
            owner[box][inside] = index
            canvas[box][inside] = tone
    image = finish(rng, canvas)
    items = [SceneObject(*placed[index], owner == index) for index in order]
    return Scene(seed, image, tuple(items))


def free_pairs(
    combinations: str, placed: list[tuple[str, str]], shared: str | None
) -> list[tuple[str, str]]:
    """Return the (color, shape) pairs that the next object may have."""
    held_out = combinations == "held-out" and not placed
    allowed = combinations if held_out or combinations == "seen" else "any"
    pairs = [
        (color, shape)
        for color in COLORS
        for shape in SHAPES
        if (color, shape) not in placed
        and (allowed == "any" or ((color, shape) in HELD_OUT) == held_out)
    ]
    if shared and len(placed) == 1:
        at = ("color", "shape").index(shared)
        pairs = [pair for pair in pairs if pair[at] == placed[0][at]]
    return pairs


def _place(
    rng: np.random.Generator,
    shape: str,
    size: str,
    owner: NDArray[np.int8],
    index: int,
    scale: float,
) -> tuple[str, tuple[float, float], Box, Mask] | None:
    """Find room for an object in front of the others and mark its pixels in ``owner``.

    The size becomes "small" if the canvas is too small for a large object. At least 70 % of every
    object behind it stays visible. Returns None if there is no room.
    """
    height, width = owner.shape
    whole = np.bincount(owner.ravel() + 1, minlength=index + 1)[1:]
    for _ in range(24):
        side = scale * float(np.sqrt(rng.uniform(*AREAS[size])))
        reach = EXTENT[shape] * side
        if 2 * reach + 1 > min(height, width):
            size = "small"
            continue
        x, y = (float(rng.uniform(reach, extent - reach)) for extent in (width, height))
        turn = float(rng.uniform(-0.2, 0.2))
        box, inside = stamp(shape, side, turn, (x, y), (height, width))
        covered = np.bincount(owner[box][inside] + 1, minlength=index + 1)[1:]
        if index and bool((covered > 0.3 * whole).any()):
            continue
        owner[box][inside] = index
        return size, (x, y), box, inside
    return None
