"""Explain a clip from a scanner, such as ultrasound: a multi-frame DICOM file.

    pip install "token-activation-map[medical]"
    python examples/fields/clip.py [CLIP.dcm] [MODEL] [OUT]

Without a file, it uses a sample that comes with pydicom.
"""

import sys

from pydicom.data import get_testdata_file

import tam
from tam.media import open_media


def main() -> None:
    """Explain a clip, and print the evidence for each word in each frame."""
    given = sys.argv[1:] + [""] * 3
    clip = open_media(given[0] or str(get_testdata_file("SC_rgb_rle_2frame.dcm")))
    result = tam.load(given[1] or "small").explain(clip, "Describe this video.")
    for word in result:
        print(word.text, *(f"{value:.2f}" for value in word.over_time(0)))
    print(result.save(given[2] or "clip_out", force=True))


if __name__ == "__main__":
    main()
