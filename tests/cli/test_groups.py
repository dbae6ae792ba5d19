"""Groups of options: a command sees one argument, its user sees each option."""

import inspect
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from tam.cli import chat, checking, explain, verify
from tam.cli.groups import Clips, Loading, Reply, Saving, grouped
from tam.cli.options import Model
from tam.errors import InputError


def test_a_command_gets_its_groups_from_single_options() -> None:
    got: list[Any] = []

    @grouped
    def command(
        name: Annotated[str, typer.Argument()],
        model: Model = None,
        loading: Loading = Loading(),
        saving: Saving = Saving(),
    ) -> None:
        """Say so."""
        got.extend([name, model, loading, saving])

    program = typer.Typer()
    program.command()(command)
    typed = ["there", "--dtype", "float32", "--force", "-m", "x", "--allow-missing"]
    result = CliRunner().invoke(program, typed)
    assert result.exit_code == 0, result.output
    assert got == [
        "there",
        "x",
        Loading(dtype="float32", allow_missing=True),
        Saving(force=True),
    ]
    assert "Say so." in CliRunner().invoke(program, ["--help"]).output


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        (explain.explain, (Loading, Reply, Clips, Saving)),
        (chat.chat, (Loading, Reply, Clips)),
        (checking.check, (Loading,)),
        (verify.verify, (Loading,)),
    ],
)
def test_a_shared_option_has_one_default(command: Any, groups: tuple[Any, ...]) -> None:
    shown = inspect.signature(command).parameters
    for group in groups:
        for name, value in vars(group()).items():
            assert shown[name].default == value


def test_each_method_explains_the_same_reply() -> None:
    one = Reply(max_new_tokens=7, refine="par", stages=False)
    assert one.by_each("tam, attention") == [
        Reply(max_new_tokens=7, refine="par", method=name) for name in ("tam", "attention")
    ]
    for wrong in ("tam,tam", " , "):
        with pytest.raises(InputError, match="does not name different methods"):
            one.by_each(wrong)
    with pytest.raises(InputError, match="beside several"):
        Reply(method_option=["layer=1"]).by_each("tam,attention")
