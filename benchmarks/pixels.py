"""AttnLRP at the vision tokens and at the pixels: which finds causes and objects.

    python -m benchmarks.pixels [--model small] [--count 6] [--out benchmarks/results]

Both read the same recorded runs, the scenes of the first table of causes. The table also says how
much of the absolute relevance the biases and softmaxes absorb, and how much of a logit stays
unexplained. Writes ``pixels-MODEL.md``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

import tam
from benchmarks.truth import COLUMNS, figure
from tam.errors import ended_in_one_line
from tam.evaluate.cause_lines import cause_lines, caused_words, truth
from tam.evaluate.items import Item
from tam.evaluate.journal import Block
from tam.evaluate.measuring import add_faithfulness, as_json, measure, scored_words
from tam.evaluate.metrics import metric_named
from tam.evaluate.scene_items import scene_items
from tam.evaluate.summary import ALL, Row, summarize
from tam.evaluate.tagging import scene_tagger
from tam.methods import explain
from tam.replay import Replay

SPLITS = ("many", "false", "conversation")
VARIANTS = {"at the vision tokens": {"pixels": False}, "at the pixels": {"pixels": True}}
TAGGER = scene_tagger()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--count", type=int, default=6, help="items of each split")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    model = tam.load(asked.model)
    found = [
        block
        for split in SPLITS
        for item in scene_items(split, asked.count)
        for block in measured(model, asked.model, item)
    ]
    rows = [row for row in summarize(found, list(VARIANTS)) if row.split == ALL]
    text = table(rows, found, asked.model, asked.count)
    print(text)
    (asked.out / f"pixels-{asked.model}.md").write_text(text, encoding="utf-8")


def measured(model: tam.Model, name: str, item: Item) -> Iterator[Block]:
    """Measure both variants on one item."""
    recording = model.run(item.conversation, answer=item.answer, **item.generation)
    trace, replay = recording.trace, Replay(model.checkpoint, recording)
    reply = trace.text.tokens[trace.text.prompt_targets :]
    item = item.with_reply("".join(token.text for token in reply))
    found, caused = scored_words(trace, item, TAGGER), truth(replay, item)
    targets = sorted({*found.targets, *caused_words(trace)})
    for variant, options in VARIANTS.items():
        start = perf_counter()
        explanation = explain("attn-lrp", trace, replay, targets, **options)
        seconds = perf_counter() - start
        lines, summary = measure(explanation, item, found, TAGGER, {})
        add_faithfulness(lines, explanation, found, replay, words=1, steps=8)
        lines += cause_lines(explanation, caused)
        told = explanation.provenance["method"]
        key = {"model": name, "method": variant, "item": item.name, "split": item.split}
        cost = {"seconds": seconds, "targets": len(targets)}
        parts = {"absorbed": told["absorbed"], "remainder": told["remainder"]}
        yield Block({**key, **as_json(summary), **cost, **parts}, tuple(map(as_json, lines)))


def table(rows: list[Row], found: list[Block], model: str, count: int) -> str:
    """Write the table of both variants."""
    headings = [metric_named(name).column for name in COLUMNS]
    lines = [
        f"# AttnLRP at the vision tokens and at the pixels: {model}",
        "",
        f"`python -m benchmarks.pixels --model {model} --count {count}`; {rows[0].items} items, "
        f"{rows[0].words} words with a mask. In per cent, with 95 % bootstrap intervals over "
        "items; of deletion less is better. Absorbed: the share of the absolute relevance that "
        "biases and softmaxes take. Remainder: the largest part of a logit that is not explained. "
        "ms: for each token, on a shared machine.",
        "",
        f"| relevance | {' | '.join(headings)} | absorbed | remainder | ms |",
        f"| --- |{' ---: |' * (len(headings) + 3)}",
    ]
    for row in rows:
        own = [block.item for block in found if block.item["method"] == row.method]
        figures = [figure(row, name) for name in COLUMNS]
        absorbed = 100 * np.mean([item["absorbed"] for item in own])
        remainder = max(item["remainder"] for item in own)
        cost = f"{absorbed:.0f} | {remainder:.1g} | {1000 * row.seconds_per_word:.0f}"
        lines.append(f"| {row.method} | {' | '.join(figures)} | {cost} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
