"""``tam explain --batch``: many questions, divided among all processes.

The items are a CSV file in UTF-8 with a header and one row for each question::

    image       path relative to the file; a semicolon separates several pictures of one question
    prompt      optional; the question, --prompt by default
    answer      optional; a given reply to read instead of one that the model writes

or a folder, each file of which is one item. Under ``accelerate launch``, each of P processes takes
every P-th item. Items that are already explained are skipped, so that a stopped run can continue.
"""

import csv
import hashlib
import io
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.defaults import BATCH_SIZE
from tam.errors import InputError, OutputError, TamError, os_errors_as_tam_errors
from tam.files.reading import read_bounded, read_json
from tam.files.storage import JSON_NAME, load_explanation
from tam.files.writing import rewriting_file
from tam.progress import progress
from tam.render.table import guarded
from tam.text.printable import one_line
from tam.text.slug import slug

if TYPE_CHECKING:
    from tam.model.model import Model

SETTINGS, INDEX, PICTURES = "batch.json", "index.csv", "pictures.json"
_COLUMNS = ("name", "image", "prompt", "answer", "error")
_LARGEST = 2**28
_REMEDY = "give a CSV file in UTF-8 with a column image"


@dataclass(frozen=True)
class Item:
    """One question of a batch: its name, its files, its prompt, and a given answer if any."""

    name: str
    images: tuple[Path, ...]
    prompt: str
    answer: str | None


def read_items(source: Path, prompt: str) -> list[Item]:
    """Read the items of a CSV file or a folder.

    Parameters
    ----------
    source
        The file or the folder.
    prompt
        The prompt of items that do not have their own.

    Raises
    ------
    InputError
        If there are none, or a row has no image or no prompt.
    """
    rows = list(_folder_rows(source) if source.is_dir() else _csv_rows(source))
    if not rows:
        raise InputError("holds no items", where=str(source), remedy=_REMEDY)
    items = []
    for number, row in enumerate(rows, start=1):
        names = [name.strip() for name in row["image"].split(";") if name.strip()]
        asked = row["prompt"] or prompt
        if not names or not asked:
            raise InputError(
                f"item {number} has no {'prompt' if names else 'image'}",
                where=str(source),
                remedy="fill it in, or give --prompt" if names else "fill it in",
            )
        base = source if source.is_dir() else source.parent
        images = tuple(base / name for name in names)
        name = f"{number:05d}-{slug(images[0].stem)}"
        items.append(Item(name, images, asked, row["answer"] or None))
    return items


