"""PaliGemma: squashed pictures, then a prompt with bidirectional attention."""

import re
from collections.abc import Mapping
from typing import Any

from tam.errors import ModelError
from tam.families.boxes import BoxStyle, parts
from tam.families.processor import Processor
from tam_adapters.square import SquareAdapter


class PaliGemmaAdapter(SquareAdapter):
    """Places the patches of a SigLIP tower. A prompt is the pictures followed by the text."""

    family = "PaliGemma"
    notes = (
        "PaliGemma's prompt has bidirectional attention: the states of the picture's tokens depend "
        "on the text of the question, and those of the question's words on the words after them.",
    )
    causal = False
    reply_token_type = 1
    boxes = BoxStyle(
        "detect {noun}", re.compile(r"<loc(\d{4})>" * 4), sides=(1, 0, 3, 2), units=parts(1024)
    )
    # The processor has no template: it inserts the first token after the pictures and a line break
    # after the text.
    chat_template = (
        "{% for message in messages %}{% if not loop.first %}\n{% endif %}"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
        "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a prompt, without training labels, and record the tokens that were inserted.

        Raises
        ------
        ModelError
            If the prompt shows no picture.
        """
        if "images" not in options:
            raise ModelError(
                "PaliGemma requires a picture",
                where="conversation",
                remedy="give a picture, and no clips",
            )
        outputs = processor(**options)
        outputs.pop("labels", None)
        first = processor.tokenizer.bos_token or ""
        insertion = options["text"][0].rfind(processor.image_token) + len(processor.image_token)
        outputs["text_replacement_offsets"][0].append(
            {"span": (insertion, insertion), "new_span": (insertion, insertion + len(first))}
        )
        return outputs
