"""Explain a volume from tomography: its slices are shown as a clip along z in millimetres.

    pip install "token-activation-map[medical]"
    python examples/fields/volume.py [VOLUME.nii.gz | FOLDER_OF_DICOM] [MODEL] [OUT]

Without a file, it uses the sample that comes with nibabel. The bundled models know nothing about
such pictures: the example shows how to open them and where each word's evidence lies, and does not
produce a finding.
"""

import sys
from pathlib import Path

from nibabel.testing import data_path

import tam
from tam.media import open_media


def main() -> None:
    """Explain a volume, and print the slice where the evidence for each word is highest."""
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
