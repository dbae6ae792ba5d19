"""Open volumes and stacks (DICOM, NIfTI, multi-page TIFF) as clips whose axis is not time.

Each library is imported when such a file is opened; ``pip install "token-activation-map[medical]"``
installs all three. The result contains no names of patients, nor of files and folders, which often
include them: a volume is named after its kind.
"""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.defaults import MAX_FRAMES
from tam.errors import MediaError, SetupError
from tam.media.axis import Axis
from tam.media.cut import PLANES, WHOLE, Cut, Window
from tam.media.media import Media
from tam.text.counting import number_of

SLICES: Final = Axis("slice", "z", "mm")
NUMBERED: Final = Axis("slice", "", "")
PAGES: Final = Axis("page", "", "")

_MOST_VALUES: Final = 400_000_000


def open_dicom(path: str | Path, *, cut: Cut = WHOLE, max_frames: int = MAX_FRAMES) -> Media:
    """Open a DICOM file, or a folder of the slices of one series.

    Slices are sorted by their position along the normal of their plane. Values are rescaled as the
    file specifies, and shown in the requested window, the file's first one, or their full range.
    MONOCHROME1 is inverted, so that black means low as in other files.

    Parameters
    ----------
    path
        A file of one or more frames, or a folder.
    cut
        Its ``window`` and ``slices`` are used.
    max_frames
        The maximum number of frames; if there are more, evenly spaced ones are used.

    Raises
    ------
    MediaError
        If it is not DICOM, contains no pictures that can be decoded, or has no such slices.
    SetupError
        If pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise _missing("pydicom") from error
    from pydicom.errors import InvalidDicomError

    cut.check_fits("DICOM", ("window", "slices"))
    try:
        paths = (
            sorted(p for p in Path(path).iterdir() if p.is_file())
            if Path(path).is_dir()
            else [path]
        )
        files = [pydicom.dcmread(item) for item in paths]
        placed = all(_depth(file) is not None for file in files)
        files.sort(key=(lambda file: _depth(file) or 0.0) if placed else _number)
        count = sum(int(f.Rows) * int(f.Columns) * int(f.get("NumberOfFrames") or 1) for f in files)
        _check_size(count, path)
        shown = [frame for file in files for frame in _dicom_frames(file, cut.window)]
    except (
        InvalidDicomError,
        AttributeError,
        EOFError,
        NotImplementedError,  # pydicom raises it for an encoding that no plug-in reads
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise _unreadable(path, "DICOM", error) from error
    spacing = files[0].get("SpacingBetweenSlices")
    places, axis = np.arange(len(shown), dtype=np.float64), NUMBERED
    if len(shown) == len(files) and placed:
        places, axis = np.array([_depth(file) for file in files], np.float64), SLICES
    elif len(files) == 1 and spacing:
        places, axis = places * float(spacing), SLICES
    name = " ".join(["DICOM", str(files[0].get("Modality", "")).strip()]).strip()
    return _volume(shown, places, name, axis, cut, max_frames)


def open_nifti(path: str | Path, *, cut: Cut = WHOLE, max_frames: int = MAX_FRAMES) -> Media:
    """Open a NIfTI volume, reoriented to right-anterior-superior axes (RAS+).

    Parameters
    ----------
    path
        A ``.nii`` or ``.nii.gz`` file.
    cut
        Its ``plane``, ``window`` and ``slices`` are used. Anterior or superior is up; the patient's
        right is on the left, as is usual in radiology.
    max_frames
        As in :func:`open_dicom`.

    Raises
    ------
    MediaError
        If it is not NIfTI, or the slices are out of range.
    SetupError
        If nibabel is not installed.
    """
    try:
        import nibabel as library
    except ImportError as error:
        raise _missing("nibabel") from error
    nibabel: Any = library  # the library has no type annotations
    cut.check_fits("NIfTI", ("plane", "window", "slices"))
    try:
        with _unzipped(path) as stream:
            kinds = (nibabel.Nifti1Image, nibabel.Nifti2Image)
            head = stream.read(nibabel.Nifti2Image.header_class.sizeof_hdr)
            kind = next((k for k in kinds if k.header_class.may_contain_header(head)), kinds[0])
            stream.seek(0)
            read = kind.from_stream(stream)
            _check_size(int(np.prod(read.shape, dtype=object)), path)
            image = nibabel.as_closest_canonical(read)
            values = np.asarray(image.get_fdata(dtype=np.float32))
    except (
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
        EOFError,
        OSError,
        ValueError,
        zlib.error,
    ) as error:
        raise _unreadable(path, "NIfTI", error) from error
    while values.ndim > 3:
        values = values[..., 0]
    along = PLANES[cut.plane or "axial"]
    slices = np.moveaxis(values, along, 0)
    # The first of the remaining axes runs from left to right, or from posterior to anterior.
    turned = slices[:, ::-1, ::-1].transpose(0, 2, 1)
    places = nibabel.affines.apply_affine(
        image.affine, np.eye(3)[along] * np.arange(len(slices))[:, None]
    )[:, along]
    axis = Axis("slice", "xyz"[along], "mm")
    return _volume(_windowed(turned, cut.window), places, "NIfTI volume", axis, cut, max_frames)


def open_pages(path: str | Path, *, cut: Cut = WHOLE, max_frames: int = MAX_FRAMES) -> Media:
    """Open a TIFF of several pages, or the planes of an OME-TIFF, as a stack.

    Parameters
    ----------
    path
        The file.
    cut
        Its ``window`` and ``slices`` are used.
    max_frames
        As in :func:`open_dicom`.

    Raises
    ------
    MediaError
        If it cannot be read, its pages are of different sizes, or it has no such pages.
    SetupError
        If tifffile is not installed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise _missing("tifffile") from error
    cut.check_fits("a TIFF stack", ("window", "slices"))
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            values, axes = series.asarray(), series.axes
            spacing = _ome_spacing(file)
    except (tifffile.TiffFileError, OSError, ValueError, IndexError) as error:
        raise _unreadable(path, "TIFF", error) from error
    color = axes.endswith("S") and values.shape[-1] in (3, 4)
    grey = values if color else values[..., None]
    pages = grey.reshape(-1, *grey.shape[-3:])[..., :3]
    plain = pages.dtype == np.uint8 and cut.window is None
    frames = list(pages if plain else _windowed(pages, cut.window))
    axis = PAGES if spacing is None else Axis("slice", "z", "µm")
    places = np.arange(len(frames), dtype=np.float64) * (spacing or 1.0)
    return _volume(frames, places, "TIFF stack", axis, cut, max_frames)


