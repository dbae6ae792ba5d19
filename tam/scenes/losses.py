"""The training losses: what is said, and what the vision positions can be read to show."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from tam.scenes.batch import IGNORED

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

AREA = 24.0
"""Cells that one word may cover before the area prior charges for more."""


def hidden_states(
    model: "Qwen2VLForConditionalGeneration",
    seen: Tensor,
    ids: Tensor,
    positions: Tensor,
    segments: Tensor,
    vision_start: int,
) -> Tensor:
    """Final-normed states [B, L, D] of a batch; see `tam.scenes.batch.Batch` for the arguments.

    ``seen`` [B, N, D] is what the vision tower hands over at the vision positions. A position sees
    the earlier ones of its own segment and of segment 0.
    """
    length = ids.shape[1]
    words = model.model.language_model.embed_tokens(ids)
    stop = vision_start + seen.shape[1]
    embeds = torch.cat([words[:, :vision_start], seen.to(words.dtype), words[:, stop:]], dim=1)
    causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
    own = (segments[:, None, :] == segments[:, :, None]) | (segments[:, None, :] == 0)
    output = model.model.language_model(
        inputs_embeds=embeds,
        position_ids=positions,
        attention_mask={"full_attention": (own & causal)[:, None]},
        use_cache=False,
    )
    states: Tensor = output.last_hidden_state
    return states


def vision_features(
    model: "Qwen2VLForConditionalGeneration", pixels: Tensor, grid: tuple[int, int]
) -> Tensor:
    """What the vision tower hands to the language model for B stills of one grid, [B, N, D].

    The tower's own forward pass attends within one picture after the other; this one, through the
    same modules, within all at once.
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
        seen = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        states = states + block.attn.proj(seen.transpose(1, 2).reshape(count, cells, -1))
        states = states + block.mlp(block.norm2(states))
    features: Tensor = visual.merger(states).view(*states.shape[:2], -1)
    return features


def _rotated(states: Tensor) -> Tensor:
    first, second = states.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def answer_loss(head: torch.nn.Linear, states: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the labelled tokens, each read one position earlier."""
    following = labels[:, 1:]
    wanted = following != IGNORED
    logits = head(states[:, :-1][wanted])
    return F.cross_entropy(logits.float(), following[wanted])


def weak_readability(
    head: torch.nn.Linear, vision: Tensor, word_tokens: Tensor, kinds: Tensor, true_words: Tensor
) -> Tensor:
    """Loss from the words that are true of a picture, never from where they are true.

    With p[n, w] the probability of word w at vision position n, the picture shows w with
    probability q = 1 - prod_n (1 - p[n, w]) (multiple-instance learning by noisy or, a saturating
    log-sum-exp over positions). True words are pulled to q = 1, others to q = 0, and a true word
    that covers more than `AREA` cells is charged for the rest.

    One cell can show a colour and a shape, so p is a softmax over the words of one kind and all
    tokens that are no such words: in one over everything a colour would drive the shape's word
    off the object.

    Parameters
    ----------
    vision : [B, N, D]
        States at the vision positions.
    word_tokens, kinds : int64 [W]
        Ids of the words' pieces; pieces of equal kind exclude one another.
    true_words : bool [B, W]
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
    said = true_words[:, order]
    none = torch.log1p(-chances.clamp(max=0.999)).sum(1)
    shown = -torch.log(-torch.expm1(none.clamp(max=-1e-4)))
    excess = F.relu(chances.sum(1) / AREA - 1)
    return torch.where(said, shown, -none).mean() + (excess * said).mean()


def mask_readability(
    head: torch.nn.Linear,
    vision: Tensor,
    word_tokens: Tensor,
    cell_words: Tensor,
    background: int,
) -> Tensor:
    """Cross-entropy of each cell against the words of the object that it shows.

    Parameters
    ----------
    vision : [B, N, D]
    word_tokens : int64 [W]
    cell_words : bool [B, N, W]
        Words of each cell's object; none: the cell shows the background.
    background : int
        Id of the background word.
    """
    logs = F.log_softmax(head(vision).float(), dim=-1)
    number = cell_words.sum(-1)
    named = (logs[..., word_tokens] * cell_words).sum(-1) / number.clamp(min=1)
    empty = number == 0
    # Objects and background weigh the same, however much larger the background is.
    return -(named[~empty].sum() / (~empty).sum().clamp(min=1)) - (
        logs[..., background][empty].sum() / empty.sum().clamp(min=1)
    )
