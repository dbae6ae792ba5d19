"""The commands. They import heavy modules when they run, so that help appears at once."""

from pathlib import Path
from typing import Annotated

import typer

from tam.cli.chat import chat
from tam.cli.checking import CheckableCommand
from tam.cli.checking import check as check_saved
from tam.cli.demo import demo
from tam.cli.evaluate import evaluate
from tam.cli.explain import explain
from tam.cli.gallery import gallery
from tam.cli.get import get
from tam.cli.listing import exports, methods, metrics, models
from tam.cli.masks import masks
from tam.cli.options import Frame, Json, Picture, Version, Words
from tam.cli.serve import app as serve_app
from tam.cli.verify import verify
from tam.defaults import COLORS, SECONDS
from tam.files.kinds import KINDS
from tam.text.counting import RULE
from tam.text.printable import json_text

app = typer.Typer(
    name="tam",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help; importing rich would take longer than all else
    help="See, for every word a multimodal LLM says, which part of which picture it came from. "
    "Add --debug to any command for the traceback of an error. " + RULE,
)


@app.callback()
def program(version: Version = False) -> None:
    """Options that stand before every command."""


Saved = Annotated[Path, typer.Argument(help="A saved explanation: its folder or .json file.")]


app.command(cls=CheckableCommand)(explain)


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
    from tam.cli.numbers import word_named
    from tam.render.terminal import show as print_explanation
    from tam.text.terminal import console

    print_explanation(result, console(), None if word is None else word_named(word, result))


@app.command()
def export(
    saved: Saved,
    kind: Annotated[
        str | None, typer.Option("--as", help=f"{', '.join(KINDS)}, or one of 'tam exports'.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; its suffix can stand for --as.")
    ] = None,
    word: Words = None,
    together: Annotated[
        bool, typer.Option("--together", help="One map for all words that are named.")
    ] = False,
    picture: Picture = None,
    frame: Frame = None,
    colors: Annotated[str, typer.Option(help="inferno, viridis, turbo or jet.")] = COLORS,
    seconds: Annotated[
        float, typer.Option(help="Seconds for which a movie shows each word over stills.")
    ] = SECONDS,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write an explanation as a sheet, movie, figure or table."""
    from tam.cli.export import exported_file, noting_boxes, saved_folder
    from tam.cli.numbers import place_named, words_named
    from tam.files.writing import check_file
    from tam.render.export import export as write
    from tam.render.export import exported_before

    record = saved_folder(saved)
    path = exported_file(saved, kind, out, word or [])
    check_file(path, force=force, known=exported_before(record))
    from tam.files.storage import load_explanation

    result = load_explanation(saved)
    media, index = place_named(picture, frame, result)
    with noting_boxes(result, path):
        write(
            result,
            path,
            words_named(word, result),
            kind=kind,
            together=together,
            media=media,
            frame=index,
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
