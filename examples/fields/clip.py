"""A clip of a scanner, as ultrasound gives it: a DICOM file of several frames.

    pip install "token-activation-map[medical]"
    python examples/fields/clip.py [CLIP.dcm] [MODEL] [OUT]

Without a file, a sample that comes with pydicom.
"""

import sys

from pydicom.data import get_testdata_file

import tam
from tam.media import open_media


def main() -> None:
    """Explain a clip, and tell how strong each word is in each of its frames."""
    given = sys.argv[1:] + [""] * 3
    clip = open_media(given[0] or str(get_testdata_file("SC_rgb_rle_2frame.dcm")))
    result = tam.load(given[1] or "small").explain(clip, "Describe this video.")
    for word in result:
        print(word.text, *(f"{value:.2f}" for value in word.over_time(0)))
    print(result.save(given[2] or "clip_out", force=True))


if __name__ == "__main__":
    main()
