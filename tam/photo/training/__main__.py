"""``python -m tam.photo.training --data DIR`` trains the photo model's projector."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch

from tam.errors import ended_in_one_line
from tam.model.assembled import FROZEN, MORE_QUESTIONS, assembled_folder
from tam.photo.training.run import TrainingSettings, train


def main() -> None:
    """Parse the command line and train."""
    defaults = TrainingSettings()
    parser = argparse.ArgumentParser(prog="python -m tam.photo.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the unpacked Debian packages")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to work in, and resume from"
    )
    parser.add_argument(
        "--model", type=Path, help="an assembled photo model (default: photo-frozen)"
    )
    parser.add_argument("--pictures", type=int, default=defaults.pictures)
    parser.add_argument(
        "--packages",
        nargs="*",
        default=defaults.packages,
        help="Debian packages to use; without a name, all (default: %(default)s)",
    )
    parser.add_argument(
        "--validation",
        action="store_true",
        help="also leave out the nouns on which trainings are compared",
    )
    parser.add_argument("--alignment-steps", type=int, default=defaults.alignment.steps)
    parser.add_argument("--speaking-steps", type=int, default=defaults.speaking.steps)
    parser.add_argument("--speaking-pictures", type=int, default=defaults.speaking.pictures)
    parser.add_argument(
        "--sampled",
        type=float,
        default=defaults.speaking.sampled,
        help="share of pictures in the last stage whose objects are feature-space samples",
    )
    parser.add_argument(
        "--two",
        type=float,
        default=defaults.speaking.two,
        help="share of these pictures that show two objects",
    )
    parser.add_argument(
        "--faintest",
        type=float,
        default=defaults.speaking.faintest,
        help="least margin by which the classifier prefers the class of a sample in them",
    )
    parser.add_argument("--speaking-rate", type=float, default=defaults.speaking.rate)
    parser.add_argument(
        "--asked", type=int, default=defaults.speaking.asked, help="questions about each picture"
    )
    parser.add_argument(
        "--presence",
        type=float,
        default=defaults.speaking.presence,
        help="share of the questions that ask whether an object is in the picture",
    )
    parser.add_argument("--cells", type=int, help="cells of each picture that are shown")
    parser.add_argument(
        "--taught",
        type=int,
        default=defaults.speaking.taught,
        help="single cells per step of the last stage that the tower's classifier teaches",
    )
    parser.add_argument(
        "--more-questions",
        action="store_true",
        help="also ask questions that the shipped model was not trained on: 'What is this?', …",
    )
    parser.add_argument(
        "--start", type=Path, help="a projector to train on, in the last stage only"
    )
    parser.add_argument(
        "--keep-evidence",
        action="store_true",
        help="leave the projector's first layer as it is in the last stage",
    )
    parser.add_argument(
        "--lora",
        type=int,
        metavar="RANK",
        help="also train an adapter of this rank on the language model",
    )
    parser.add_argument(
        "--start-adapter", type=Path, help="an adapter of that rank to train further"
    )
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="compute the language model in bfloat16 on a CPU too",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pictures")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    settings = TrainingSettings(
        given.pictures,
        given.seed,
        tuple(given.packages) if given.packages else None,
        replace(defaults.alignment, steps=given.alignment_steps, seed=given.seed),
        replace(
            defaults.speaking,
            steps=given.speaking_steps,
            pictures=given.speaking_pictures,
            asked=given.asked,
            cells=given.cells,
            questions=MORE_QUESTIONS if given.more_questions else defaults.speaking.questions,
            presence=given.presence,
            sampled=given.sampled,
            two=given.two,
            faintest=given.faintest,
            taught=given.taught,
            rate=given.speaking_rate,
            seed=given.seed,
        ),
        None if given.start is None else str(given.start),
        given.keep_evidence,
        given.lora,
        None if given.start_adapter is None else str(given.start_adapter),
        given.bfloat16,
        given.validation,
    )
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    model = given.model or assembled_folder(FROZEN)
    print(
        train(
            given.data,
            model,
            given.out,
            settings,
            tell,
            device=given.device,
            workers=given.workers,
        )
    )


if __name__ == "__main__":
    with ended_in_one_line():
        main()
