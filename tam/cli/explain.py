"""``tam explain``: a question about pictures and clips, and its reply explained word by word."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tam.cli.checking import Check, checked, top_asked
from tam.cli.groups import Clips, Loading, Reply, Saving, grouped
from tam.cli.options import Batch, Json, Methods, Model, Out, Split
from tam.cli.served import AnswerFile, States, explain_served
from tam.errors import InputError

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.model.model import Model as LoadedModel
    from tam.model.options import Options
    from tam.prompt.conversation import Conversation


@grouped
def explain(
    media: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE", help="Pictures, videos, or folders of frames."),
    ] = None,
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What to ask.")] = "",
    conversation: Annotated[
        Path | None,
        typer.Option(help="A JSON file of messages, instead of pictures and --prompt."),
    ] = None,
    model: Model = None,
    out: Out = Path("out"),
    answer: Annotated[
        str | None, typer.Option(help="Explain this answer instead of the model's own.")
    ] = None,
    batch: Batch = None,
    answer_file: AnswerFile = None,
    states: States = None,
    loading: Loading = Loading(),
    tp: Split = False,
    reply: Reply = Reply(),
    methods: Methods = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show each word with its map while the model writes.")
    ] = False,
    check: Check = None,
    clips: Clips = Clips(),
    saving: Saving = Saving(),
    as_json: Json = False,
) -> None:
    """Ask about pictures and clips; explain each word of the reply."""
    from tam.report.embedding import embedded_side
    from tam.report.folder import check_output

    # Detect errors that do not depend on the model before loading it.
    if batch is None:
        check_output(out, force=saving.force)
    embedded_side(saving.embed)
    top = None if check is None else top_asked(check)
    replies = [reply] if methods is None else reply.by_each(methods)
    needs_model = {"--answer": answer, "--live": live, "--check": check, "--tp": tp}
    if batch is not None:
        own = {"IMAGE": media, "--conversation": conversation, "--answer-file": answer_file}
        printed = {"--states": states, "--json": as_json, "--methods": methods}
        _refuse(
            {**own, **needs_model, **printed},
            "a batch has it for each item, or not at all",
            "leave it out; items.csv has the columns image, prompt and answer",
        )
        _explain_batch(batch, prompt, out, reply.options(), model, loading, clips, saving)
        return
    if live:
        _check_live(len(replies), as_json=as_json)
    from tam.cli.asking import opened_conversation
    from tam.cli.finishing import finish

    asked = opened_conversation(media or [], prompt, conversation, **clips.opening)
    # Only now, because the checks of a method's options import torch, which takes seconds.
    wanted = {each.method: each.options(answer) for each in replies}
    others: dict[str, Explanation] = {}
    if answer_file is not None or states is not None:
        running = {"--device-map": loading.device_map, "--load-in": loading.load_in}
        written = {"--sample": reply.sample, "--seed": reply.seed, "--methods": methods}
        _refuse(
            {**needs_model, **running, **written},
            "the reply was written elsewhere",
            "leave the option out",
        )
        options = wanted[reply.method]
        result = explain_served(asked, options, answer_file, states, model, loading)
    else:
        from tam.model.loading import load

        loaded = load(model, tp_plan="auto" if tp else None, **vars(loading))
        result, others = _explain(loaded, asked, wanted, live=live)
        if check is not None:
            result = checked(loaded, result, top=top)
    finish(result, out, as_json, others=others, **vars(saving))
    if tp:
        from tam.model.processes import leave

        leave()


def _refuse(others: Mapping[str, Any], fault: str, remedy: str) -> None:
    """Refuse options, given by name and value, that conflict with another option.

    Raises
    ------
    InputError
        If one of them is set. The message names the first.
    """
    given = [name for name, value in others.items() if value not in (None, False, [])]
    if given:
        raise InputError(fault, where=given[0], remedy=remedy)


def _check_live(methods: int, *, as_json: bool) -> None:
    """Refuse --live together with --json, because its output is not JSON, or several methods.

    Raises
    ------
    InputError
        If JSON output or several methods are requested.
    """
    if methods > 1:
        raise InputError(
            "one method alone can explain words as they come",
            where="--live",
            remedy="leave out --live or --methods",
        )
    if as_json:
        raise InputError(
            "words and maps are not JSON", where="--live", remedy="leave out --live or --json"
        )


def _explain_batch(
    source: Path,
    prompt: str,
    out: Path,
    wanted: "Options",
    model: str | None,
    loading: Loading,
    clips: Clips,
    saving: Saving,
) -> None:
    """Explain each item of a batch, skipping items that are already explained."""
    from tam.cli.batch import explain_batch, read_items

    explain_batch(
        read_items(source, prompt),
        out,
        {**wanted, **clips.opening},
        {"model": model, **vars(loading)},
        {**vars(saving), "force": True},
    )


def _explain(
    model: "LoadedModel", asked: "Conversation", wanted: Mapping[str, "Options"], *, live: bool
) -> tuple["Explanation", dict[str, "Explanation"]]:
    """Answer a conversation once, and explain the answer by each method.

    Returns
    -------
    The explanation by the first method, and the others by the names of their methods.
    """
    first, *more = wanted.values()
    if live:
        from tam.cli.live import print_words
        from tam.model.streaming import Stream
        from tam.text.terminal import console

        return print_words(Stream(model, asked, **first), console()), {}
    from tam.model.options import split_explaining

    explaining, running = split_explaining(first)
    recording = model.run(asked, **running)
    others = {
        name: model.explain_recording(recording, **split_explaining(options)[0])
        for name, options in zip(list(wanted)[1:], more, strict=True)
    }
    return model.explain_recording(recording, **explaining), others
