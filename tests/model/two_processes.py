"""What each of two processes that ``accelerate launch`` starts sees of a model that they share.

Its arguments are a folder with models, and those of a command to run at the end.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from torch import distributed
from torch.distributed.fsdp import fully_shard

import tam
from tam.cli import run
from tam.errors import TamError
from tam.testing import probe_picture

ASKED = (probe_picture(60, 90), "What is here")
ANSWER = "a dog on a bench"


def differences(one: tam.Model, shared: tam.Model) -> Iterator[float]:
    """How far maps are off those of one process: of an answer, by gradients, of an own reply."""
    markers = sorted(one.special_ids())
    for options in (
        {"answer": ANSWER},
        {"answer": ANSWER, "method": "grad-cam"},
        {"max_new_tokens": 4, "suppress_tokens": markers, "do_sample": True, "seed": 1},
    ):
        found, wanted = (model.explain(*ASKED, **options) for model in (shared, one))
        assert [token.id for token in found.tokens] == [token.id for token in wanted.tokens]
        yield float(np.nanmax(np.abs(found.maps - wanted.maps)))


def refusal(load: Callable[..., object], *given: object, **options: object) -> str:
    try:
        load(*given, **options)
    except TamError as error:
        return str(error)
    return ""


folders = {name: Path(sys.argv[1]) / name for name in ("qwen2_vl", "llava", "undivided")}
seen: dict[str, object] = {}
for name in ("qwen2_vl", "llava"):
    seen[name] = list(differences(tam.load(folders[name]), tam.load(folders[name], tp_plan="auto")))
seen["undivided"] = refusal(tam.load, folders["undivided"], tp_plan="auto")
one, sharded = tam.load(folders["llava"]), tam.load(folders["llava"])
for layer in sharded.adapter.decoder(sharded.module).layers:
    fully_shard(layer)
seen["layers"] = list(differences(one, tam.wrap(sharded.module, sharded.processor)))
seen["root"] = refusal(tam.wrap, fully_shard(sharded.module), sharded.processor)
Path(sys.argv[1], f"seen-{distributed.get_rank()}.json").write_text(json.dumps(seen))
distributed.barrier()
sys.exit(run(sys.argv[2:]))  # which leaves the group
