"""Memory and time of one explanation by number of vision tokens, compared with plain generation.

``python -m benchmarks.cost --model small --frames 2 28 58``. Each measurement runs in a separate
process, so that its peak memory includes nothing else. Only Linux reports a process's own peak.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np

import tam
from benchmarks.resident import resident
from tam.errors import ended_in_one_line
from tam.media.media import Media
from tam.prompt.conversation import question
from tam.recording.prepared import prepare

PROMPT = "Describe this."
NEW_TOKENS = 16


def shown(frames: int, side: int) -> Media:
    """Return a picture of noise, or a clip of this many frames."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (frames, side, side, 3), dtype=np.uint8)
    kind = "image" if frames == 1 else "video"
    return Media(pixels, np.arange(frames) / 10, "noise", kind)


def measured(model: str, frames: int, side: int, *, explained: bool) -> dict[str, float]:
    """Answer twice; return vision tokens, peaks in MB (10^6 bytes), CPU seconds of the second."""
    loaded = tam.load(model)
    media = shown(frames, side)
    before = resident("VmHWM")

    def answer() -> int:
        if explained:
            result = loaded.explain(media, PROMPT, max_new_tokens=NEW_TOKENS)
            return result.maps.shape[1]
        prepared = prepare(loaded.checkpoint, question([media], PROMPT))
        loaded.module.generate(**prepared.request.inputs, max_new_tokens=NEW_TOKENS)
        return len(prepared.vision.positions)

    answer()
    begun = time.process_time()
    tokens = answer()
    seconds = time.process_time() - begun
    return {"tokens": tokens, "loaded": before, "peak": resident("VmHWM"), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--model", default="small")
    parser.add_argument("--frames", type=int, nargs="+", default=[1])
    parser.add_argument("--side", type=int, default=208, help="of the picture, in pixels")
    parser.add_argument("--one", choices=("explained", "generated"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        explained = asked.one == "explained"
        print(json.dumps(measured(asked.model, asked.frames[0], asked.side, explained=explained)))
        return
    for frames in asked.frames:
        for one in ("generated", "explained"):
            command = [sys.executable, "-m", "benchmarks.cost", "--model", asked.model]
            command += ["--frames", str(frames), "--side", str(asked.side), "--one", one]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{one:9} {found['tokens']:6,} vision tokens, {found['loaded']:5.0f} MB loaded, "
                f"{found['peak']:5.0f} MB at the peak, {found['seconds']:.2f} CPU s",
                flush=True,
            )


if __name__ == "__main__":
    with ended_in_one_line():
        main()
