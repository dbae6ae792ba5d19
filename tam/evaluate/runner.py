"""The run of an evaluation: every item with every model and method, in one or more processes.

If started with ``accelerate launch``, each of P processes takes every P-th item, and all of them
share the folder of results. A run that was killed continues where it stopped.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.errors import ConversationError, OutputError, TamError
from tam.evaluate.cause_lines import cause_lines, caused_words, truth
from tam.evaluate.claims import claim_lines, reply_figures
from tam.evaluate.corrections import correction_lines, false_words
from tam.evaluate.curves import curve_lines, measured_words
from tam.evaluate.flips import flip_lines, preferred_words
from tam.evaluate.items import Item
from tam.evaluate.journal import Block, Journal, Key, blocks
from tam.evaluate.measuring import add_faithfulness, as_json, measure, scored_words
from tam.evaluate.metrics import metric_function
from tam.evaluate.own_points import add_own_points, own_points
from tam.evaluate.plan import Plan
from tam.evaluate.run_folder import alone_in, check_settings, write_settings
from tam.evaluate.sanity import add_sanity, changed_runs
from tam.evaluate.tagging import Tagger
from tam.methods.method import options_of
from tam.text.levels import check_level

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.model.model import Model
    from tam.replay import Replay

_TELL_EVERY = 25


def run(
    plan: Plan,
    models: list[str],
    methods: list[str],
    out: Path,
    *,
    after: "Callable[[Model, str], None]" = lambda _model, _name: None,
) -> None:
    """Measure everything that is not yet in the folder.

    Parameters
    ----------
    plan
        What to measure.
    models
        Names for :func:`tam.load`.
    methods
        Names as :attr:`tam.methods.choosing.Chosen.spelled` writes them.
    out
        Folder of results, created if missing. Later runs may add models and methods to it.
    after
        Called in the first process once a model's results are complete, while it is still loaded.

    Raises
    ------
    InputError
        If the data set, the model or a method is unknown.
    OutputError
        If the folder holds results of another plan, or of other weights or another item of the
        same name, is in use by another run, or cannot be written.
    """
    from accelerate import PartialState

    from tam.methods import choose

    for name in methods:
        choose(name)
    for name in plan.metrics:
        metric_function(name)
    for level in plan.levels:
        check_level(level)
    plan.items()
    check_settings(plan, out)
    import torch

    state = PartialState(cpu=not torch.cuda.is_available())
    with alone_in(out, needed=state.is_main_process):
        if state.is_main_process:
            check_settings(plan, out)
            write_settings(plan, out)
        state.wait_for_everyone()
        _run_models(plan, models, methods, out, state, after)


def _run_models(
    plan: Plan,
    models: list[str],
    methods: list[str],
    out: Path,
    state: Any,
    after: "Callable[[Model, str], None]",
) -> None:
    from tam.model.fingerprint import keep_to_weights

    done = {block.key: block.item.get("digest") for block in blocks(out)}
    journal = Journal(out, state.process_index)
    # All processes must have read the existing results before any of them adds to these.
    state.wait_for_everyone()
    journal.repair()
    for name in models:
        model = _load(name, plan.dtype, state)
        if state.is_main_process:
            keep_to_weights(out, name, model.module)
        state.wait_for_everyone()
        _run_model(plan, model, name, methods, journal, done, state)
        state.wait_for_everyone()
        if state.is_main_process:
            after(model, name)
        state.wait_for_everyone()


def _run_model(
    plan: Plan,
    model: "Model",
    name: str,
    methods: list[str],
    journal: Journal,
    done: Mapping[Key, str | None],
    state: Any,
) -> None:
    """Measure a model on what it has no results for, and refuse results of a changed item.

    ``done`` has the digest of the item that each result was measured on; None in folders that do
    not have it.
    """
    items, tagger = plan.items()
    measured = 0
    for number, item in enumerate(items):
        if number % state.num_processes != state.process_index:
            continue
        missing = [method for method in methods if (name, method, item.name) not in done]
        measured_on = {done.get((name, method, item.name)) for method in methods} - {None}
        if measured_on - {item.digest}:
            raise OutputError(
                f"holds results of item {item.name} with another picture, text or mask",
                where=str(journal.path.parent),
                remedy="name another folder",
            )
        if missing:
            try:
                for block in item_blocks(plan, model, name, missing, item, tagger):
                    journal.append(block)
            except ConversationError as error:
                # An item for which the model writes no words must not stop the others.
                print(f"{name}: item {item.name} is left out: {error}", file=sys.stderr)
            measured += 1
            if measured % _TELL_EVERY == 0:
                print(f"{name}: {measured} items measured", file=sys.stderr)


def item_blocks(
    plan: Plan, model: "Model", name: str, methods: list[str], item: Item, tagger: Tagger
) -> Iterator[Block]:
    """Record one item's run and measure the given methods on it.

    Raises
    ------
    TamError
        If the item cannot be measured; a note names the item.
    """
    from tam.replay import Replay

    added = {name: metric_function(name) for name in plan.metrics}
    try:
        recording = model.run(item.conversation, answer=item.answer, **item.generation)
        item = item.with_reply(recording.trace.text.reply)
        replay = Replay(model.checkpoint, recording)
        found = scored_words(recording.trace, item, tagger)
        if not plan.location:
            found = found.without_classes()
        targets = found.targets
        if plan.causes:
            caused = truth(replay, item)
            targets = sorted({*targets, *caused_words(recording.trace)})
        wrong = false_words(model, item, replay) if plan.corrections else []
        targets = sorted({*targets, *(target for word in wrong for target in word.targets)})
        content = measured_words(recording.trace, item) if plan.levels or plan.flips else []
        words = content if plan.levels else []
        kept = preferred_words(replay, content) if plan.flips else []
        targets = sorted({*targets, *(target for word in kept for target in word)})
        places = own_points(model, item, found.shown(item)) if plan.points else {}
        changed = (
            changed_runs(model, recording, methods, found.targets)
            if plan.sanity and plan.faithful_words
            else {}
        )
        for method in methods:
            made = _explained(method, replay, targets, words, plan.levels)
            explanation = made.words
            lines, summary = measure(explanation, item, found, tagger, added)
            add_own_points(lines, explanation, found.tokens, places)
            summary |= reply_figures(explanation.text, item)
            add_faithfulness(
                lines, explanation, found, replay, words=plan.faithful_words, steps=plan.steps
            )
            if method in changed:
                add_sanity(lines, explanation, found, changed[method], words=plan.faithful_words)
            if plan.causes:
                lines += cause_lines(explanation, caused)
            lines += flip_lines(explanation, kept, replay)
            lines += claim_lines(explanation, recording.trace, item)
            lines += correction_lines(explanation, wrong)
            for level, groups in made.groups.items():
                lines += curve_lines(groups, words, replay, level, plan.steps)
            key = {"model": name, "method": method, "item": item.name, "split": item.split}
            made_of = {"digest": item.digest, "seconds": made.seconds, "targets": made.targets}
            yield Block({**key, **as_json(summary), **made_of}, tuple(map(as_json, lines)))
    except TamError as error:
        error.add_note(f"item {item.name}, model {name}")
        raise


@dataclass(frozen=True, eq=False)
class _Explained:
    """A method's explanation of an item's words, of groups by level, and what they cost."""

    words: "Explanation"
    groups: "Mapping[str, Explanation]"
    targets: int
    seconds: float


def _explained(
    method: str,
    replay: "Replay",
    targets: Sequence[int],
    words: Sequence[Sequence[int]],
    levels: Sequence[str],
) -> _Explained:
    """Explain the targets, and groups of the words at each level.

    A method with an option ``level`` explains groups itself; the maps of the others are merged.
    """
    from tam.methods import choose, explain

    content = [target for word in words for target in word]
    start = time.perf_counter()
    chosen = choose(method)
    if "level" not in options_of(chosen.function) or "level" in chosen.options:
        own = sorted({*targets, *content})
        found = explain(method, replay.trace, replay, own)
        groups = dict.fromkeys(levels if words else (), found)
        return _Explained(found, groups, len(own), time.perf_counter() - start)
    found = explain(method, replay.trace, replay, targets)
    groups = {
        level: explain(method, replay.trace, replay, content, level=level)
        for level in (levels if words else ())
    }
    count = len(targets) + len(groups) * len(content)
    return _Explained(found, groups, count, time.perf_counter() - start)


def _load(name: str, dtype: str | None, state: Any) -> "Model":
    from tam.model.loading import load

    device = state.device
    return load(name, dtype=dtype, device_map={"": device} if device.type == "cuda" else None)
