"""``tam verify``: check that a checkpoint is interpreted correctly on this machine."""

from typing import Annotated

import typer

from tam.cli.groups import Loading, grouped
from tam.cli.options import Json
from tam.resolver import uncollected
from tam.text.printable import json_text

_SAID = {True: "ok  ", False: "FAIL", None: "none"}


@grouped
def verify(
    model: Annotated[str, typer.Argument(help="'photo', 'small', a hub id, or a folder.")],
    loading: Loading = Loading(),
    as_json: Json = False,
) -> None:
    """Check that a checkpoint is interpreted correctly.

    Exit code 1 if a check fails.
    """
    with uncollected():
        from tam.model.loading import load
    from tam.model.verify import verify as verified

    loaded = load(model, **vars(loading))
    checks = verified(loaded)
    if as_json:
        lines = [{**vars(check), "report": check.report} for check in checks]
        print(json_text({"checks": lines, "provenance": dict(loaded.provenance)}))
    else:
        for check in checks:
            print(f"{_SAID[check.passed]} {check.name:<9} {check.detail}")
            if check.report:
                print(f"     {'':<9} likely cause, and what to report: {check.report}")
    if any(check.passed is False for check in checks):
        raise typer.Exit(1)
