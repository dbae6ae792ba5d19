"""``tam app``: serve the toolkit in the browser."""

from typing import Annotated

import typer


def app(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A model to choose from; may be given several times."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to serve; this machine alone without it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to serve.")] = 7860,
    upload_mb: Annotated[
        int, typer.Option(min=1, max=4096, help="Largest picture or clip, in megabytes.")
    ] = 64,
) -> None:
    """Serve a page to ask about pictures in the browser."""
    from tam.errors import SetupError
    from tam.model.assembled import default_model

    try:
        from tam.app.server import serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "anyio"):
            raise
        raise SetupError(
            f"{error.name} is not installed",
            where="tam app",
            remedy='pip install "token-activation-map[app]"',
        ) from error
    serve(model or [default_model()], host, port, upload_mb)
