"""``python -m tam.photo.training --data DIR`` trains the photo model's projector."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch

from tam.model.assembled import assembled_folder
from tam.photo.training.run import TrainingSettings, train


def main() -> None:
    """Parse the command line and train."""
    defaults = TrainingSettings()
    parser = argparse.ArgumentParser(prog="python -m tam.photo.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the unpacked Debian packages")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to work in, and resume from"
    )
    parser.add_argument("--model", type=Path, help="an assembled photo model")
    parser.add_argument("--pictures", type=int, default=defaults.pictures)
    parser.add_argument("--alignment-steps", type=int, default=defaults.alignment.steps)
    parser.add_argument("--speaking-steps", type=int, default=defaults.speaking.steps)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    settings = TrainingSettings(
        given.pictures,
        given.seed,
        replace(defaults.alignment, steps=given.alignment_steps, seed=given.seed),
        replace(defaults.speaking, steps=given.speaking_steps, seed=given.seed),
    )
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    print(train(given.data, given.model or assembled_folder(), given.out, settings, tell))


if __name__ == "__main__":
    main()
