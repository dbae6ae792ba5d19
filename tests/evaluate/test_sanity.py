"""Noise and shuffled weights, on maps whose answer is known."""

import torch

import tam
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks


def test_a_map_that_looks_at_nothing_never_moves_and_a_real_one_does() -> None:
    plan = Plan(splits=("one",), count=1, faithful_words=1, steps=2, sanity=True)
    items, tagger = plan.items()
    model = tam.load("small")
    before = [parameter.clone() for parameter in model.module.parameters()]
    found = {
        block.item["method"]: next(word for word in block.words if "sensitivity" in word)
        for block in item_blocks(plan, model, "small", ["tam", "center"], next(items), tagger)
    }
    assert found["center"]["sensitivity"] == 0
    assert found["center"]["randomized"] > 0.999
    assert 0 < found["tam"]["sensitivity"] < 1
    assert abs(found["tam"]["randomized"]) < 0.7
    after = model.module.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
