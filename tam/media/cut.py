"""What is taken of a volume, a stack of pages or a slide, and how its values are shown."""

from dataclasses import dataclass, fields
from typing import Final

from tam.errors import MediaError

Window = tuple[float, float]
"""Centre and width of the values that are shown, from black to white."""

PLANES: Final = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The planes of a volume, and the axis in RAS+ that each is normal to."""


@dataclass(frozen=True)
class Cut:
    """What is taken of a volume, a stack of pages or a slide.

    Parameters
    ----------
    window
        Centre and width of the values that are shown from black to white, in the file's rescaled
        values; None for the file's own, or all values.
    plane
        Slices of a NIfTI volume: ``"axial"`` (if None), ``"coronal"`` or ``"sagittal"``.
    slices
        Index of the first slice or page that is taken and of the first that is not; None for all.
    region
        Left, top, width and height of the part of a slide, in pixels of its full resolution; None
        for the whole.
    level
        Resolution of the slide: 0 is the full one, each further one is coarser. None for the finest
        whose part has no more than `tam.media.slides.LARGEST` pixels.

    Raises
    ------
    MediaError
        If a value is not possible.

    Examples
    --------
    >>> cut = tam.Cut(window=(40, 400), slices=(10, 30))                # doctest: +SKIP
    >>> model.explain("SERIES/", "What is bright?", cut=cut)            # doctest: +SKIP
    """

    window: Window | None = None
    plane: str | None = None
    slices: tuple[int, int] | None = None
    region: tuple[int, int, int, int] | None = None
    level: int | None = None

    def __post_init__(self) -> None:
        first, behind = self.slices or (0, 1)
        left, top, width, height = self.region or (0, 0, 1, 1)
        wrong = {
            "window": self.window is not None and not self.window[1] > 0,
            "plane": self.plane is not None and self.plane not in PLANES,
            "slices": not 0 <= first < behind,
            "region": min(left, top) < 0 or min(width, height) < 1,
            "level": self.level is not None and self.level < 0,
        }
        remedies = {
            "window": "give a centre and a width above 0",
            "plane": f"use {', '.join(PLANES)}",
            "slices": "name a first one and a later end",
            "region": "give left, top, width and height in pixels",
            "level": "count from 0",
        }
        for name in (name for name, bad in wrong.items() if bad):
            raise MediaError(
                f"{getattr(self, name)} is not possible", where=name, remedy=remedies[name]
            )

    def check_fits(self, kind: str, names: tuple[str, ...]) -> None:
        """Refuse what has no meaning for a kind of file.

        Parameters
        ----------
        kind
            What the file is, for the message.
        names
            The fields that it has a use for.

        Raises
        ------
        MediaError
            If another field is set.
        """
        for item in fields(self):
            if item.name not in names and getattr(self, item.name) is not None:
                can = f"it has {', '.join(names)}" if names else "leave it out"
                raise MediaError(f"{kind} has no {item.name}", where=item.name, remedy=can)


WHOLE: Final = Cut()
"""Everything, as the file says."""
