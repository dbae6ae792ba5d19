"""Explain a model's description of a clip, and write a movie of the maps.

    python examples/visualize_video.py [CLIP] [MODEL] [WORD]

CLIP is a video file or a folder of frames; by default, a view that pans over a generated scene. For
each word the evidence over time is printed. The movie plays the clip once with the map of WORD; by
default, the word whose evidence changes most over time.
"""

import sys

import numpy as np

import tam
from tam.scenes.world import make_scene


def panning_clip(frames: int = 8, side: int = 192) -> tam.Media:
    """Pan a square view from left to right over a wide scene, at two frames a second."""
    wide = make_scene(3, height=side, width=2 * side, objects=(3, 3), scale=side / 128).image
    lefts = np.linspace(0, side, frames).astype(int)
    views = np.stack([wide[:, left : left + side] for left in lefts])
    return tam.Media(views, np.arange(frames) / 2, "panning view", "video")


def main() -> None:
    """Explain one clip and write the movie."""
    clip = sys.argv[1] if len(sys.argv) > 1 else panning_clip()
    model = tam.load(sys.argv[2] if len(sys.argv) > 2 else "small")
    result = model.explain(clip, "Describe this video.", sampling=tam.Sampling(fps=2))
    print(result.text)
    for word in result.words:
        curve = " ".join(f"{value:.2f}" for value in word.over_time())
        print(f"{word.text:>12}  {curve}")
    if len(sys.argv) > 3:
        word = result.phrase(sys.argv[3])
    else:
        word = max(result.words, key=lambda word: float(np.ptp(word.over_time())))
    print(f"the movie shows {word.text!r}")
    print(result.export("visualize_video.mp4", [word], force=True))


if __name__ == "__main__":
    main()
