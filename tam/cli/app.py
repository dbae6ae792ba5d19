"""The commands. Everything heavy is imported inside them, so that help comes at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tam.cli.chat import chat
from tam.cli.checking import Check, CheckableCommand, checked, top_asked
from tam.cli.checking import check as check_saved
from tam.cli.demo import demo
from tam.cli.evaluate import evaluate
from tam.cli.gallery import gallery
from tam.cli.get import get
from tam.cli.listing import exports, methods, metrics, models
from tam.cli.masks import masks
from tam.cli.options import (
    AllowMissing,
    AllowUrls,
    Batch,
    CandidateMaps,
    Decoder,
    DeviceMap,
    Dtype,
    Embed,
    End,
    Force,
    Fps,
    Json,
    LoadIn,
    MaxFrames,
    MaxNewTokens,
    Method,
    MethodOption,
    Methods,
    Model,
    MoreOptions,
    NumFrames,
    Out,
    Pictures,
    Refine,
    Relevance,
    Revision,
    Sample,
    Seed,
    Split,
    Stages,
    Start,
    Version,
)
from tam.cli.reply import explained_by, methods_asked, reply_options
from tam.cli.serve import app as serve_app
from tam.cli.served import AnswerFile, States, explain_served
from tam.cli.verify import verify
from tam.defaults import (
    COLORS,
    DECODER,
    EMBED,
    MAX_NEW_TOKENS,
    METHOD,
    SECONDS,
)
from tam.files.kinds import KINDS
from tam.text.printable import json_text

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation

app = typer.Typer(
    name="tam",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes at once; rich alone would take longer than all else
    help="See, for every word a multimodal LLM says, which part of which picture it came from. "
    "Add --debug to any command for the traceback of an error.",
)


@app.callback()
def program(version: Version = False) -> None:
    """Options that stand before every command."""


Saved = Annotated[Path, typer.Argument(help="A saved explanation: its folder or .json file.")]


@app.command(cls=CheckableCommand)
def explain(
    media: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE", help="Pictures, videos, or folders of frames."),
    ] = None,
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What to ask.")] = "",
    conversation: Annotated[
        Path | None,
        typer.Option(help="A JSON file of messages, instead of pictures and --prompt."),
    ] = None,
    model: Model = None,
    out: Out = Path("out"),
    answer: Annotated[
        str | None, typer.Option(help="Explain this answer instead of the model's own.")
    ] = None,
    batch: Batch = None,
    answer_file: AnswerFile = None,
    states: States = None,
    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    load_in: LoadIn = None,
    tp: Split = False,
    revision: Revision = None,
    allow_missing: AllowMissing = False,
    sample: Sample = False,
    seed: Seed = None,
    method: Method = METHOD,
    methods: Methods = None,
    method_option: MethodOption = None,
    refine: Refine = "",
    relevance: Relevance = None,
    stages: Stages = False,
    candidate_maps: CandidateMaps = 0,
    option: MoreOptions = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show each word with its map while the model writes.")
    ] = False,
    check: Check = None,
    fps: Fps = None,
    num_frames: NumFrames = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    decoder: Decoder = DECODER,
    allow_urls: AllowUrls = False,
    pictures: Pictures = False,
    embed: Embed = EMBED,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Ask about pictures and clips; explain each word of the reply."""
    from tam.cli.asking import opened_conversation, sampling_asked
    from tam.cli.finishing import finish
    from tam.report.embedding import embedded_side
    from tam.report.folder import check_output

    # Errors that need no model are found before one is loaded.
    if batch is None:
        check_output(out, force=force)
    embedded_side(embed)
    top = None if check is None else top_asked(check)
    names = [method] if methods is None else methods_asked(methods, method_option)
    wanted = reply_options(
        answer=answer,
        max_new_tokens=max_new_tokens,
        seed=seed,
        sample=sample,
        method=names[0],
        method_option=method_option,
        refine=refine,
        relevance=relevance,
        stages=stages,
        candidate_maps=candidate_maps,
        option=option,
    )
    loading: dict[str, Any] = {
        "model": model,
        "revision": revision,
        "device_map": device_map,
        "dtype": dtype,
        "load_in": load_in,
        "allow_missing": allow_missing,
    }
    sampling = sampling_asked(fps, num_frames, start, end, max_frames)
    if batch is not None:
        from tam.cli.batch import check_alone, explain_batch, read_items

        items = read_items(batch, prompt)
        check_alone(
            {
                "IMAGE": media,
                "--conversation": conversation,
                "--answer": answer,
                "--answer-file": answer_file,
                "--states": states,
                "--live": live,
                "--check": check,
                "--tp": tp,
                "--json": as_json,
                "--methods": methods,
            }
        )
        opening = {"sampling": sampling, "decoder": decoder, "allow_urls": allow_urls}
        saving = {"force": True, "pictures": pictures, "embed": embed}
        explain_batch(items, out, {**wanted, **opening}, loading, saving)
        return
    if live:
        from tam.cli.live import check_live, print_words

        check_live(as_json=as_json, methods=names)
    asked = opened_conversation(
        media or [],
        prompt,
        conversation,
        sampling=sampling,
        decoder=decoder,
        allow_urls=allow_urls,
    )
    if answer_file is not None or states is not None:
        result = explain_served(
            asked,
            wanted,
            answer_file,
            states,
            {"model": model, "revision": revision, "dtype": dtype},
            {
                "--answer": answer,
                "--device-map": device_map,
                "--load-in": load_in,
                "--tp": tp,
                "--sample": sample,
                "--seed": seed,
                "--live": live,
                "--check": check,
            },
        )
        finish(result, out, as_json, force=force, pictures=pictures, embed=embed)
        return
    from tam.model.loading import load

    loaded = load(**loading, tp_plan="auto" if tp else None)
    others: dict[str, Explanation] = {}
    if live:
        from tam.model.streaming import Stream
        from tam.text.terminal import console

        result = print_words(Stream(loaded, asked, **wanted), console())
    else:
        result, others = explained_by(loaded, asked, wanted, names)
    if check is not None:
        result = checked(loaded, result, top=top)
    finish(result, out, as_json, force=force, pictures=pictures, embed=embed, others=others)
    if tp:
        from tam.model.processes import leave

        leave()


