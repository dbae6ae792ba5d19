"""``tam gallery``: one page over all explanations in a folder."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def gallery(
    folder: Annotated[
        Path, typer.Argument(help="A folder with explanations in it, or in folders below it.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The HTML file; gallery.html in the folder by default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write one page over many reports, with search and filters."""
    from tam.cli.finishing import print_report
    from tam.errors import InputError, TamError
    from tam.files.writing import check_file
    from tam.report.comparison import write_page
    from tam.report.gallery import GALLERY_NAME, gallery_html
    from tam.text.printable import one_line

    if not folder.is_dir():
        raise InputError("is not a folder", where=str(folder), remedy="name a folder of reports")
    path = out or folder / GALLERY_NAME
    check_file(path, force=force)

    def tell(error: TamError) -> None:
        print(f"left out: {one_line(str(error))}", file=sys.stderr)

    html = gallery_html(folder, path.resolve().parent, tell)
    print_report(write_page(html, path, force=force))
