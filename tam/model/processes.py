"""Tensor parallelism: a model split over several processes, each with a part of every layer.

``torchrun`` starts all processes with the same program and input. Each sees the full hidden states
and so computes the same explanation; only one of them writes it.
"""

import os
from typing import TYPE_CHECKING, Any

from tam.errors import ModelError, SetupError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_REMEDY = "start as many processes as divide them, or spread the model by device_map='auto'"


def is_first() -> bool:
    """Whether this process is the one that writes output: the only one, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


def splitting(tp_plan: Any, config: Any, device_map: Any) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained`` that split a model.

    Parameters
    ----------
    tp_plan
        ``"auto"``, or the user's own plan; None for a whole model.
    config
        The model's configuration.
    device_map
        The requested device map, which cannot be combined with a plan.

    Raises
    ------
    SetupError
        If the program was not started as several processes.
    ModelError
        If the model's attention heads cannot be divided among them.
    """
    if tp_plan is None:
        return {}
    processes = int(os.environ.get("WORLD_SIZE", "0"))
    if not processes:
        raise SetupError(
            "a model cannot be split in a single process",
            where="tp_plan",
            remedy="start it with: torchrun --nproc-per-node 2 -m tam explain … --tp",
        )
    if device_map is not None:
        raise ModelError(
            "a model is split over processes or spread over devices, not both",
            where="device_map",
            remedy="leave one of the two out",
        )
    text = config.get_text_config()
    for name in ("num_attention_heads", "num_key_value_heads"):
        heads = getattr(text, name, None)
        if isinstance(heads, int) and heads % processes:
            raise ModelError(
                f"its {heads} {name.removeprefix('num_').replace('_', ' ')} cannot be divided "
                f"among {processes} processes",
                where="tp_plan",
                remedy=_REMEDY,
            )
    from transformers.distributed.configuration_utils import DistributedConfig

    return {"distributed_config": DistributedConfig(tp_plan=tp_plan)}


def check_split(module: "PreTrainedModel") -> None:
    """Refuse a model that was not split, and seed all processes identically.

    Raises
    ------
    ModelError
        If the model's class has no tensor parallel plan.
    """
    import torch
    from torch.distributed.tensor import DTensor

    if not any(isinstance(weight, DTensor) for weight in module.parameters()):
        raise ModelError(
            "transformers has no plan to split it", where=type(module).__name__, remedy=_REMEDY
        )
    seed = [torch.initial_seed()]
    torch.distributed.broadcast_object_list(seed, src=0)
    torch.manual_seed(seed[0])


def check_whole(module: "PreTrainedModel") -> None:
    """Refuse a model sharded at its root, whose LM head has weights only during a forward pass.

    Raises
    ------
    ModelError
        If the model is sharded this way. The message names the library that shards it.
    """
    import torch

    if not torch.distributed.is_available():
        return
    from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel

    if isinstance(module, FSDPModule | FullyShardedDataParallel):
        raise ModelError(
            "FSDP shards the model at its root, and its LM head has no weights between passes",
            where=type(module).__name__,
            remedy="call fully_shard on each layer, and not on the model",
        )


def leave() -> None:
    """Leave the group of processes, if there is one."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