@app.command()
def show(
    saved: Saved,
    word: Annotated[
        str | None,
        typer.Option("--word", "-w", help="A word to show with its map: its number or its text."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a saved explanation, its words colored."""
    from tam.cli.finishing import print_json
    from tam.files.storage import load_explanation

    result = load_explanation(saved)
    if as_json:
        print_json(result, None)
        return
    from tam.cli.export import typed_words
    from tam.render.terminal import show as print_explanation
    from tam.text.terminal import console

    print_explanation(result, console(), None if word is None else typed_words([word])[0])


@app.command()
def export(
    saved: Saved,
    kind: Annotated[
        str | None, typer.Option("--as", help=f"{', '.join(KINDS)}, or one of 'tam exports'.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; its suffix can stand for --as.")
    ] = None,
    word: Annotated[
        list[str] | None,
        typer.Option("--word", "-w", help="A word by its number or its text; all by default."),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="One map for all words that are named.")
    ] = False,
    picture: Annotated[int | None, typer.Option(help="Index of the only picture or clip.")] = None,
    colors: Annotated[str, typer.Option(help="inferno, viridis, turbo or jet.")] = COLORS,
    seconds: Annotated[
        float, typer.Option(help="Seconds for which a movie shows each word over stills.")
    ] = SECONDS,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write a sheet, movie, figure or table of an explanation."""
    from tam.cli.export import exported_file, saved_folder, typed_words
    from tam.files.writing import check_file
    from tam.render.export import export as write
    from tam.render.export import exported_before

    record = saved_folder(saved)
    path = exported_file(saved, kind, out)
    check_file(path, force=force, known=exported_before(record))
    from tam.files.storage import load_explanation

    write(
        load_explanation(saved),
        path,
        typed_words(word) if word else None,
        together=together,
        media=picture,
        colors=colors,
        seconds=seconds,
        force=force,
        record=record,
    )
    print(path.resolve())


@app.command()
def compare(
    first: Saved,
    others: Annotated[list[Path], typer.Argument(help="Others: their folders or .json files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("compare.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Lay saved explanations side by side in one HTML file."""
    from tam.cli.finishing import print_report
    from tam.files.writing import check_file

    check_file(out, force=force)
    from tam.cli.compare import labels_of
    from tam.files.storage import load_explanation
    from tam.report.comparison import compare as write

    saved = [first, *others]
    opened = [load_explanation(path) for path in saved]
    print_report(write(opened, out, labels=labels_of(saved, opened), force=force))


@app.command()
def doctor(as_json: Json = False) -> None:
    """List what this machine has: accelerator, kernels, decoders."""
    from tam.cli.doctor import findings, print_findings

    found = findings()
    if as_json:
        print(json_text([vars(finding) for finding in found]))
    else:
        print_findings(found)
    if not all(finding.works for finding in found if finding.needed):
        raise typer.Exit(3)


for command in (
    demo,
    chat,
    check_saved,
    masks,
    gallery,
    serve_app,
    models,
    methods,
    metrics,
    exports,
    evaluate,
    get,
    verify,
):
    app.command()(command)

COMMANDS = tuple(
    command.callback.__name__ for command in app.registered_commands if command.callback
)
