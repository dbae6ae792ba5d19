"""``tam verify``: checks that a checkpoint is interpreted correctly on this machine."""

from typing import Annotated

import typer

from tam.cli.options import AllowMissing, DeviceMap, Dtype, LoadIn, Revision


def verify(
    model: Annotated[str, typer.Argument(help="'photo', 'small', a hub id, or a folder.")],
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    load_in: LoadIn = None,
    revision: Revision = None,
    allow_missing: AllowMissing = False,
) -> None:
    """Check that a checkpoint is interpreted correctly.

    Exit code 1 if a check fails.
    """
    from tam.model.loading import load
    from tam.model.verify import verify as verified

    loaded = load(
        model,
        revision=revision,
        device_map=device_map,
        dtype=dtype,
        load_in=load_in,
        allow_missing=allow_missing,
    )
    checks = verified(loaded)
    for check in checks:
        print(f"{'ok  ' if check.passed else 'FAIL'} {check.name:<8} {check.detail}")
    if not all(check.passed for check in checks):
        raise typer.Exit(1)
