"""Explain the words of a reply while it is being written, each as soon as its end is certain."""

import numpy as np
import torch

from tam.capture.hooks import Logits, States
from tam.defaults import KERNEL_SIZE
from tam.engine.incremental import IncrementalMaps
from tam.errors import ConversationError
from tam.explanation.explanation import Explanation, Prediction, Word
from tam.families.checkpoint import Checkpoint
from tam.geometry.layout import TextToken
from tam.methods import Chosen
from tam.methods.token_activation import as_cap, provenance_of
from tam.prompt.encoding import word_count
from tam.recording.lm_head import LMHead
from tam.recording.prepared import Prepared, special_ids
from tam.recording.recording import candidates, provenance
from tam.recording.reply_tokens import reply_tokens
from tam.text.words import decode_pieces, stable_prefix


class LiveWords:
    """The finished words of a reply that is being written.

    Parameters
    ----------
    checkpoint
        The model that writes.
    prepared
        The conversation that it answers.
    method
        The method. If it needs the whole reply, the words have no maps yet. If another method
        supplies the relevance of earlier words, they have no relevance yet.

    Attributes
    ----------
    follows
        Whether states have arrived one token at a time so far, and single rows of the LM head can
        be read. Otherwise no further words are yielded.
    """

    def __init__(self, checkpoint: Checkpoint, prepared: Prepared, method: Chosen) -> None:
        self.follows = True
        self._checkpoint = checkpoint
        self._prepared = prepared
        self._mapped = method.method.streams
        self._related = method.relevance is None
        self._kernel_size = int(method.options.get("kernel_size", KERNEL_SIZE))
        self._eci_cap: float | None = method.options.get("eci_cap")
        self._special = special_ids(checkpoint)
        self._head = LMHead(checkpoint.lm_head, checkpoint.module)
        self._maps: IncrementalMaps | None = None
        self._tokens: list[TextToken] = list(prepared.prompt.tokens)
        self._predictions: list[Prediction] = []
        # Ids and reply indices of the tokens whose words have no certain end yet, and the ids of
        # the words just before them: some tokenizers decode a token according to what precedes it.
        self._waiting: list[tuple[int, int]] = []
        self._before: list[int] = []
        self._written = 0
        self._given = 0

    def add(self, states: States, logits: Logits, token: int) -> list[Word]:
        """Add the next token of the reply.

        Parameters
        ----------
        states, logits
            The states and logits kept so far.
        token
            The id of the token.

        Returns
        -------
        The words that this token finishes, all from one explanation of the reply so far.
        """
        place, self._written = self._written, self._written + 1
        self.follows &= states.complete(self._written) and logits.steps == self._written
        if not self.follows:
            return []
        if self._mapped:
            self._extend(states, token)
        if not self.follows or token in self._special:
            return []
        self._predictions.append(self._prediction(logits))
        self._waiting.append((token, place))
        return self._finished(stable_prefix(self._pieces()))

    def rest(self) -> list[Word]:
        """Return the remaining words once the reply has ended."""
        return self._finished(len(self._waiting))

    def explanation(self) -> Explanation:
        """Return the explanation of the reply up to the last word returned so far.

        Raises
        ------
        ConversationError
            If no word has been returned.
        """
        prepared, maps, count = self._prepared, self._maps, len(self._tokens)
        first = len(prepared.prompt.tokens)
        if count == first:
            raise ConversationError(
                "the model wrote no words",
                where="answer",
                remedy="ask in another way, or allow more new tokens",
            )
        told = provenance(self._checkpoint, prepared, None, {})
        method = provenance_of(self._kernel_size, self._eci_cap)
        unmapped = np.full((count, len(prepared.vision.positions)), np.nan, np.float32)
        return Explanation(
            media=tuple(item for _, item in prepared.conversation.media),
            tokens=tuple(self._tokens),
            prompt_targets=first,
            predictions=tuple(self._predictions[: count - first]),
            grids=prepared.vision.grids,
            maps=maps.maps(count) if maps else unmapped,
            text_scores=maps.text_scores(count) if maps and self._related else None,
            relevance=maps.relevance(count) if maps and self._related else None,
            provenance={**told, "method": method} if maps else told,
        )

    def _extend(self, states: States, token: int) -> None:
        """Compute the map of the next token."""
        maps = self._maps or self._begun(states)
        if maps is not None and token not in self._special:
            maps.extend(states.latest(), [token])

    def _begun(self, states: States) -> IncrementalMaps | None:
        """Explain the prompt's words; None if each word would need the whole LM head."""
        prompt, vision = self._prepared.prompt, self._prepared.vision
        positions, kept = states.of(0, 0, 1)
        places = [
            torch.from_numpy(np.searchsorted(positions, wanted)).to(kept.device)
            for wanted in (vision.positions, [t.context_position for t in prompt.tokens])
        ]
        cells, context = kept[places[0]], kept[places[1]]
        ids = [t.id for t in prompt.tokens]
        if not self._head.reads_rows(cells[-1:]):
            self.follows = False
            return None
        grids = vision.filter_grids
        self._maps = IncrementalMaps(
            self._head.scores, cells, grids, len(ids), self._kernel_size, as_cap(self._eci_cap)
        )
        if ids:
            self._maps.extend(context, ids)
        return self._maps

    def _prediction(self, logits: Logits) -> Prediction:
        probability, ids, best = logits.latest()
        return Prediction(
            probability=probability,
            sampled_probability=None,
            candidates=candidates(self._checkpoint, ids, best),
        )

    def _pieces(self) -> list[str]:
        ids = [*self._before, *(token for token, _ in self._waiting)]
        return decode_pieces(self._checkpoint.tokenizer, ids)[len(self._before) :]

    def _finished(self, count: int) -> list[Word]:
        """Build words from the first ``count`` waiting tokens."""
        if not count:
            return []
        # All waiting tokens are grouped, because later ones can decide where a word ends.
        ids, places = zip(*self._waiting, strict=True)
        tokens = reply_tokens(
            self._checkpoint.tokenizer,
            self._prepared,
            ids,
            places,
            first_word=word_count(tuple(self._tokens)),
            before=self._before,
        )
        self._tokens += tokens[:count]
        self._before = list(ids[:count])
        self._waiting = self._waiting[count:]
        words = self.explanation().words[self._given :]
        self._given += len(words)
        return list(words)
