"""``tam verify``: whether the toolkit reads a model rightly on this machine."""

from typing import Annotated

import typer

from tam.cli.options import DeviceMap, Dtype, Json, LoadIn, Revision
from tam.text.printable import json_text

_SAID = {True: "ok  ", False: "FAIL", None: "none"}


def verify(
    model: Annotated[str, typer.Argument(help="'photo', 'small', a hub id, or a folder.")],
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    load_in: LoadIn = None,
    revision: Revision = None,
    as_json: Json = False,
) -> None:
    """Check on this machine that the toolkit reads a model rightly; exit code 1 if not."""
    from tam.model.loading import load
    from tam.model.verify import verify as verified

    loaded = load(model, revision=revision, dtype=dtype, device_map=device_map, load_in=load_in)
    checks = verified(loaded)
    if as_json:
        lines = [{**vars(check), "report": check.report} for check in checks]
        print(json_text({"checks": lines, "provenance": dict(loaded.provenance)}))
    else:
        for check in checks:
            print(f"{_SAID[check.passed]} {check.name:<9} {check.detail}")
            if check.report:
                print(f"     {'':<9} it points at {check.report}")
    if any(check.passed is False for check in checks):
        raise typer.Exit(1)
