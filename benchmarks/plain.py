"""The method in plain vectorised PyTorch, without the ops: all targets at once, or one per call."""

import torch
from torch.nn import functional as F

from benchmarks.cases import Run


def all_at_once(run: Run) -> torch.Tensor:
    """Return the maps of all targets, [K, N]."""
    index = torch.arange(len(run.ids), device=run.hidden.device)
    return _maps(run, index)


def one_call_each(run: Run) -> torch.Tensor:
    """Return the same [K, N], by a separate call for each target, from the states up to it."""
    index = torch.arange(len(run.ids), device=run.hidden.device)
    return torch.cat([_maps(run, index[t : t + 1]) for t in range(len(index))])


def _maps(run: Run, targets: torch.Tensor) -> torch.Tensor:
    """Return the maps of some targets [M]; their context is all words up to the last target."""
    known = max(int(targets[-1]) + 1, run.case.prompt_targets)
    ids = run.ids[:known]
    rows = run.head[ids].float()
    activation = (run.hidden[run.vision].float() @ rows.T).relu()
    said = run.hidden[run.context[:known]].float()
    text = (said @ rows[targets].T).relu()
    order = torch.arange(known, device=ids.device)[:, None]
    used = (order < targets) & (ids[:, None] != ids[targets])
    weights = text * used
    weights = weights / (weights.sum(0) + 1e-8)
    target = activation[:, targets]
    interference = activation @ weights
    power = (interference * interference).sum(0)
    scale = (target * interference).sum(0) / torch.where(power > 0, power, 1)
    residual = (target - scale * interference).relu()
    scored = order < targets.clamp(min=run.case.prompt_targets)
    low = torch.minimum(residual.amin(0), torch.where(scored, text, torch.inf).amin(0))
    high = torch.maximum(residual.amax(0), torch.where(scored, text, -torch.inf).amax(0))
    scaled = (residual - low) / torch.where(high > low, high - low, 1)
    return rank_filter(scaled.T.reshape(-1, 1, *run.case.grid))


def rank_filter(maps: torch.Tensor) -> torch.Tensor:
    """Filter maps [M, 1, h, w] with a window of 3 × 3, by sorting all windows, to [M, h * w]."""
    windows = F.unfold(F.pad(maps, (1, 1, 1, 1), mode="reflect"), 3).sort(1).values
    mean = windows.mean(1, keepdim=True)
    variation = windows.std(1, correction=0, keepdim=True) / mean
    ranks = torch.arange(9, device=maps.device)[:, None] - 4.0
    weights = torch.exp(-(ranks**2) / (2 * variation**2))
    weights = torch.where(variation > 0, weights, (ranks == 0).float())
    filtered = (windows * weights).sum(1) / weights.sum(1)
    return torch.where(mean[:, 0] > 0, filtered, 0)
