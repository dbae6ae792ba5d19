"""Talk about a picture in the browser, and click a word to see where it came from.

    pip install "token-activation-map[app]"
    python examples/gradio_app.py [--model MODEL] [--port PORT]

The page is served to this machine alone and loads nothing from elsewhere.
"""

import argparse
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np
from numpy.typing import NDArray

import tam
from tam.errors import ConversationError
from tam.render import word_image
from tam.report.notebook import notebook_html

Picture = NDArray[np.uint8]
Spans = list[tuple[str, float | None]]


def ask(
    model: tam.Model, chat: tam.Chat | None, picture: Picture | None, text: str
) -> tuple[tam.Chat, Spans, Picture, str]:
    """Say something about the picture; without a chat a new one begins.

    Returns
    -------
    The chat, the words of the reply, each with its share: visual / (visual + textual); the map
    of the most visual word; and the viewer as HTML.
    """
    if picture is None:
        raise ConversationError("no picture is given", where="chat", remedy="upload one")
    chat, shown = (chat, []) if chat else (tam.Chat(model), [picture])
    result = chat.say(text, shown)
    spans = [(word.text, word.share) for word in result]
    strongest = max(result, key=lambda word: word.visual or 0)
    return chat, spans, word_image(strongest), notebook_html(result)


def chosen_map(chat: tam.Chat, index: int) -> Picture:
    """Draw the map of a word of the last reply."""
    return word_image(chat.explanations[-1].words[index])


def build(model: tam.Model) -> gr.Blocks:
    """Lay out the page."""

    def asked(chat: tam.Chat | None, picture: Picture | None, text: str) -> tuple[object, ...]:
        try:
            return (*ask(model, chat, picture, text), "")
        except tam.TamError as error:
            raise gr.Error(str(error)) from error

    def clicked(chat: tam.Chat, event: gr.SelectData) -> Picture:
        return chosen_map(chat, event.index)

    with gr.Blocks(title="Token Activation Map", analytics_enabled=False) as page:
        gr.Markdown("# Token Activation Map\nUpload a picture, ask, and click a word.")
        chat = gr.State(None)
        with gr.Row():
            with gr.Column():
                picture = gr.Image(type="numpy", label="Picture", sources=["upload", "clipboard"])
                text = gr.Textbox(label="You", value="Describe this image.")
                send = gr.Button("Ask", variant="primary")
            with gr.Column():
                words = gr.HighlightedText(
                    label="Reply; the darker a word, the larger its share from the picture",
                    show_legend=False,
                )
                shown = gr.Image(label="The word's map", interactive=False, elem_id="map")
        with gr.Accordion("The whole conversation", open=False):
            viewer = gr.HTML()
        outputs = [chat, words, shown, viewer, text]
        gr.on([send.click, text.submit], asked, [chat, picture, text], outputs)
        words.select(clicked, chat, shown)
        picture.change(lambda: None, outputs=chat)  # another picture begins another conversation
    return page


def main() -> None:
    """Serve the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="small")
    parser.add_argument("--port", type=int, default=7860)
    arguments = parser.parse_args()
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    build(tam.load(arguments.model)).launch(
        server_name="127.0.0.1", server_port=arguments.port, theme=theme
    )


if __name__ == "__main__":
    main()
