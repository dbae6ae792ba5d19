"""``tam chat``: a conversation line by line, each reply explained."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tam.cli.options import (
    AllowMissing,
    AllowUrls,
    CandidateMaps,
    Decoder,
    DeviceMap,
    Dtype,
    End,
    Force,
    Fps,
    LoadIn,
    MaxFrames,
    MaxNewTokens,
    Method,
    MethodOption,
    Model,
    MoreOptions,
    NumFrames,
    Refine,
    Relevance,
    Revision,
    Sample,
    Seed,
    Stages,
    Start,
)
from tam.cli.reply import reply_options
from tam.defaults import DECODER, MAX_NEW_TOKENS, METHOD


def chat(
    image: Annotated[
        list[str] | None,
        typer.Option("--image", "-i", help="A picture or clip to show with your first words."),
    ] = None,
    model: Model = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for a report of each reply.")
    ] = None,
    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    load_in: LoadIn = None,
    revision: Revision = None,
    allow_missing: AllowMissing = False,
    sample: Sample = False,
    seed: Seed = None,
    method: Method = METHOD,
    method_option: MethodOption = None,
    refine: Refine = "",
    relevance: Relevance = None,
    stages: Stages = False,
    candidate_maps: CandidateMaps = 0,
    option: MoreOptions = None,
    fps: Fps = None,
    num_frames: NumFrames = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    decoder: Decoder = DECODER,
    allow_urls: AllowUrls = False,
    force: Force = False,
) -> None:
    """Talk with a model, turn by turn; an empty line ends it.

    A line "/image FILE" shows a picture, video or folder of frames with your next words; "/help"
    prints the other commands.
    """
    from tam.cli.asking import opened_media, sampling_asked
    from tam.cli.talking import talk
    from tam.report.folder import check_output

    if out is not None:
        check_output(out / "reply-1", force=force)
    wanted = reply_options(
        max_new_tokens=max_new_tokens,
        seed=seed,
        sample=sample,
        method=method,
        method_option=method_option,
        refine=refine,
        relevance=relevance,
        stages=stages,
        candidate_maps=candidate_maps,
        option=option,
    )
    sampling = sampling_asked(fps, num_frames, start, end, max_frames)
    opened = partial(opened_media, sampling=sampling, decoder=decoder, allow_urls=allow_urls)
    shown = [opened(name) for name in image or []]
    from tam.model.loading import load

    loaded = load(
        model,
        revision=revision,
        device_map=device_map,
        dtype=dtype,
        load_in=load_in,
        allow_missing=allow_missing,
    )
    talk(loaded, shown, out, wanted, opened=opened, force=force)
