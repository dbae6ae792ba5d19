"""``tam chat``: a conversation line by line, each reply explained."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Revision,
    Sample,
    Seed,
    Stages,
    Start,
)
from tam.cli.reply import reply_options
from tam.defaults import DECODER, MAX_NEW_TOKENS, METHOD
from tam.errors import TamError
from tam.text.printable import one_line

if TYPE_CHECKING:
    from tam.media import Media
    from tam.model.model import Model as LoadedModel
    from tam.model.options import Options


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

    A line "/image FILE" shows a picture, video or folder of frames with your next words.
    """
    from tam.cli.asking import opened_media, sampling_asked
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


_SHOW = "/image "


def talk(
    model: "LoadedModel",
    media: "list[Media]",
    out: Path | None,
    wanted: "Options",
    *,
    opened: "Callable[[str], Media]",
    force: bool = False,
) -> None:
    """Read the user's turns line by line, and print each reply with its words colored.

    A line ``/image FILE`` shows a picture or clip, opened by ``opened``, with the next turn;
    ``wanted`` are the options of each reply.
    """
    from tam.cli.answered import print_model
    from tam.render.terminal import show
    from tam.text.terminal import console

    chat = model.chat()
    terminal = console()
    shown = list(media)
    told: list[str] = []
    while True:
        try:
            said = terminal.input("[bold]> [/]").strip()
        except EOFError:
            return
        if not said:
            return
        try:
            if said.startswith(_SHOW):
                shown.append(opened(typed_name(said.removeprefix(_SHOW).strip())))
                continue
            result = chat.say(said, shown, **wanted)
            shown.clear()  # the conversation keeps them
            show(result, terminal)
            told += print_model(result, told)
            if out is not None:
                folder = out / f"reply-{len(chat.explanations)}"
                terminal.print(result.save(folder, force=force), soft_wrap=True)
        except TamError as error:
            print(f"tam: {one_line(str(error))}", file=sys.stderr)


def typed_name(typed: str) -> str:
    """Read a file's name as a shell would, unless a file has exactly that name.

    Names with spaces come in quotes, or with backslashes if a file was dropped on the terminal.
    """
    with suppress(OSError, ValueError):
        if not Path(typed).exists():
            names = shlex.split(typed, posix=os.name != "nt")
            return names[0].strip("\"'") if len(names) == 1 else typed
    return typed
