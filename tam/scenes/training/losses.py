"""The training losses: of answers, and of the words that are read at vision positions."""

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from tam.scenes.batch import IGNORED

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

AREA = 24.0
"""Cells that one word may cover before the area prior penalizes it."""

DECISIVE = 4.0
"""Weight of a decisive token in the answer loss."""

ATTENTION = "scenes_prefix"
"""Name under which `prefix_attention` is registered with transformers."""

ROWS = 144
"""Rows of vision positions per block of the attention."""


def use_prefix_attention(model: "Qwen2VLForConditionalGeneration") -> None:
    """Make the language model use `prefix_attention`, for training only."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, prefix_attention)
    model.model.language_model.config._attn_implementation = ATTENTION


def prefix_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    prefix: int,
    **_: object,
) -> tuple[Tensor, None]:
    """Compute causal attention, [B, L, H, D], whose first ``prefix`` positions see nothing later.

    It is computed in blocks of rows: on a CPU its backward pass takes less than half the time of
    the fused kernel with a mask, which gives the same values.
    """
    bias = attention_mask.to(query.dtype)
    length = query.shape[2]
    edges = [*range(0, prefix, ROWS), prefix, length]
    parts = [
        _attend(
            query[:, :, start:stop] * scaling,
            key[:, :, :stop],
            value[:, :, :stop],
            bias[..., start:stop, :stop],
        )
        for start, stop in pairwise(edges)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2), None


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    scores = query @ key.transpose(-1, -2)
    return (scores if bias is None else scores + bias).softmax(-1) @ value


def hidden_states(
    model: "Qwen2VLForConditionalGeneration",
    seen: Tensor,
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    vision: Tensor,
) -> Tensor:
    """Return the final-normed states [B, L, D] of a batch.

    ``seen`` [B, G*N, D] are the vision tower's outputs at the positions ``vision`` [G*N];
    `tam.scenes.batch.Batch` describes the other arguments. A position sees the earlier positions of
    its own segment and of segment 0.
    """
    length = ids.shape[1]
    words = model.model.language_model.embed_tokens(ids)
    embeds = words.index_copy(1, vision, seen.to(words.dtype))
    causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
    own = (segments[:, None, :] == segments[:, :, None]) | (segments[:, None, :] == 0)
    seen_by = torch.zeros(own.shape, device=ids.device).masked_fill(~(own & causal), -1e4)
    output = model.model.language_model(
        inputs_embeds=embeds,
        position_ids=positions,
        attention_mask={"full_attention": seen_by[:, None]},
        use_cache=False,
        prefix=int(vision[-1]) + 1,
    )
    states: Tensor = output.last_hidden_state
    return states


def vision_features(
    model: "Qwen2VLForConditionalGeneration", pixels: Tensor, grid: tuple[int, int]
) -> Tensor:
    """Return vision features [B, N, D] of B pictures of one grid, as the language model gets them.

    The tower's own forward pass computes attention for one picture after another; this function
    uses the same modules for all pictures at once.
    """
    visual = model.model.visual
    cells = grid[0] * grid[1]
    rows, columns = torch.arange(cells, device=pixels.device).view(grid), grid[1]
    place = torch.stack([rows // columns, rows % columns]).view(2, cells).T
    embed = visual.patch_embed.proj.weight
    states = F.linear(pixels, embed.view(embed.shape[0], -1)).view(-1, cells, embed.shape[0])
    cos, sin = (part[:, None].to(states.dtype) for part in visual.rotary_pos_emb(states, place))
    for block in visual.blocks:
        count, heads = states.shape[0], block.attn.num_heads
        mixed = block.attn.qkv(block.norm1(states)).view(count, cells, 3, heads, -1)
        query, key, value = mixed.unbind(2)
        query, key = (part * cos + _rotated(part) * sin for part in (query, key))
        query = query * query.shape[-1] ** -0.5
        seen = _attend(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
        states = states + block.attn.proj(seen.transpose(1, 2).reshape(count, cells, -1))
        states = states + block.mlp(block.norm2(states))
    features: Tensor = visual.merger(states).view(*states.shape[:2], -1)
    return features


def _rotated(states: Tensor) -> Tensor:
    first, second = states.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def answer_loss(head: torch.nn.Linear, states: Tensor, labels: Tensor, decisive: Tensor) -> Tensor:
    """Return the mean cross-entropy of the labelled tokens, each predicted one position earlier.

    The tokens ``decisive``, int64, have the weight `DECISIVE`: many answers depend only on them,
    and the words that repeat the question would drown them out.
    """
    following = labels[:, 1:]
    wanted = following != IGNORED
    logits = head(states[:, :-1][wanted]).float()
    weights = torch.ones(logits.shape[-1], device=logits.device)
    weights[decisive] = DECISIVE
    return F.cross_entropy(logits, following[wanted], weights)


def weak_readability(
    head: torch.nn.Linear,
    vision: Tensor,
    word_tokens: Tensor,
    kinds: Tensor,
    true_words: Tensor,
    true_pairs: Tensor,
) -> Tensor:
    """Return a loss from the words that are true of a picture, without using where they are true.

    With p[n, w] the probability of word w at vision position n, the picture shows w with
    probability q = 1 - prod_n (1 - p[n, w]) (multiple-instance learning by noisy or, a saturating
    log-sum-exp over positions). True words are pulled to q = 1, others to q = 0, and a true word
    that covers more than `AREA` cells is penalized for the excess. The same holds for the pairs
    that the caption names, with p[n, color] p[n, shape] for p: what is red must show the red
    object's shape there and no other.

    Shapes follow colors: by cross-entropy, a cell should show some shape as much as it shows some
    color. Otherwise a shape would be read where it is easiest to recognize, beside its contour.

    A cell can show a color and a shape, so p is a softmax over the words of one kind and all tokens
    that are not words of any kind. In a softmax over all tokens, a color would push the shape's
    word off the object.

    Parameters
    ----------
    vision : [B, N, D]
        States at the vision positions.
    word_tokens, kinds : int64 [W]
        Ids and kinds of the words' pieces; pieces of the same kind exclude one another. Kind 0 are
        the first pieces of the colors, kind 1 those of the shapes.
    true_words : bool [B, W]
    true_pairs : bool [B, colors, shapes]
    """
    logits = head(vision).float()
    words = logits[..., word_tokens]
    other = logits.index_fill(-1, word_tokens, -torch.inf).logsumexp(-1, keepdim=True)
    parts = []
    for kind in range(int(kinds.max()) + 1):
        scores = torch.cat([words[..., kinds == kind], other], dim=-1)
        parts.append(F.softmax(scores, dim=-1)[..., :-1])
    order = torch.argsort(kinds, stable=True)
    chances = torch.cat(parts, dim=-1)
    true_pieces = true_words[:, order]
    excess = F.relu(chances.sum(1) / AREA - 1)
    pairs = parts[0][..., :, None] * parts[1][..., None, :]
    return (
        _some_position(chances, true_pieces)
        + (excess * true_pieces).mean()
        + _some_position(pairs.flatten(2), true_pairs.flatten(1))
        + _follows(parts[1].sum(-1), parts[0].sum(-1).detach())
    )


def _follows(chances: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of probabilities with wanted probabilities."""
    low, high = 1e-5, 1 - 1e-5
    chances = chances.clamp(low, high)
    return -(wanted * chances.log() + (1 - wanted) * (1 - chances).log()).mean()


