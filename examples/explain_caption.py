"""Explain a caption and print, for every word, where in the picture its evidence is.

    python examples/explain_caption.py [PICTURE] [MODEL]

Without arguments, it uses the bundled picture and model.
"""

import sys
from importlib.resources import files

import tam


def main() -> None:
    """Caption one picture and print a line for each word."""
    picture = sys.argv[1] if len(sys.argv) > 1 else str(files("tam.scenes") / "demo.png")
    model = tam.load(sys.argv[2] if len(sys.argv) > 2 else "small")
    result = model.explain(picture, "Describe this image.")
    print(result.text)
    for word in result:
        peak = word.peak()
        place = f"({peak.x}, {peak.y})" if peak else "nowhere"
        print(f"{word.text:>12}  {word.probability:6.1%}  visual {word.visual:.2f} at {place}")


if __name__ == "__main__":
    main()
