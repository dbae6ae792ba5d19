"""A volume, as tomography gives it: its slices are shown as a clip along z in millimetres.

    pip install "token-activation-map[medical]"
    python examples/fields/volume.py [VOLUME.nii.gz | FOLDER_OF_DICOM] [MODEL] [OUT]

Without a file, the sample that comes with nibabel. The built-in models know nothing of such
pictures: the example shows how they are opened and where each word's evidence lies, not a finding.
"""

import sys
from pathlib import Path

from nibabel.testing import data_path

import tam
from tam.media import open_media


def main() -> None:
    """Explain a volume, and tell the slice that each word is highest in."""
    given = sys.argv[1:] + [""] * 3
    path = given[0] or str(Path(str(data_path)) / "example4d.nii.gz")
    volume = open_media(path)
    print(f"{volume.name}: {len(volume.frames)} slices, {volume.place(0)} to {volume.place(-1)}")
    result = tam.load(given[1] or "small").explain(volume, "Describe this video.")
    for word in result:
        peak = word.peak()
        print(word.text, "-" if peak is None else volume.place(peak.frame))
    print(result.save(given[2] or "volume_out", force=True))


if __name__ == "__main__":
    main()