def explain_batch(
    items: Sequence[Item],
    out: Path,
    wanted: Mapping[str, Any],
    loading: Mapping[str, Any],
    saving: Mapping[str, Any],
) -> None:
    """Explain the items that are not yet explained, and write a table of all items.

    Parameters
    ----------
    items
        From :func:`read_items`.
    out
        The folder for the table and a folder of each item.
    wanted
        Options of :meth:`tam.Model.explain_batch`.
    loading
        Arguments of :func:`tam.load`.
    saving
        Arguments of :meth:`tam.Explanation.save`.

    Raises
    ------
    OutputError
        If the folder holds other files, or explanations made with other options, or of other
        weights or another picture of the same name.
    InputError
        If some items could not be explained; raised at the end, after the others are.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import gather_object

    from tam.model.fingerprint import keep_to_weights
    from tam.model.loading import load

    wanted = {name: value for name, value in wanted.items() if name != "answer"}
    state = PartialState(cpu=not torch.cuda.is_available())
    if state.is_main_process:
        _claim(out, items, wanted, loading)
        _keep_to_pictures(out, items)
    state.wait_for_everyone()
    missing = [item for item in items if not _is_explained(out, item)]
    own = missing[state.process_index :: state.num_processes]
    # All processes must list the folder before any of them adds to it.
    state.wait_for_everyone()
    failed: list[tuple[str, str]] = []
    if own:
        given = dict(loading)
        if state.device.type == "cuda" and given.get("device_map") is None:
            given["device_map"] = {"": state.device}
        model = load(**given)
        if state.is_main_process:
            keep_to_weights(out, str(model.provenance["model"]), model.module)
        failed = list(_failures(model, own, out, wanted, saving))
    errors = dict(gather_object(failed))
    if state.is_main_process:
        _write_index(items, out, errors)
        print((out / INDEX).resolve())
    state.wait_for_everyone()
    if errors and state.is_main_process:
        raise InputError(
            f"{len(errors)} of {len(items)} items could not be explained",
            where=str(out / INDEX),
            remedy="see its column error; the same command tries them again",
        )


def _failures(
    model: "Model",
    items: Sequence[Item],
    out: Path,
    wanted: Mapping[str, Any],
    saving: Mapping[str, Any],
) -> Iterator[tuple[str, str]]:
    """Explain items and save them; yield the name and the error of each that fails.

    Explanations are saved in another thread while the model answers the next questions.
    """
    questions = [([str(image) for image in item.images], item.prompt) for item in items]
    found = model.explain_batch(
        questions,
        batch_size=BATCH_SIZE,
        keep_going=True,
        answer=[item.answer for item in items],
        **wanted,
    )
    with progress("Explaining", len(items)) as tick, _beside(BATCH_SIZE) as save:
        for item, result in zip(items, found, strict=True):
            tick()
            if isinstance(result, TamError):
                print(one_line(f"{item.name}: {result}"), file=sys.stderr)
                yield item.name, str(result)
            else:
                save(partial(result.save, out / item.name, **saving))


@contextmanager
def _beside(most: int) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Run functions in another thread, in order, with at most ``most`` of them waiting.

    An error in one of them is raised by a later call, or at the end of the block. If the block
    itself raises an error, functions that have not started are dropped.
    """
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[object]] = deque()

        def add(work: Callable[[], object]) -> None:
            waiting.append(pool.submit(work))
            while len(waiting) > most:
                waiting.popleft().result()

        try:
            yield add
            while waiting:
                waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _claim(
    out: Path, items: Sequence[Item], wanted: Mapping[str, Any], loading: Mapping[str, Any]
) -> None:
    """Claim a folder for a batch, or continue the same batch there."""
    asked = {name: repr(value) for name, value in {**loading, **wanted}.items()}
    told = [[item.name, item.prompt, item.answer] for item in items]
    settings = {"batch": 1, "options": asked, "items": told}
    path = out / SETTINGS
    with os_errors_as_tam_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            if not path.exists():
                raise OutputError(
                    "is not empty, and no batch was explained into it",
                    where=str(out),
                    remedy="name another folder",
                )
            if read_json(path, remedy="name another folder", kind=OutputError) != settings:
                raise OutputError(
                    "holds explanations of other items or with other options",
                    where=str(out),
                    remedy="name another folder, or give the same to go on",
                )
            return
        with rewriting_file(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _keep_to_pictures(out: Path, items: Sequence[Item]) -> None:
    """Record the digests of each item's files, and refuse a folder that explained other files."""
    path = out / PICTURES
    known: Any = {}
    if path.exists():
        known = read_json(path, remedy="name another folder", kind=OutputError)
    if not _lists_digests(known):
        raise OutputError("does not hold digests", where=str(path), remedy="name another folder")
    found = {item.name: [_digest(image) for image in item.images] for item in items}
    for item in items:
        if not _is_explained(out, item):
            continue
        before = known.get(item.name, found[item.name])
        # What has gone since cannot have been replaced, and its record stays.
        same = len(before) == len(item.images) and all(
            new == old or None in (new, old)
            for new, old in zip(found[item.name], before, strict=True)
        )
        if not same:
            raise OutputError(
                "was explained, and its picture has changed since",
                where=str(out / item.name),
                remedy="delete this folder to explain the new one, or name another --out",
            )
        found[item.name] = before
    if found != known:
        with rewriting_file(path) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, or of a folder's files, or None if it cannot be read.

    What cannot be read is reported when its item is explained.
    """
    digest = hashlib.sha256()
    try:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError:
        return None
    return digest.hexdigest() if path.exists() else None


def _lists_digests(known: object) -> bool:
    """Whether what was read is a list of digests, or None in their place, for each item."""
    return isinstance(known, dict) and all(
        isinstance(digests, list) and all(isinstance(item, str | None) for item in digests)
        for digests in known.values()
    )


def _is_explained(out: Path, item: Item) -> bool:
    return (out / item.name / JSON_NAME).is_file()


def _write_index(items: Sequence[Item], out: Path, errors: Mapping[str, str]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    for item in items:
        error = errors.get(item.name, "")
        answer = "" if error else load_explanation(out / item.name).text
        shown = "; ".join(image.name for image in item.images)
        cells = (item.name, shown, item.prompt, answer, error)
        writer.writerow([guarded(cell) for cell in cells])
    with rewriting_file(out / INDEX) as temporary:
        temporary.write_text(stream.getvalue(), encoding="utf-8-sig", newline="")


def _folder_rows(folder: Path) -> Iterator[dict[str, str]]:
    with os_errors_as_tam_errors(folder, doing="read", remedy=_REMEDY, kind=InputError):
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    for name in names:
        if not name.startswith("."):
            yield {"image": name, "prompt": "", "answer": ""}


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    content = read_bounded(path, _LARGEST, remedy=_REMEDY, kind=InputError)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if "image" not in (reader.fieldnames or ()):
            raise InputError("has no column image", where=str(path), remedy=_REMEDY)
        for row in reader:
            yield {name: (row.get(name) or "").strip() for name in ("image", "prompt", "answer")}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("is not a CSV file in UTF-8", where=str(path), remedy=_REMEDY) from error
