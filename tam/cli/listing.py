"""The commands that list families, methods, metrics and kinds of file."""

from typing import Annotated

import typer

from tam.cli.options import Json
from tam.text.printable import json_text


def models(as_json: Json = False) -> None:
    """List the model families that are supported and refused."""
    from tam.cli.models import models_json, print_models

    if as_json:
        print(json_text(models_json()))
    else:
        print_models()


def methods(
    name: Annotated[
        str | None, typer.Argument(help="A method to show with its options; all by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the methods that explain a word, and their costs."""
    from tam.cli.methods import methods_json, print_methods

    if as_json:
        print(json_text(methods_json(name)))
    else:
        print_methods(name)


def metrics(as_json: Json = False) -> None:
    """List the metrics that 'tam evaluate' measures."""
    from tam.cli.tables import metrics_table, print_rows

    print_rows(metrics_table(), as_json=as_json)


def exports(as_json: Json = False) -> None:
    """List the kinds of file that 'tam export' writes."""
    from tam.cli.tables import exports_table, print_rows

    print_rows(exports_table(), as_json=as_json)
