"""A replay: a recorded conversation that can be run through its model again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tam.capture.access import exclusive
from tam.capture.padding import padded
from tam.capture.placing import placed
from tam.errors import ModelError
from tam.families.checkpoint import Checkpoint
from tam.media.media import Media
from tam.prompt.conversation import Conversation
from tam.prompt.encoding import encode
from tam.recording.recording import Recording
from tam.recording.trace import Trace
from tam.replay.layers import (
    LayerName,
    final_norm,
    language_layers,
    numbered,
    parsed,
    vision_layers,
)
from tam.replay.lrp_attention import NAME as ATTN_LRP
from tam.replay.lrp_rules import Rules
from tam.replay.passing import (
    ActivationHook,
    Attentions,
    CrossAttentions,
    Hooks,
    Pass,
    Replaced,
    registered,
)
from tam.replay.readings import Reading, leads_of, log_probabilities_of
from tam.replay.settings import attention_by, frozen

# The largest difference from the recorded log-probabilities that rounding can explain.
_ROUNDING = {torch.float32: 0.02}
_HALF_ROUNDING = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A recorded conversation together with its model.

    Parameters
    ----------
    checkpoint
        The model with which the conversation was recorded.
    recording
        The recorded conversation and run.
    """

    checkpoint: Checkpoint
    recording: Recording

    def __repr__(self) -> str:
        return f"<Replay of {self.recording!r}>"

    @property
    def trace(self) -> Trace:
        """The trace of the recorded run."""
        return self.recording.trace

    @cached_property
    def inputs(self) -> dict[str, torch.Tensor]:
        """The model's inputs for the prompt and the reply as one sequence of L tokens."""
        return placed(
            self.checkpoint.module, self._with_reply(self.recording.prepared.prompt.inputs)
        )

    @cached_property
    def pixels(self) -> dict[str, torch.Tensor]:
        """The inputs that hold the pictures."""
        return {
            name: value
            for name, value in self.inputs.items()
            if "pixel" in name and value.is_floating_point()
        }

    @cached_property
    def layers(self) -> nn.ModuleList:
        """The layers of the language model."""
        return language_layers(self.checkpoint.module, self.checkpoint.adapter)

    @cached_property
    def final_norm(self) -> nn.Module:
        """The norm between the last layer and the head."""
        return final_norm(self.checkpoint.module, self.checkpoint.adapter)

    def layer(self, name: LayerName) -> tuple[nn.Module, bool]:
        """Look up a layer by name; also return whether its input is meant instead of its output."""
        kind, index = parsed(name)
        layers = self.layers
        if kind == "vision":
            layers = vision_layers(self.checkpoint.module, self.checkpoint.adapter)
        return layers[numbered(layers, index, name)], kind == "input"

    def read_by_head(self, last: int) -> torch.Tensor:
        """Return the input of the LM head in an ordinary pass, in the caller's gradient mode.

        Parameters
        ----------
        last
            The number of positions to return, counted from the end of the prompt and reply.

        Returns
        -------
        torch.Tensor
            [last, D], or fewer rows if the sequence is shorter.
        """
        model, seen = self.checkpoint.module, []
        with exclusive(model):
            handle = self.checkpoint.lm_head.register_forward_pre_hook(
                lambda _, given: seen.append(given[0][0])
            )
            try:
                model(**self.inputs, use_cache=False, logits_to_keep=last)
            finally:
                handle.remove()
        states: torch.Tensor = seen[0]
        return states

    def run(
        self,
        targets: Sequence[int],
        *,
        layers: Sequence[LayerName] = (),
        gradients: bool = False,
        attention: bool = False,
        cross_attention: bool = False,
        pixels: Mapping[str, torch.Tensor] | None = None,
        vision_input: torch.Tensor | None = None,
        rules: Rules | None = None,
        checked: bool = True,
    ) -> Pass:
        """Read the prompt and the reply in one pass, without a cache.

        Parameters
        ----------
        targets
            Indices of the targets whose scores are returned.
        layers
            Layers whose states are kept.
        gradients
            Whether to build the autograd graph from these states and the attention weights to the
            scores.
        attention
            Whether to keep the attention weights of the language model.
        cross_attention
            Whether to keep the weights of its cross-attention to the pictures instead.
        pixels
            Pixel inputs that replace the recorded ones; all other inputs stay the same.
        vision_input
            [N, D]: states that replace those of the cells in the first layer's input.
        rules
            Rules for the gradients; they cannot be combined with attention weights or other pixels.
        checked
            Whether to check the recorded log-probabilities, if the pictures are unchanged.

        Raises
        ------
        InputError
            If there is no such layer.
        ModelError
            If one pass over the reply gives different probabilities than generating it, or the
            model returns no attention weights.
        """
        activations = [ActivationHook(graph=gradients) for _ in layers]
        length = int(self.inputs["input_ids"].shape[1])
        weights = [Attentions(length) for _ in self.layers] if attention else []
        hooks = self._hooks(layers, activations, weights, vision_input)
        crossed = CrossAttentions()
        if cross_attention:
            readers = self.checkpoint.adapter.cross_attentions(self.checkpoint.module)
            hooks.after.extend((module, crossed.output) for module in readers)
        if (attention or cross_attention) and gradients:
            hooks.before.append((self.layers[0], ActivationHook(graph=True).input))
        text = self.trace.text
        with ExitStack() as stack:
            stack.enter_context(exclusive(self.checkpoint.module))
            stack.enter_context(torch.set_grad_enabled(gradients))
            stack.enter_context(frozen(self.checkpoint.module))
            stack.enter_context(registered(hooks))
            if rules or attention or cross_attention:
                name, module = ATTN_LRP if rules else "eager", self.checkpoint.module
                part = module if rules and rules.whole_model else self.layers
                stack.enter_context(attention_by(name, module, part))
            if rules:
                stack.enter_context(rules.active())
            inputs = {**self.inputs, **(pixels or {}), **(rules.pixels if rules else {})}
            [logits] = self._logits(inputs, text.context_positions)
            ids = torch.from_numpy(text.ids).to(logits.device)
            index = torch.as_tensor(np.asarray(targets, np.int64), device=logits.device)
            chosen, own = logits[index].float(), ids[index][:, None]
            scores = chosen.gather(1, own)[:, 0]
        if checked and pixels is None and vision_input is None:
            self._check_reply(logits.detach(), ids)
        return Pass(
            scores=scores,
            log_probabilities=chosen.detach().log_softmax(-1).gather(1, own)[:, 0],
            states=tuple(activation.seen for activation in activations),
            attentions=self._attentions(weights) if attention else tuple(crossed.seen),
        )

    def log_probabilities(
        self, edited: Iterable[Sequence[Media]], *, batch: int = 16
    ) -> NDArray[np.float32]:
        """Read the reply after edited pictures, without gradients.

        Parameters
        ----------
        edited
            E versions of the conversation's media, each of its recorded size.
        batch
            How many versions go through the model at once.

        Returns
        -------
        ndarray
            float32 [E, R]: the log-probability of each of the reply's R targets.
        """
        return self._readings(map(self._about, edited), batch)

    def leads(self, edited: Iterable[Sequence[Media]], *, batch: int = 16) -> NDArray[np.float32]:
        """Return how far the model prefers the reply's tokens to any other after edited pictures.

        Parameters and cost are those of :meth:`log_probabilities`.

        Returns
        -------
        ndarray
            float32 [E, R]: each target's logit minus the highest of the other tokens, in nats. The
            model would have said another one where it is negative.
        """
        return self._readings(map(self._about, edited), batch, read=leads_of)

    def reworded(
        self, versions: Iterable[Mapping[int, int]], *, batch: int = 16
    ) -> NDArray[np.float32]:
        """Read the reply with replaced tokens in the prompt or the reply, without gradients.

        Parameters
        ----------
        versions
            E mappings from positions to the token ids that replace the recorded ones there.
        batch
            How many versions go through the model at once.

        Returns
        -------
        ndarray
            float32 [E, R]: the log-probability of each of the reply's R recorded targets.
        """
        whole = self._with_reply(self.recording.prepared.prompt.inputs)

        def edited() -> Iterator[Mapping[str, torch.Tensor]]:
            for version in versions:
                ids = whole["input_ids"].clone()
                ids[0, list(version)] = torch.tensor(list(version.values())).to(ids)
                yield {**whole, "input_ids": ids}

        return self._readings(edited(), batch)

    def _about(self, media: Sequence[Media]) -> dict[str, torch.Tensor]:
        """Encode the conversation with other pictures, followed by the reply."""
        recorded = self.recording.prepared
        conversation = with_media(recorded.conversation, media)
        checkpoint, variables = self.checkpoint, recorded.template_variables
        prompt = encode(checkpoint.processor, conversation, checkpoint.adapter, variables)
        return self._with_reply(prompt.inputs)

    def _readings(
        self,
        requests: Iterable[Mapping[str, torch.Tensor]],
        batch: int,
        read: Reading = log_probabilities_of,
    ) -> NDArray[np.float32]:
        """Read the reply after each of several prompts, ``batch`` of them at once."""
        size = batch if self.checkpoint.adapter.batches else 1
        remaining = iter(requests)
        readings = []
        while part := list(islice(remaining, size)):
            readings.append(self._read(part, read))
        targets = len(self.trace.text.tokens) - self.trace.text.prompt_targets
        return np.concatenate([np.zeros((0, targets), np.float32), *readings])

    def _read(
        self, requests: Sequence[Mapping[str, torch.Tensor]], read: Reading
    ) -> NDArray[np.float32]:
        text = self.trace.text
        inputs = placed(self.checkpoint.module, padded(requests, 0))
        with exclusive(self.checkpoint.module), torch.no_grad():
            logits = self._logits(inputs, text.context_positions[text.prompt_targets :])
        ids = torch.from_numpy(text.ids[text.prompt_targets :]).to(logits.device)
        reading: NDArray[np.float32] = read(logits.float(), ids).cpu().numpy()
        return reading

    def _logits(
        self, inputs: Mapping[str, torch.Tensor], positions: NDArray[np.int64]
    ) -> torch.Tensor:
        """Run the model without a cache, and return the logits [B, P, V] at some positions."""
        model = self.checkpoint.module
        length = int(inputs["input_ids"].shape[1])
        keep = length - int(positions.min())
        logits: torch.Tensor = model(**inputs, use_cache=False, logits_to_keep=keep).logits
        # Some families ignore ``logits_to_keep`` and return the logits of all positions.
        return logits[:, positions - (length - logits.shape[1])]

    def _hooks(
        self,
        layers: Sequence[LayerName],
        activations: Sequence[ActivationHook],
        weights: Sequence[Attentions],
        vision_input: torch.Tensor | None,
    ) -> Hooks:
        hooks = Hooks([], [])
        if vision_input is not None:
            positions = torch.from_numpy(self.trace.vision.positions)
            hooks.before.append((self.layers[0], Replaced(positions, vision_input).input))
        for name, activation in zip(layers, activations, strict=True):
            module, is_input = self.layer(name)
            if is_input:
                hooks.before.append((module, activation.input))
            else:
                hooks.after.append((module, activation.output))
        for layer, kept in zip(self.layers, weights, strict=False):
            hooks.after.extend((part, kept.output) for part in layer.modules())
        return hooks

    def _with_reply(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Append the reply's ids to the inputs, and extend all inputs with an entry per token."""
        ids = torch.from_numpy(self.recording.run.ids)
        length = inputs["input_ids"].shape[1]
        longer = {}
        for name, value in inputs.items():
            if value.shape[:2] == (1, length):
                more = value[:, -1:].expand(1, len(ids), *value.shape[2:])
                if name == "input_ids":
                    more = ids[None].to(value)
                elif "token_type" in name:
                    more = torch.full_like(more, self.checkpoint.adapter.reply_token_type)
                value = torch.cat([value, more], dim=1)
            longer[name] = value
        return longer

    def _check_reply(self, logits: torch.Tensor, ids: torch.Tensor) -> None:
        """Compare the pass with the probabilities recorded when the reply was written or read."""
        first = self.trace.text.prompt_targets
        rows = logits[first:].float().log_softmax(-1).gather(1, ids[first:, None])[:, 0]
        recorded = torch.tensor([step.probability for step in self.trace.predictions]).log()
        difference = float((rows.cpu() - recorded).abs().max())
        if not difference <= _ROUNDING.get(logits.dtype, _HALF_ROUNDING):
            raise ModelError(
                "one pass over the reply gives different probabilities than generating it "
                f"(log-probabilities differ by {difference:.2g})",
                where=self.checkpoint.adapter.family,
                remedy="use a method that needs no second pass, such as tam",
            )

    def _attentions(self, layers: Sequence[Attentions]) -> tuple[torch.Tensor, ...]:
        weights = tuple(layer.seen[0] for layer in layers if layer.seen)
        if not weights:
            raise ModelError(
                "returns no attention weights",
                where=self.checkpoint.adapter.family,
                remedy="use a method that needs none, such as tam",
            )
        return weights


def with_media(conversation: Conversation, media: Sequence[Media]) -> Conversation:
    """Return the same conversation with other pictures."""
    remaining = iter(media)
    turns = tuple(
        replace(
            turn,
            parts=tuple(
                next(remaining) if isinstance(part, Media) else part for part in turn.parts
            ),
        )
        for turn in conversation.turns
    )
    return Conversation(turns)
