"""A loaded model, ready to be asked and explained."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from tam import __version__, capture
from tam.adapter import Adapter, Encoded, PlacedMedia
from tam.conversation import Conversation, question
from tam.errors import ConversationError
from tam.explanation import Candidate, Explanation, Prediction
from tam.head import head_rows, head_scores
from tam.layout import TextLayout, VisionLayout
from tam.media import Sampling, Source, open_media
from tam.memory import memory_errors
from tam.methods.token_activation import token_activation
from tam.progress import progress
from tam.prompt import Prompt, encode, marker_texts, plain_ids, text_tokens, word_count
from tam.trace import Trace
from tam.words import spell

MAX_NEW_TOKENS = 256
CANDIDATES = 8


@dataclass(frozen=True, eq=False)
class Model:
    """A model with its processor and the adapter of its family.

    Parameters
    ----------
    module
        The transformers model, in evaluation mode.
    processor
        Its processor.
    adapter
        What the toolkit knows of its family.
    provenance
        What was loaded: names, revision, dtype. JSON values only.
    """

    module: Any
    processor: Any
    adapter: Adapter
    provenance: Mapping[str, Any]

    def explain(
        self,
        media: Source | Sequence[Source],
        prompt: str,
        *,
        answer: str | Sequence[int] | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        kernel_size: int = 3,
        sampling: Sampling | None = None,
        allow_urls: bool = False,
        seed: int | None = None,
        **options: Any,
    ) -> Explanation:
        """Ask about pictures or clips, and explain every word of the answer.

        Parameters
        ----------
        media
            A path of a picture, a video or a folder of frames, a PIL image, a uint8 array
            [H, W, 3] or an opened :class:`tam.Media`; or a list of them.
        prompt
            The question.
        answer
            Explain this text (or these token ids) in place of one that the model writes: what it
            said earlier, or what anyone else said.
        max_new_tokens
            Longest answer to write.
        kernel_size
            Odd size of the rank Gaussian filter's window.
        sampling
            Which frames of a clip are taken.
        allow_urls
            Fetch pictures from http(s) addresses.
        seed
            Of the answer, where it is sampled; goes into the provenance.
        **options
            Any options of transformers' ``generate``. Of several sequences the first is explained.

        Raises
        ------
        TamError
            With what went wrong, where, and what to do.
        """
        sources = media if isinstance(media, list | tuple) else [cast(Source, media)]
        opened = [open_media(s, sampling=sampling, allow_urls=allow_urls) for s in sources]
        return self.explain_conversation(
            question(opened, prompt),
            answer=answer,
            max_new_tokens=max_new_tokens,
            kernel_size=kernel_size,
            seed=seed,
            **options,
        )

    def explain_conversation(
        self,
        conversation: Conversation,
        *,
        answer: str | Sequence[int] | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        kernel_size: int = 3,
        seed: int | None = None,
        **options: Any,
    ) -> Explanation:
        """Answer a conversation's last turn, and explain every word of the answer.

        Parameters
        ----------
        conversation
            Turns of texts and opened media; all words before the answer are its context.
        answer, max_new_tokens, kernel_size, seed, **options
            As in :meth:`explain`.
        """
        options = {"max_new_tokens": max_new_tokens, **options}
        with _seeded(seed):
            trace = self.record(conversation, answer=answer, **options)
        if seed is not None:
            trace = replace(trace, provenance={**trace.provenance, "seed": seed})
        with memory_errors():
            return token_activation(trace, kernel_size=kernel_size)

    def record(
        self,
        conversation: Conversation,
        *,
        answer: str | Sequence[int] | None = None,
        **options: Any,
    ) -> Trace:
        """Run the model once on a conversation and keep what a method needs.

        Parameters
        ----------
        conversation
            Its last turn is answered.
        answer, **options
            As in :meth:`explain`.
        """
        prompt = encode(self.processor, conversation, self.adapter)
        vision = self._vision_layout(conversation, prompt)
        with memory_errors():
            run = self._run(prompt, vision, answer, options)
            text, kept = self._text_layout(conversation, prompt, run.ids)
            return self._trace(conversation, vision, text, run, kept, answer is not None, options)

    def _vision_layout(self, conversation: Conversation, prompt: Prompt) -> VisionLayout:
        media = [PlacedMedia(item, turn) for turn, item in conversation.media]
        if not media:
            raise ConversationError(
                "there is no picture", where="conversation", remedy="give at least one"
            )
        config = self.module.config
        return self.adapter.vision_layout(
            Encoded(prompt.ids, prompt.arrays, media, config, self.processor)
        )

    def _run(
        self,
        prompt: Prompt,
        vision: VisionLayout,
        answer: str | Sequence[int] | None,
        options: Mapping[str, Any],
    ) -> capture.Run:
        positions = [token.context_position for token in prompt.tokens]
        wanted = np.union1d(vision.positions, np.array(positions, np.int64))
        common = (self.module, self.adapter, prompt.inputs, wanted)
        if answer is None:
            total = options.get("max_new_tokens")
            with progress("Answering", total) as tick:
                return capture.generate(*common, candidates=CANDIDATES, tick=tick, options=options)
        reply = torch.tensor(self._answer_ids(answer), dtype=torch.int64)
        with progress("Reading the answer", len(reply)) as tick:
            return capture.force(*common[:3], reply, wanted, candidates=CANDIDATES, tick=tick)

    def _answer_ids(self, answer: str | Sequence[int]) -> list[int]:
        if isinstance(answer, str):
            ids = plain_ids(self.processor.tokenizer, answer)
        else:
            ids = [int(token) for token in answer]
        size = self.module.get_input_embeddings().num_embeddings
        if not ids or not all(0 <= token < size for token in ids):
            raise ConversationError(
                "the answer has no tokens" if not ids else "the answer has an unknown token id",
                where="answer",
                remedy=f"give a text, or token ids from 0 to {size - 1}",
            )
        return ids

    def _text_layout(
        self, conversation: Conversation, prompt: Prompt, reply: NDArray[np.int64]
    ) -> tuple[TextLayout, NDArray[np.int64]]:
        """Lay out all text tokens; also give the indices of the reply's targets within it."""
        special = self.special_ids()
        kept = np.array([i for i, token in enumerate(reply) if int(token) not in special], np.int64)
        if not len(kept):
            raise ConversationError(
                "the model wrote no words",
                where="answer",
                remedy="ask in another way, or allow more new tokens",
            )
        tokens = text_tokens(
            self.processor.tokenizer,
            reply[kept],
            kept + len(prompt.ids),
            turn=len(conversation.turns),
            role="assistant",
            first_word=word_count(prompt.tokens),
        )
        return TextLayout(prompt.tokens + tokens, len(prompt.tokens)), kept

    def special_ids(self) -> set[int]:
        """Ids of the tokens that are no words: ends, markers, placeholders."""
        tokenizer = self.processor.tokenizer
        ends = self.module.generation_config.eos_token_id
        special = set(tokenizer.convert_tokens_to_ids(sorted(marker_texts(self.processor))))
        return special | set(ends if isinstance(ends, list) else [ends])

    def _trace(
        self,
        conversation: Conversation,
        vision: VisionLayout,
        text: TextLayout,
        run: capture.Run,
        kept: NDArray[np.int64],
        given: bool,
        options: Mapping[str, Any],
    ) -> Trace:
        head = self.adapter.head(self.module)
        vision_states, context_states = run.at(vision.positions), run.at(text.context_positions)
        ids = torch.from_numpy(text.ids)
        rows = head_rows(head, ids, context_states[-1:])
        scores = None
        if rows is None:
            scores = head_scores(head, ids, torch.cat([vision_states, context_states]))
        return Trace(
            media=tuple(media for _, media in conversation.media),
            vision=vision,
            text=text,
            vision_states=vision_states,
            context_states=context_states,
            head_rows=rows,
            scores=scores,
            predictions=tuple(self._prediction(run, int(index)) for index in kept),
            provenance={
                **self.provenance,
                "answer": "given" if given else "generated",
                "generation": {} if given else {k: repr(v) for k, v in options.items()},
                "notes": [*self.adapter.notes, *_media_notes(conversation)],
            },
        )

    def _prediction(self, run: capture.Run, index: int) -> Prediction:
        sampled = run.sampled_probabilities
        candidates = zip(run.candidate_ids[index], run.candidate_probabilities[index], strict=True)
        return Prediction(
            probability=float(run.probabilities[index]),
            sampled_probability=None if sampled is None else float(sampled[index]),
            candidates=tuple(
                Candidate(int(token), spell(self.processor.tokenizer, [int(token)])[0], float(p))
                for token, p in candidates
            ),
        )


def _media_notes(conversation: Conversation) -> list[str]:
    return [f"{media.name}: {note}" for _, media in conversation.media for note in media.notes]


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Seed torch for as long as the block runs, and leave its generators as they were."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def versions() -> dict[str, str]:
    """Versions of what takes part in a run."""
    packages = {name: version(name) for name in ("transformers", "torch", "numpy")}
    return {"token-activation-map": __version__, "python": platform.python_version(), **packages}
