"""The only importer by name, for the closed tables of lazily imported objects."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

PUBLIC = {
    "Chat": "tam.model.chat:Chat",
    "Conversation": "tam.prompt.conversation:Conversation",
    "Cut": "tam.media:Cut",
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
"""The public names of ``tam``, imported at their first use."""

DOORS = {
    "export": "tam.render.export:export",
    "notebook_html": "tam.report.notebook:notebook_html",
    "notebook_png": "tam.report.notebook:notebook_png",
    "plot": "tam.render.plot:plot",
    "words_frame": "tam.render.table:words_frame",
    "write_explanation": "tam.report.folder:write_explanation",
}
"""Functions that explanations and words are passed to; they import these types themselves."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from collecting garbage while a block imports.

    Modules consist of objects that stay: looking for garbage among them finds none, and takes a
    tenth of the time in which torch and transformers are imported.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resolve(path: str) -> Any:
    """Import the object that an entry of a table names.

    Parameters
    ----------
    path
        ``"module:attribute"``, or a module alone.
    """
    module, _, attribute = path.partition(":")
    with warnings.catch_warnings(), uncollected():
        # transformers imports tqdm, whose notebook bar warns; no bar is shown there anyway.
        warnings.filterwarnings("ignore", "IProgress not found")
        found = import_module(module)
    return getattr(found, attribute) if attribute else found
