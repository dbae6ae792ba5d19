"""Import by name, for the fixed tables of lazily imported objects; used nowhere else."""

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
"""The public names of ``tam``, imported on first use."""

DOORS = {
    "export": "tam.render.export:export",
    "notebook_html": "tam.report.notebook:notebook_html",
    "notebook_png": "tam.report.notebook:notebook_png",
    "plot": "tam.render.plot:plot",
    "words_frame": "tam.render.table:words_frame",
    "write_explanation": "tam.report.folder:write_explanation",
}
"""Functions that take explanations or words; lazy, because their modules import these types."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection while a block runs imports.

    Imported modules are long-lived, so a collection frees nothing, yet collections take a tenth of
    the time needed to import torch and transformers.
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
    """Import the object that a table entry names.

    Parameters
    ----------
    path
        ``"module:attribute"``, or just a module.
    """
    module, _, attribute = path.partition(":")
    with warnings.catch_warnings(), uncollected():
        # transformers imports tqdm, which warns about its notebook bar; none is shown here anyway.
        warnings.filterwarnings("ignore", "IProgress not found")
        found = import_module(module)
    return getattr(found, attribute) if attribute else found
