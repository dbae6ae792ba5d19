"""Options that several commands share: loading, the reply, and media."""

from pathlib import Path
from typing import Annotated

import typer

from tam._version import __version__

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="'photo', 'small' (built in), a hub id, or a folder. Default: TAM_MODEL, else "
        "'photo' if it is assembled, else 'small'.",
    ),
]
Dtype = Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or float16.")]
DeviceMap = Annotated[str | None, typer.Option(help="Device of the model: auto, cpu, cuda:0, …")]
LoadIn = Annotated[str | None, typer.Option(help="Quantise to 4bit or 8bit.")]
Batch = Annotated[
    Path | None,
    typer.Option(
        "--batch", help="items.csv (image, prompt, answer) or a folder of pictures: explain each."
    ),
]
Split = Annotated[
    bool,
    typer.Option(
        "--tp", help="Split the model over processes: torchrun --nproc-per-node 2 -m tam explain …"
    ),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
AllowMissing = Annotated[
    bool,
    typer.Option(
        "--allow-missing", help="Load a model with missing tensors, filled with random numbers."
    ),
]

MaxNewTokens = Annotated[int, typer.Option(min=1, help="Longest answer to write.")]
Sample = Annotated[
    bool, typer.Option("--sample", help="Sample the answer, whatever the model's default.")
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of a sampled answer.")]

Method = Annotated[str, typer.Option("--method", help="Method of explanation, see 'tam methods'.")]
Methods = Annotated[
    str | None,
    typer.Option(
        "--methods", help="Several, such as tam,attention: the report has a switch between them."
    ),
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method-option", metavar="NAME=VALUE", help="An option of the method, such as layer=1."
    ),
]
Refine = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="What the maps go through then, by commas; 'tam methods' lists them.",
    ),
]
Relevance = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="Method whose relevance of earlier words is shown, such as attn-lrp; by default that "
        "of --method.",
    ),
]
Stages = Annotated[
    bool, typer.Option("--stages", help="Also keep each map before scaling and filtering.")
]
CandidateMaps = Annotated[
    int,
    typer.Option(min=0, max=8, help="Number of candidates of each word with a map of their own."),
]
MoreOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Any other option of transformers' generate, or a variable of the model's chat "
        "template, such as temperature=0.7 or enable_thinking=false.",
    ),
]

Fps = Annotated[
    float | None, typer.Option(help="Frames per second that are taken of a video; 2 by default.")
]
NumFrames = Annotated[
    int | None, typer.Option(help="Number of frames of a video, evenly spread, instead of --fps.")
]
MaxFrames = Annotated[
    int | None,
    typer.Option(min=1, help="Largest number of frames, evenly spread; 32 by default."),
]
Start = Annotated[float | None, typer.Option(help="First second of a video.")]
End = Annotated[float | None, typer.Option(help="Last second of a video.")]
Decoder = Annotated[str, typer.Option(help="pyav, or decord or opencv where they agree with it.")]
Window = Annotated[
    str | None,
    typer.Option(metavar="CENTRE,WIDTH", help="Values of DICOM, NIfTI or TIFF that are shown."),
]
Plane = Annotated[
    str | None, typer.Option(help="Slices of a NIfTI volume: axial, coronal or sagittal.")
]
Slices = Annotated[
    str | None,
    typer.Option(metavar="FIRST-LAST", help="Slices of a volume or pages of a TIFF, from 1."),
]
Region = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,WIDTH,HEIGHT", help="Part of a slide, in pixels of its full resolution."
    ),
]
Level = Annotated[
    int | None, typer.Option(help="Resolution of a slide: 0 is the full one, 1 is coarser, …")
]
AllowUrls = Annotated[
    bool, typer.Option("--allow-urls", help="Fetch pictures from http(s) addresses.")
]


Words = Annotated[
    list[str] | None,
    typer.Option("--word", "-w", help="A word by its number or its text; all by default."),
]
Picture = Annotated[
    int | None, typer.Option(help="Number of the only picture or clip, counted from 1.")
]
Frame = Annotated[
    int | None, typer.Option(help="Number of the only frame of a clip, counted from 1.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tam {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the report and its files.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier explanation in --out.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

Pictures = Annotated[bool, typer.Option("--pictures", help="Also write a PNG of each word's map.")]
Embed = Annotated[
    str,
    typer.Option(help="Size of the report's pictures: full (4,096 pixels) or screen (1,600)."),
]
