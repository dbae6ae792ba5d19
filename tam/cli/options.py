"""The options that several commands share: how a model is loaded, asked, and shown media."""

from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="'photo', 'small' (built in), a hub id, or a folder. Without it: TAM_MODEL, else "
        "'photo' if it was assembled, else 'small'.",
    ),
]
Dtype = Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or float16.")]
DeviceMap = Annotated[str | None, typer.Option(help="auto, cpu, cuda:0, …: where the model goes.")]
LoadIn = Annotated[str | None, typer.Option(help="4bit or 8bit: quantise.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]

MaxNewTokens = Annotated[int, typer.Option(min=1, help="Longest answer to write.")]
Sample = Annotated[
    bool, typer.Option("--sample", help="Sample the answer, in place of the model's default.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of a sampled answer.")]

Fps = Annotated[float, typer.Option(help="Frames a second that are taken of a video.")]
NumFrames = Annotated[
    int | None, typer.Option(help="Frames of a video, evenly spread, in place of --fps.")
]
MaxFrames = Annotated[
    int, typer.Option(min=1, help="Budget of frames; evenly spread where more are asked for.")
]
Start = Annotated[float, typer.Option(help="First second of a video.")]
End = Annotated[float | None, typer.Option(help="Last second of a video.")]
Decoder = Annotated[str, typer.Option(help="pyav, decord or opencv.")]
AllowUrls = Annotated[
    bool, typer.Option("--allow-urls", help="Fetch pictures from http(s) addresses.")
]

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
