"""The one place that imports by name: what is imported late stands in closed tables of paths."""

import warnings
from importlib import import_module
from typing import Any

PUBLIC = {
    "Chat": "tam.model.chat:Chat",
    "Conversation": "tam.prompt.conversation:Conversation",
    "Explanation": "tam.explanation.explanation:Explanation",
    "Media": "tam.media:Media",
    "Model": "tam.model.model:Model",
    "Sampling": "tam.media:Sampling",
    "Turn": "tam.prompt.conversation:Turn",
    "Word": "tam.explanation.word:Word",
    "from_states": "tam.served.explaining:from_states",
    "load": "tam.model.loading:load",
    "load_explanation": "tam.files.storage:load_explanation",
    "methods": "tam.methods",
    "open_image": "tam.media:open_image",
    "open_video": "tam.media:open_video",
    "wrap": "tam.model.loading:wrap",
}
"""What ``import tam`` offers, imported at its first use."""

DOORS = {
    "export": "tam.render.export:export",
    "notebook_html": "tam.report.notebook:notebook_html",
    "notebook_png": "tam.report.notebook:notebook_png",
    "plot": "tam.render.plot:plot",
    "words_frame": "tam.render.table:words_frame",
    "write_explanation": "tam.report.folder:write_explanation",
}
"""What an explanation and its words hand themselves to. These import them, so not the reverse."""


def resolve(path: str) -> Any:
    """Import what a table's entry names.

    Parameters
    ----------
    path
        ``"module:attribute"``, or a module alone.
    """
    module, _, attribute = path.partition(":")
    with warnings.catch_warnings():
        # transformers imports tqdm, whose notebook bar warns; no bar is shown there anyway.
        warnings.filterwarnings("ignore", "IProgress not found")
        found = import_module(module)
    return getattr(found, attribute) if attribute else found
