"""Short generated clips of moving shapes, with exact masks for every object and frame.

Like a scene, a clip is a function of its seed only: one or two objects on one background, each
still or moving in a straight line at constant speed, inside the picture or across its edge, in
front of the other or behind it. An object that cannot stay in view on a small canvas is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.scenes.drawing import EXTENT, background, finish, stamp
from tam.scenes.world import AREAS, COLORS, SIZES, SPLITS, free_pairs, split_of

FRAMES = 6
MOTIONS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}
"""Directions (x, y) of moving objects; "still" names the others."""

SPEEDS = (8.0, 18.0)
"""Least and greatest speed, in pixels of the reference picture for each frame."""

PRESENT = 0.5
"""Share of an object's area that must be visible for the object to count as shown."""


@dataclass(frozen=True)
class MovingObject:
    """One object of a clip: its words, its centre (x, y) in each frame, its visible masks.

    ``mask`` is bool [T, H, W]; ``area`` is the number of pixels of the whole object; ``behind`` is
    the index of the object that it passes behind, if any.
    """

    color: str
    shape: str
    size: str
    motion: str
    centers: tuple[tuple[float, float], ...]
    mask: NDArray[np.bool_]
    area: int
    behind: int | None

    @property
    def pair(self) -> tuple[str, str]:
        """The words that name the object: (color, shape), unique in its clip."""
        return self.color, self.shape

    def shown(self) -> NDArray[np.bool_]:
        """Return which frames show enough of the object to count, bool [T]."""
        return np.asarray(self.mask.sum(axis=(1, 2)) >= PRESENT * self.area)


@dataclass(frozen=True)
class Clip:
    """A rendered clip: frames uint8 [T, H, W, 3] and objects from left to right at its start."""

    seed: int
    frames: NDArray[np.uint8]
    objects: tuple[MovingObject, ...]


@dataclass(frozen=True)
class _Path:
    """How one object is drawn: its words, the square root of its area, its rotation and centres."""

    pair: tuple[str, str]
    size: str
    motion: str
    side: float
    turn: float
    centers: tuple[tuple[float, float], ...]


def make_clip(
    seed: int,
    height: int = 128,
    width: int = 128,
    scale: float = 1.0,
    *,
    without: int | None = None,
) -> Clip:
    """Generate the clip of a seed; the arguments are those of `tam.scenes.world.make_scene`.

    An object that is left out is missing from every frame.

    Raises ValueError for a seed that belongs to no split.
    """
    combinations = SPLITS[split_of(seed)].combinations
    rng = np.random.default_rng([seed, 2])
    ground = background(rng, height, width, scale)
    paths: list[_Path] = []
    owner = np.full((FRAMES, height, width), -1, np.int8)
    for _ in range(int(rng.integers(1, 3))):
        free = free_pairs(combinations, [path.pair for path in paths], None)
        pair = free[int(rng.integers(len(free)))]
        for _ in range(24):
            path = _path(rng, pair, paths, (height, width), scale)
            trial = _painted(owner, path, len(paths))
            if all(_shown(trial, other, at) for at, other in enumerate([*paths, path])):
                owner = trial
                paths.append(path)
                break
    tones = [
        np.array(COLORS[path.pair[0]], np.float32) + rng.uniform(-12, 12, 3).astype(np.float32)
        for path in paths
    ]
    if without is not None:
        left_out = _order(paths)[without]
        del paths[left_out], tones[left_out]
        owner[:] = -1
        for index, path in enumerate(paths):
            owner = _painted(owner, path, index)
    canvas = np.repeat(ground[None], FRAMES, axis=0)
    for index, tone in enumerate(tones):
        canvas[owner == index] = tone
    return Clip(seed, finish(rng, canvas), _objects(paths, owner))


def _path(
    rng: np.random.Generator,
    pair: tuple[str, str],
    others: list[_Path],
    canvas: tuple[int, int],
    scale: float,
) -> _Path:
    """Draw a path; with even odds it meets the previous object in some frame."""
    size = SIZES[int(rng.integers(2))]
    side = scale * float(np.sqrt(rng.uniform(*AREAS[size])))
    reach = EXTENT[pair[1]] * side
    moves = not others or rng.random() < 0.5
    motion = str(rng.choice(list(MOTIONS))) if moves else "still"
    step = scale * float(rng.uniform(*SPEEDS))
    along = MOTIONS.get(motion, (0, 0))
    at = int(rng.integers(FRAMES))
    height, width = canvas
    x, y = (float(rng.uniform(reach, max(reach, e - reach))) for e in (width, height))
    if others and rng.random() < 0.5:
        x, y = others[-1].centers[at]
    centers = tuple(
        (x + along[0] * step * (frame - at), y + along[1] * step * (frame - at))
        for frame in range(FRAMES)
    )
    return _Path(pair, size, motion, side, float(rng.uniform(-0.2, 0.2)), centers)


def _painted(owner: NDArray[np.int8], path: _Path, index: int) -> NDArray[np.int8]:
    """Return the owners [T, H, W] with one more object in front of all others."""
    painted = owner.copy()
    for frame, center in enumerate(path.centers):
        box, inside = stamp(
            path.pair[1], path.side, path.turn, center, (owner.shape[1], owner.shape[2])
        )
        painted[frame][box][inside] = index
    return painted


def _area(path: _Path) -> int:
    """Count the pixels of the whole object, as if nothing hid it."""
    room = int(4 * path.side)
    return int(stamp(path.pair[1], path.side, path.turn, (room / 2,) * 2, (room,) * 2)[1].sum())


def _shown(owner: NDArray[np.int8], path: _Path, index: int) -> bool:
    """Whether at least half of the frames show enough of an object."""
    visible = (owner == index).sum(axis=(1, 2)) >= PRESENT * _area(path)
    return bool(visible.sum() >= FRAMES // 2)


def _order(paths: list[_Path]) -> list[int]:
    """Return the indices of the objects from left to right in the first frame."""
    return sorted(range(len(paths)), key=lambda index: paths[index].centers[0])


def _objects(paths: list[_Path], owner: NDArray[np.int8]) -> tuple[MovingObject, ...]:
    """Return the objects from left to right; one is behind another that hides a tenth of it."""
    order = _order(paths)
    alone = np.full_like(owner, -1)
    items = []
    for index in order:
        path = paths[index]
        hidden = (_painted(alone, path, index) == index) & (owner != index)
        covers = [
            at
            for at, front in enumerate(order)
            if front != index
            and ((owner == front) & hidden).sum(axis=(1, 2)).max() >= 0.1 * _area(path)
        ]
        items.append(
            MovingObject(
                *path.pair,
                path.size,
                path.motion,
                path.centers,
                owner == index,
                _area(path),
                covers[0] if covers else None,
            )
        )
    return tuple(items)
