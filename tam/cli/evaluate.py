"""``tam evaluate``: measure how good the maps of several methods are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tam.cli.options import Dtype
from tam.errors import InputError
from tam.text.named_values import split_list
from tam.text.printable import json_text

if TYPE_CHECKING:
    from tam.evaluate.plan import Plan
    from tam.model.model import Model


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            help="scenes, photo, photo:FOLDER, coco:FOLDER, grandf:FOLDER, openpsg:FOLDER, "
            "pope:FOLDER, refcoco:FOLDER, davis:FOLDER or folder:FOLDER (your own pictures and "
            "masks, listed in its items.csv)."
        ),
    ] = "scenes",
    methods: Annotated[
        str,
        typer.Option(
            help="Methods, separated by commas, see 'tam methods'; the others are compared with "
            "the first. A name can have options, such as occlusion[size=3]."
        ),
    ] = "tam,activation,eci,rgf,random,center",
    metrics: Annotated[
        str,
        typer.Option(
            help="Metrics that other packages add, by commas, see 'tam metrics'; the toolkit's own "
            "are always measured."
        ),
    ] = "",
    model: Annotated[str, typer.Option("--model", "-m", help="Models, by commas.")] = "small",
    dtype: Dtype = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the results, in which a killed run continues."),
    ] = Path("evaluation"),
    split: Annotated[
        str, typer.Option(help="Splits of the scenes, by commas; all by default.")
    ] = "",
    world: Annotated[
        str, typer.Option(help="The set of scenes: test, validation, train or combinations.")
    ] = "test",
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Number of items; for scenes, in each split (50 by default)."),
    ] = None,
    faithful_words: Annotated[
        int, typer.Option(min=0, help="Words of each item that get insertion and deletion.")
    ] = 1,
    steps: Annotated[int, typer.Option(min=2, help="Steps of their curves.")] = 8,
    sanity: Annotated[
        bool,
        typer.Option(
            "--sanity", help="Also measure how maps change under noise and with shuffled weights."
        ),
    ] = False,
    causes: Annotated[
        bool,
        typer.Option(
            "--causes",
            help="Also measure whether maps and relevance tell the cause of a word: scenes are "
            "rendered without each object, and earlier words replaced.",
        ),
    ] = False,
    levels: Annotated[
        str,
        typer.Option(
            help="Also measure the probability of words as their picture is revealed and hidden: "
            "word, phrase or sentence, by commas. Writes the curves as JSON.",
        ),
    ] = "",
    corrections: Annotated[
        bool,
        typer.Option(
            "--corrections",
            help="Also measure how little of the picture must be hidden to correct a false word.",
        ),
    ] = False,
    flips: Annotated[
        bool,
        typer.Option(
            "--flips",
            help="Also measure how often the model says another word once the hottest eighth of "
            "the picture by its map is hidden; needs no masks.",
        ),
    ] = False,
    points: Annotated[
        bool,
        typer.Option(
            "--points",
            help="Also ask the model where each object is, and compare its maps with the answer; "
            "for models that answer with coordinates.",
        ),
    ] = False,
    location: Annotated[
        bool,
        typer.Option(
            "--location/--no-location",
            help="Whether to measure where maps point; slow methods take long for it, because they "
            "explain every noun and function word.",
        ),
    ] = True,
    plots: Annotated[bool, typer.Option("--plots", help="Draw charts (matplotlib).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Measure how good the maps are.

    This measures where they point, and whether the model uses what they show.

    For several processes or machines: accelerate launch -m tam evaluate ...
    """
    from tam.evaluate.plan import Plan
    from tam.evaluate.runner import run
    from tam.methods import choose

    written = _listed(methods, "--methods")
    chosen = _distinct([choose(name).spelled for name in written], methods, "--methods")
    models = _listed(model, "--model")
    plan = Plan(
        data=data,
        splits=tuple(_listed(split, "--split")) if split else (),
        count=count,
        world=world,
        faithful_words=faithful_words,
        steps=steps,
        sanity=sanity,
        metrics=tuple(_listed(metrics, "--metrics")) if metrics else (),
        causes=causes,
        levels=tuple(_listed(levels, "--levels")) if levels else (),
        corrections=corrections,
        flips=flips,
        points=points,
        location=location,
        dtype=dtype,
    )

    def finish(loaded: "Model", name: str) -> None:
        from tam.evaluate.cases import write_cases
        from tam.evaluate.journal import blocks

        write_cases(plan, loaded, name, chosen, blocks(out), out)
        if name == models[-1]:
            _summary(plan, chosen, models, out, plots=plots, as_json=as_json)

    run(plan, models, chosen, out, after=finish)


def _summary(
    plan: "Plan", methods: list[str], models: list[str], out: Path, *, plots: bool, as_json: bool
) -> None:
    """Write and print the summary of the requested models and methods."""
    from tam.evaluate.curve_files import write_curves
    from tam.evaluate.journal import blocks
    from tam.evaluate.summary import summarize
    from tam.evaluate.tables import printed, rows_json, write_summary
    from tam.text.terminal import console

    found = [block for block in blocks(out) if block.item["model"] in models]
    if not found:
        raise InputError("holds no items", where="data", remedy="give a data set with items")
    write_curves(found, out)
    rows = summarize(found, methods, plan.metrics)
    write_summary(rows, methods[0], plan, out, found[0].item["tagger"])
    if plots:
        from tam.evaluate.plots import write_plots

        write_plots(rows, out)
    if as_json:
        print(json_text(rows_json(rows), indent=None))
        return
    from tam.cli.measures import print_measures

    print_measures(printed(rows), methods[0], console())
    print(out.resolve())


def _listed(text: str, option: str) -> list[str]:
    return _distinct(split_list(text), text, option)


def _distinct(names: list[str], text: str, option: str) -> list[str]:
    if not all(names) or len(set(names)) < len(names):
        raise InputError(
            f"{text!r} is not a list of distinct names",
            where=option,
            remedy="separate them by commas",
        )
    return names