def _some_position(chances: Tensor, true: Tensor) -> Tensor:
    """Noisy or: what is true [B, W] should hold at some position [B, N, W], the rest at none."""
    none = torch.log1p(-chances.clamp(max=0.999)).sum(1)
    shown = -torch.log(-torch.expm1(none.clamp(max=-1e-4)))
    return torch.where(true, shown, -none).mean()


def mask_readability(
    head: torch.nn.Linear,
    vision: Tensor,
    word_tokens: Tensor,
    supervised: Tensor,
    cell_words: Tensor,
    background: int,
) -> Tensor:
    """Return the cross-entropy of each cell with the words of the object that it shows.

    Parameters
    ----------
    vision : [B, N, D]
    word_tokens : int64 [W]
    supervised : bool [W]
        The other words are left out: neither raised where they are nor lowered elsewhere.
    cell_words : bool [B, N, W]
        Words of each cell's object; none if the cell shows the background.
    background : int
        Id of the background word.
    """
    logits = head(vision).float().index_fill(-1, word_tokens[~supervised], -torch.inf)
    logs = F.log_softmax(logits, dim=-1)
    wanted = cell_words & supervised
    number = wanted.sum(-1)
    word_logs = logs[..., word_tokens].masked_fill(~wanted, 0)
    named = word_logs.sum(-1) / number.clamp(min=1)
    empty = ~cell_words.any(-1)
    # Objects and background have equal weight, although the background is much larger.
    return -(named.sum() / (number > 0).sum().clamp(min=1)) - (
        logs[..., background][empty].sum() / empty.sum().clamp(min=1)
    )
