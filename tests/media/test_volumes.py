"""DICOM, NIfTI and stacks of pages, held against readings by hand."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from nibabel.testing import data_path
from PIL import Image
from pydicom.data import get_testdata_file

from tam.cli import run
from tam.errors import MediaError
from tam.files.storage import load_explanation, save_explanation
from tam.media import Cut, open_media
from tam.media.volumes import open_dicom, open_nifti, open_pages
from tam.render.table import words_csv
from tests.hand_made import explanation, grid

NIFTI = Path(str(data_path)) / "example4d.nii.gz"


def by_hand(file: pydicom.Dataset, low: float, high: float) -> np.ndarray:
    values = file.pixel_array * float(file.get("RescaleSlope", 1)) + float(
        file.get("RescaleIntercept", 0)
    )
    return np.rint(255 * np.clip((values - low) / (high - low), 0, 1))


def test_a_dicom_file_shows_its_own_pixels() -> None:
    path = get_testdata_file("CT_small.dcm")
    file = pydicom.dcmread(path)
    values = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
    shown = open_media(path)
    assert (shown.kind, shown.name) == ("image", "DICOM CT"), (
        "neither a patient's nor a file's name"
    )
    expected = by_hand(file, values.min(), values.max())
    assert np.array_equal(shown.frames[0, ..., 0], expected)
    assert np.array_equal(shown.frames[0, ..., 1], expected)
    # DICOM's window: from c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2.
    windowed = open_dicom(path, cut=Cut(window=(40, 401))).frames[0, ..., 0]
    assert np.array_equal(windowed, by_hand(file, 39.5 - 200, 39.5 + 200))


def test_slices_are_sorted_by_their_place(tmp_path: Path) -> None:
    file = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    pixels = file.pixel_array
    for index, depth in enumerate((30.0, -10.0, 10.0)):
        file.ImagePositionPatient = [0, 0, depth]
        file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        file.PixelData = np.roll(pixels, int(depth), axis=0).tobytes()
        file.InstanceNumber = index + 1
        file.save_as(tmp_path / f"jane-doe-{index}")
    volume = open_media(tmp_path)
    assert volume.times.tolist() == [-10, 10, 30]
    assert volume.place(1) == "slice 2, z = 10.0 mm"
    assert volume.seconds.tolist() == [0, 0.5, 1], "a model is told no millimetres for seconds"
    single = open_dicom(tmp_path / "jane-doe-1")
    assert np.array_equal(volume.frames[0], single.frames[0])


def test_dark_is_low_also_where_the_file_has_it_the_other_way(tmp_path: Path) -> None:
    file = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    plain = open_dicom(get_testdata_file("CT_small.dcm")).frames
    file.PhotometricInterpretation = "MONOCHROME1"
    file.save_as(tmp_path / "one.dcm")
    assert np.array_equal(open_dicom(tmp_path / "one.dcm").frames, 255 - plain)


def test_places_that_no_file_tells_are_not_made_up(tmp_path: Path) -> None:
    for number in (2, 1):
        file = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        del file.ImagePositionPatient
        file.InstanceNumber = number
        file.save_as(tmp_path / f"{3 - number}.dcm")
    volume = open_dicom(tmp_path)
    assert [volume.place(frame) for frame in range(2)] == ["slice 1", "slice 2"]


def test_a_color_dicom_of_several_frames() -> None:
    path = get_testdata_file("SC_rgb_rle_2frame.dcm")
    shown = open_media(path)
    assert np.array_equal(shown.frames, pydicom.dcmread(path).pixel_array)
    assert shown.axis.frame == "slice"


@pytest.mark.parametrize(("plane", "along"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_a_nifti_volume_is_turned_to_the_patient(plane: str, along: int) -> None:
    image = nibabel.load(NIFTI)
    raw = np.asarray(image.dataobj)[..., 0].astype(np.float32)
    # By hand: each voxel goes where the affine's largest entries say, RAS+.
    order = np.abs(image.affine[:3, :3]).argmax(axis=1)
    turned = raw.transpose(order)
    for axis in range(3):
        if image.affine[axis, order[axis]] < 0:
            turned = np.flip(turned, axis)
    slices = np.moveaxis(turned, along, 0)
    grey = np.rint(255 * (turned - turned.min()) / (turned.max() - turned.min()))
    volume = open_nifti(NIFTI, cut=Cut(plane=plane), max_frames=1000)
    assert volume.frames.shape[:3] == (slices.shape[0], slices.shape[2], slices.shape[1])
    middle = np.moveaxis(grey, along, 0)[len(slices) // 2]
    expected = middle[::-1, ::-1].T  # up is superior or anterior; the right side is at the left
    np.testing.assert_allclose(volume.frames[len(slices) // 2, ..., 0], expected, atol=1)
    assert np.all(np.diff(volume.times) > 0)
    assert volume.axis.symbol == "xyz"[along]


def test_a_volume_is_recognized_by_its_content(tmp_path: Path) -> None:
    assert open_media(NIFTI).name == "NIfTI volume"
    renamed = tmp_path / "scan.jpg"
    renamed.write_bytes(NIFTI.read_bytes())
    assert open_media(renamed).axis.frame == "slice"
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(bytes(128) + b"DICM" + bytes(40))
    with pytest.raises(MediaError, match="cannot be read as DICOM"):
        open_media(damaged)


def test_pages_of_a_tiff_are_a_stack(tmp_path: Path) -> None:
    pages = np.random.default_rng(0).integers(0, 255, (5, 12, 16), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    stack = open_pages(tmp_path / "a.tif")
    assert np.array_equal(stack.frames[..., 0], pages)
    assert stack.place(4) == "page 5"
    ome = tmp_path / "b.ome.tif"
    metadata = {"axes": "ZYX", "PhysicalSizeZ": 0.5, "PhysicalSizeZUnit": "µm"}
    tifffile.imwrite(ome, pages, metadata=metadata, ome=True)
    assert open_pages(ome, max_frames=3).place(2) == "slice 3, z = 2.0 µm"
    # Without a word about slices, a TIFF of several pages is its first picture.
    assert open_media(tmp_path / "a.tif").kind == "image"
    taken = open_media(tmp_path / "a.tif", cut=Cut(slices=(1, 4)))
    assert np.array_equal(taken.frames[..., 0], pages[1:4])
    assert taken.place(0) == "page 1 (2 in the file)"
    assert taken.notes == ("3 pages are taken, from 2 to 4 of 5",)
    with pytest.raises(MediaError, match="page 6 is out of range"):
        open_media(tmp_path / "a.tif", cut=Cut(slices=(1, 6)))


def slide(path: Path) -> np.ndarray:
    """Write a pyramid of two levels, as scanners do: 1024 × 768 pixels and half of them."""
    y, x = np.mgrid[:768, :1024]
    full = np.stack([x // 4, y // 3, (x + y) % 256], axis=-1).astype(np.uint8)
    with tifffile.TiffWriter(path) as file:
        tiles = {"tile": (256, 256), "photometric": "rgb"}
        file.write(full, **tiles)
        file.write(full[::2, ::2], subfiletype=1, **tiles)
    return full


def test_a_region_of_a_slide_at_a_level(tmp_path: Path) -> None:
    full = slide(tmp_path / "jane-doe.tif")
    region = (300, 200, 400, 100)
    taken = open_media(tmp_path / "jane-doe.tif", cut=Cut(region=region, level=0))
    assert np.array_equal(taken.frames[0], full[200:300, 300:700])
    assert taken.name == "slide"
    coarse = open_media(tmp_path / "jane-doe.tif", cut=Cut(region=region, level=1))
    assert np.array_equal(coarse.frames[0], full[200:300:2, 300:700:2])
    (tmp_path / "jane-doe.tif").rename(tmp_path / "jane-doe.svs")
    whole = open_media(tmp_path / "jane-doe.svs")
    assert np.array_equal(whole.frames[0], full)
    assert whole.notes == ("1024 × 768 of 1024 × 768 pixels from (0, 0), level 0 of 0 to 1",)
    for cut, message in (
        (Cut(level=2), "level 2 is out of range"),
        (Cut(region=(900, 0, 200, 10)), "does not lie in the slide of 1024 × 768"),
        (Cut(window=(1, 2)), "a slide has no window; it has region, level"),
    ):
        with pytest.raises(MediaError, match=message):
            open_media(tmp_path / "jane-doe.svs", cut=cut)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--window", "40"], "--window: is of another form; give a centre and a width"),
        (["--window", "40,0"], "window: (40.0, 0.0) is not possible"),
        (["--slices", "0-4"], "--slices: 0-4 is not possible; count from 1"),
        (["--plane", "up"], "plane: up is not possible; use sagittal, coronal, axial"),
        (["--window", "40,400"], "window: photo.png, a picture or clip, has no window"),
        (["--region", "0,0,9,9"], "region: photo.png, a picture or clip, has no region"),
    ],
)
def test_the_command_line_refuses_what_has_no_meaning(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "photo.png")
    given = ["explain", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out")]
    assert run([*given, "-p", "What?", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_the_command_line_takes_a_window_and_slices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["explain", str(NIFTI), "-p", "Describe this video.", "--max-new-tokens", "2"]
    arguments += ["--plane", "coronal", "--slices", "40-43", "--window", "300,400"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 0
    wanted = open_nifti(
        NIFTI, cut=Cut(plane="coronal", slices=(39, 43), window=(300, 400)), max_frames=1000
    )
    shown = load_explanation(tmp_path / "out").media[0]
    assert np.array_equal(shown.frames, wanted.frames)
    assert shown.place(0) == wanted.place(0)
    assert f"from {wanted.place(0)} to {wanted.place(3)}" in capsys.readouterr().err


def test_a_volume_is_told_by_its_slices_everywhere(tmp_path: Path) -> None:
    volume = open_nifti(NIFTI, max_frames=4)
    item = grid(
        0, (4, 4, 5), (0.0, 0.0, volume.width, volume.height), spans=[(i, i + 1) for i in range(4)]
    )
    result = explanation([volume], [item])
    result.maps[11] = 0
    result.maps[11, 2 * 20 + 3] = 1
    save_explanation(result, tmp_path)
    (saved,) = load_explanation(tmp_path).media
    assert saved.axis == volume.axis
    assert saved.place(2) == volume.place(2)
    row = words_csv(result).splitlines()[6]
    assert volume.place(2) in row.replace('"', "")
