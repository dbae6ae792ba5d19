"""Tensors of untrusted safetensors files, each checked before it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tam.errors import SavedFileError
from tam.files.fields import REMEDY
from tam.files.reading import check_regular

_LARGEST_HEADER = 16 * 2**20


@contextmanager
def open_tensors(
    path: Path, *, framework: str = "numpy", remedy: str = REMEDY
) -> Iterator["SavedTensors"]:
    """Open a safetensors file.

    Parameters
    ----------
    path
        The file.
    framework
        The type of the tensors: ``"numpy"``, or ``"pt"`` for torch, which supports bfloat16.
    remedy
        The remedy that errors suggest.

    Raises
    ------
    SavedFileError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise SavedFileError(
            "is missing", where=str(path), remedy="keep both files in the same folder"
        )
    size = check_regular(path, remedy=remedy).st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
    if min(length, size) > _LARGEST_HEADER:
        raise SavedFileError(
            f"has a header of {length} bytes; the limit is {_LARGEST_HEADER}",
            where=str(path),
            remedy=remedy,
        )
    try:
        opened = safe_open(str(path), framework=framework)
    except (SafetensorError, OSError) as error:
        raise SavedFileError(f"cannot be read: {error}", where=str(path), remedy=remedy) from error
    with opened as file:
        yield SavedTensors(path, file, remedy)


class SavedTensors:
    """A safetensors file whose tensors' dtypes and shapes are checked before they are read."""

    def __init__(self, path: Path, file: Any, remedy: str = REMEDY) -> None:
        self.path = path
        self._remedy = remedy
        self._file = file
        self._names = frozenset(file.keys())

    def has(self, name: str) -> bool:
        """Whether the file holds a tensor."""
        return name in self._names

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        return dict(self._file.metadata() or {})

    def kind(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return a tensor's dtype, such as ``"BF16"``, and its shape, without reading it."""
        if name not in self._names:
            self.refuse(f"holds no tensor {name}")
        found = self._file.get_slice(name)
        return str(found.get_dtype()), tuple(found.get_shape())

    def whole(self, name: str) -> Any:
        """Read a tensor whose dtype and shape the caller has checked."""
        return self._file.get_tensor(name)

    def read(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Read a tensor; None in ``shape`` allows any length."""
        kind, lengths = self.kind(name)
        fits = len(lengths) == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, lengths, strict=True)
        )
        if kind != dtype or not fits:
            wanted_shape = ["any" if length is None else length for length in shape]
            self.refuse(f"tensor {name} is {kind} {list(lengths)}, not {dtype} {wanted_shape}")
        tensor: NDArray[Any] = self._file.get_tensor(name)
        return tensor

    def read_within(
        self, name: str, dtype: str, shape: tuple[int | None, ...], low: float, high: float
    ) -> NDArray[Any]:
        """Read a tensor whose values are finite and lie within two limits."""
        tensor = self.read(name, dtype, shape)
        # Comparisons with NaN are false, so NaN is refused too.
        if not np.all((tensor >= low) & (tensor <= high) & np.isfinite(tensor)):
            self.refuse(f"tensor {name} holds values that are not within {low:g} and {high:g}")
        return tensor

    def read_known(
        self, name: str, dtype: str, shape: tuple[int | None, ...], low: float, high: float
    ) -> NDArray[Any]:
        """Read a tensor whose values lie within two limits, or are NaN where they are not known."""
        tensor = self.read(name, dtype, shape)
        inside = (tensor >= low) & (tensor <= high) & np.isfinite(tensor)
        if not np.all(inside | np.isnan(tensor)):
            self.refuse(
                f"tensor {name} holds values that are neither within {low:g} and {high:g} nor NaN"
            )
        return tensor

    def refuse(self, what: str, cause: Exception | None = None) -> NoReturn:
        """Raise SavedFileError for this file."""
        raise SavedFileError(what, where=str(self.path), remedy=self._remedy) from cause
