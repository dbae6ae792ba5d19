"""Run every notebook, and store it with outputs that a forge shows.

    python docs/make_notebooks.py

The viewer needs a script, which forges drop; in its place the stored notebook has a contact sheet
of the words. Warnings, times and the counts of executions are left out.
"""

import base64
import io
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
WIDEST, QUALITY = 700, 85
"""Pixels of the longer side, and JPEG quality, of a stored picture."""

# Run before the first cell, and not stored.
STATIC = """
from IPython.display import Video
import tam
from tam.files.png import encode_png
from tam.render.sheet import contact_sheet

formatters = get_ipython().display_formatter.formatters
for kind in (tam.Explanation, Video):
    formatters["text/html"].for_type(kind, lambda shown: None)

def sheet(shown):
    words = [word for word in shown.words if word.text.isalpha()][:12]
    return encode_png(contact_sheet(shown, words, cell=150))

formatters["image/png"].for_type(tam.Explanation, sheet)
"""


def main() -> int:
    """Write all notebooks; return 0."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "adapters")])
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, 4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(STATIC))
        with tempfile.TemporaryDirectory() as folder:
            NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
        del notebook.cells[0]
        for cell in notebook.cells:
            _reduce(cell)
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def _reduce(cell: nbformat.NotebookNode) -> None:
    """Leave out what differs from one run to the next, and what says nothing without the viewer."""
    cell.metadata.pop("execution", None)
    if cell.cell_type != "code":
        return
    cell.execution_count = None
    cell.outputs = [item for item in cell.outputs if item.get("name") != "stderr"]
    for item in cell.outputs:
        if "execution_count" in item:
            item.execution_count = None
        if "image/png" in item.get("data", {}):
            item.data["image/jpeg"] = _jpeg(item.data.pop("image/png"))


def _jpeg(png: str) -> str:
    """Make a small JPEG of a PNG, both in Base64."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    image.thumbnail((WIDEST, WIDEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return base64.b64encode(stream.getvalue()).decode("ascii")


if __name__ == "__main__":
    sys.exit(main())