def _unzipped(path: str | Path) -> Any:
    """Open a file, decompressing it if it is gzipped."""
    with Path(path).open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else Path(path).open("rb")


def _check_size(values: int, path: str | Path) -> None:
    if values > _MOST_VALUES:
        raise MediaError(
            f"holds {values:,} values, over {_MOST_VALUES:,}",
            where=Path(path).name,
            remedy="cut out or reduce the part that matters",
        )


def _dicom_frames(file: Any, window: Window | None) -> list[NDArray[np.uint8]]:
    """Return the frames of a file, each uint8 [H, W, 1 or 3]."""
    from pydicom.pixels.processing import apply_rescale, convert_color_space

    pixels = file.pixel_array
    if int(file.get("SamplesPerPixel", 1)) == 3:
        kind = str(file.PhotometricInterpretation)
        if kind.startswith("YBR"):
            pixels = convert_color_space(pixels, kind, "RGB")
        return list(pixels.reshape(-1, *pixels.shape[-3:]).astype(np.uint8))
    values = apply_rescale(pixels, file).astype(np.float64)
    values = values.reshape(-1, *values.shape[-2:])
    shown = _windowed(values, window or _own_window(file))
    if str(file.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        shown = 255 - shown
    return list(shown[..., None])


def _own_window(file: Any) -> Window | None:
    centre, width = file.get("WindowCenter"), file.get("WindowWidth")
    if centre is None or width is None:
        return None
    first = [item[0] if isinstance(item, Sequence) else item for item in (centre, width)]
    return float(first[0]), float(first[1])


def _number(file: Any) -> float:
    """Return the number of a slice in its series, by which slices without a place are sorted."""
    return float(file.get("InstanceNumber") or 0)


def _depth(file: Any) -> float | None:
    """Return a slice's position along the normal of its plane, in mm; None if not stated."""
    position, directions = file.get("ImagePositionPatient"), file.get("ImageOrientationPatient")
    if position is None or directions is None:
        return None
    row, column = np.array(directions[:3], float), np.array(directions[3:], float)
    return float(np.cross(row, column) @ np.array(position, float))


def _windowed(values: NDArray[Any], window: Window | None) -> NDArray[np.uint8]:
    """Map a DICOM linear window (PS3.3 C.11.2.1.2.1), or the full range, to 0 … 255."""
    known = values.astype(np.float64)
    if window is None:
        finite = known[np.isfinite(known)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        scaled = (known - low) / max(high - low, 1e-12)
    else:
        centre, width = window
        scaled = (known - (centre - 0.5)) / max(width - 1, 1e-12) + 0.5
    whole = np.rint(255 * np.clip(np.nan_to_num(scaled), 0, 1))
    result: NDArray[np.uint8] = whole.astype(np.uint8)
    return result


def _ome_spacing(file: Any) -> float | None:
    """Return the spacing of an OME-TIFF's planes, in µm; None if not stated."""
    import re

    found = re.search(r'PhysicalSizeZ="([0-9.eE+-]+)"', file.ome_metadata or "")
    return float(found[1]) if found else None


def _volume(
    shown: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
    places: NDArray[np.float64],
    name: str,
    axis: Axis,
    cut: Cut,
    max_frames: int,
) -> Media:
    if len({frame.shape for frame in shown}) > 1:
        raise MediaError(
            "its slices are of different sizes", where=name, remedy="give the slices of one series"
        )
    first, behind = cut.slices or (0, len(shown))
    if behind > len(shown):
        raise MediaError(
            f"{axis.frame} {number_of(behind - 1)} is out of range (1 to {len(shown)})",
            where=name,
            remedy="give other numbers",
        )
    count = behind - first
    taken = first + np.unique(
        np.rint(np.linspace(0, count - 1, min(count, max_frames))).astype(int)
    )
    frames = np.stack([shown[index] for index in taken])
    if frames.ndim == 3:
        frames = frames[..., None]
    frames = np.ascontiguousarray(np.broadcast_to(frames, (*frames.shape[:3], 3)))
    less: tuple[str, ...] = ()
    if len(taken) < len(shown):
        numbers = f"from {number_of(first)} to {number_of(behind - 1)} of {len(shown)}"
        less = (f"{len(taken)} {axis.frame}s are taken, {numbers}",)
    kind = "video" if len(taken) > 1 else "image"
    return Media(frames, np.asarray(places, float)[taken], name, kind, less, axis=axis)


def _unreadable(path: str | Path, kind: str, error: Exception) -> MediaError:
    return MediaError(
        f"cannot be read as {kind}: {error}",
        where=Path(path).name,
        remedy="give another file, or convert it to PNG",
    )


def _missing(name: str) -> SetupError:
    return SetupError(
        f"{name} is not installed",
        where="medical files",
        remedy='pip install "token-activation-map[medical]"',
    )
