"""``tam verify``: whether the toolkit reads a model rightly on this machine."""

from typing import Annotated

import typer

from tam.cli.options import DeviceMap, Dtype, LoadIn, Revision


def verify(
    model: Annotated[str, typer.Argument(help="'photo', 'small', a hub id, or a folder.")],
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    load_in: LoadIn = None,
    revision: Revision = None,
) -> None:
    """Check on this machine that the toolkit reads a model rightly; exit code 1 if not."""
    from tam.model.loading import load
    from tam.model.verify import verify as verified

    loaded = load(model, revision=revision, dtype=dtype, device_map=device_map, load_in=load_in)
    checks = verified(loaded)
    for check in checks:
        print(f"{'ok  ' if check.passed else 'FAIL'} {check.name:<8} {check.detail}")
    if not all(check.passed for check in checks):
        raise typer.Exit(1)
