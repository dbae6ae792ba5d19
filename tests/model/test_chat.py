"""Several turns about several pictures: what each reply's explanation holds and never changes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tam
from tam.capture import PrefixCache
from tam.cli import run
from tam.cli.lines import command_completer
from tam.cli.talking import COMMANDS
from tam.errors import ConversationError
from tam.media.media import Media, image_from_array
from tam.prompt.conversation import from_messages
from tam.scenes.world import make_scene, split_seed

RNG = np.random.default_rng(0)
WIDE = image_from_array(RNG.integers(0, 255, (60, 180, 3), dtype=np.uint8), "wide")
TALL = image_from_array(RNG.integers(0, 255, (180, 60, 3), dtype=np.uint8), "tall")
CLIP = Media(
    RNG.integers(0, 255, (4, 60, 90, 3), dtype=np.uint8), np.arange(4) / 2, "clip", "video"
)


@pytest.fixture(scope="module")
def model(qwen_folder: Path) -> tam.Model:
    return tam.load(qwen_folder)


def three_turns(model: tam.Model) -> tam.Chat:
    chat = tam.Chat(model)
    chat.say("What is it?", [WIDE], max_new_tokens=6)
    chat.say("And this, or that?", [TALL, CLIP], max_new_tokens=6)
    chat.say("Why?", max_new_tokens=6)
    return chat


def test_each_reply_has_all_earlier_words_and_only_earlier_media(model: tam.Model) -> None:
    first, second, third = three_turns(model).explanations
    assert [len(e.media) for e in (first, second, third)] == [1, 3, 3]
    assert {token.turn for token in third.tokens[: third.prompt_targets]} == {0, 1, 2, 3, 4}
    assert {token.turn for token in third.tokens[third.prompt_targets :]} == {5}
    assert [grid.turn for grid in third.grids] == [0, 2, 2]
    for word in third.words:
        assert word.map(0).shape == (60, 180)
        assert word.map(1).shape == (180, 60)
        assert word.map(2, frame=3).shape == (60, 90)


def test_the_models_words_keep_their_ids_and_the_position_that_predicted_them(
    model: tam.Model,
) -> None:
    first, _, third = three_turns(model).explanations
    reply = [token.id for token in first.tokens[first.prompt_targets :]]
    later = [token for token in third.tokens if token.turn == 1]
    assert [token.id for token in later] == reply
    assert all(token.context_position == token.position - 1 for token in later)


def test_what_is_said_later_changes_nothing(model: tam.Model) -> None:
    chat = tam.Chat(model)
    first = chat.say("What is it?", [WIDE], max_new_tokens=6)
    before = first.maps.copy()
    chat.say("And this?", [TALL], max_new_tokens=6)
    assert np.array_equal(first.maps, before)
    # A fresh run of the same conversation gives the same second reply.
    again = three_turns(model).explanations
    fresh = model.explain_conversation(
        tam.Conversation(three_turns(model).turns[:3]), max_new_tokens=6
    )
    assert np.allclose(fresh.maps, again[1].maps, atol=1e-6)


@pytest.fixture
def reused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens of each run were there already."""
    real = PrefixCache.shared_with
    found = []

    def watched(self: PrefixCache, *arguments: Any) -> PrefixCache | None:
        shared = real(self, *arguments)
        found.append(0 if shared is None else len(shared.ids))
        return shared

    monkeypatch.setattr(PrefixCache, "shared_with", watched)
    return found


def test_a_turn_without_new_pictures_goes_on_from_the_last(
    model: tam.Model, reused: list[int]
) -> None:
    chat = tam.Chat(model)
    chat.say("What is it?", [WIDE, CLIP], max_new_tokens=6)
    # Another conversation must not come between.
    model.explain(TALL, "What?", max_new_tokens=2)
    said = chat.say("And what color is it?", max_new_tokens=6)
    chat.say("Sure?", answer="a red dog")
    assert len(reused) == 2
    assert all(length > 20 for length in reused)
    fresh = model.explain_conversation(tam.Conversation(chat.turns[:3]), max_new_tokens=6)
    assert fresh.tokens == said.tokens
    assert np.allclose(fresh.maps, said.maps, atol=1e-5)
    assert np.allclose(fresh.relevance, said.relevance, atol=1e-5)
    given = model.explain_conversation(tam.Conversation(chat.turns[:5]), answer="a red dog")
    assert np.allclose(given.maps, chat.explanations[2].maps, atol=1e-5)
    for found, wanted in zip(chat.explanations[2].predictions, given.predictions, strict=True):
        assert found.probability == pytest.approx(wanted.probability, rel=1e-4)


def test_a_new_picture_needs_a_run_from_the_start(model: tam.Model, reused: list[int]) -> None:
    chat = tam.Chat(model)
    chat.say("What is it?", [WIDE], max_new_tokens=3)
    second = chat.say("And this?", [TALL], max_new_tokens=3)
    assert reused == [0]
    fresh = model.explain_conversation(tam.Conversation(chat.turns[:3]), max_new_tokens=3)
    assert np.array_equal(fresh.maps, second.maps)


@pytest.mark.promise("conversations", "a turn that is interrupted", "leaves no partial cache")
def test_an_interrupted_turn_leaves_no_half_cache(model: tam.Model, reused: list[int]) -> None:
    class Interrupt:
        def __call__(self, *_: Any, **__: Any) -> bool:
            raise KeyboardInterrupt

    chat = tam.Chat(model)
    chat.say("What is it?", [WIDE], max_new_tokens=3)
    with pytest.raises(KeyboardInterrupt):
        chat.say("Why?", max_new_tokens=3, stopping_criteria=[Interrupt()])
    again = chat.say("Why?", max_new_tokens=3)
    fresh = model.explain_conversation(tam.Conversation(chat.turns[:3]), max_new_tokens=3)
    assert len(reused) == 1
    assert np.array_equal(again.maps, fresh.maps)


READ_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import numpy as np
import tam

for number, media in ((1, 1), (2, 3), (3, 3)):
    result = tam.load_explanation(f"{sys.argv[1]}/reply-{number}")
    assert len(result.media) == media
    words = [*result.prompt_words, *result.words]
    assert {word.turn for word in words} == set(range(2 * number))
    for word in words:
        for index, item in enumerate(result.media):
            for frame in range(len(item.frames)):
                heat = word.map(index, frame)
                assert heat.shape == (item.height, item.width)
                assert 0 <= heat.min() and heat.max() <= 1
    assert any(word.map(media - 1).any() for word in result.words)
    print(result.text)
"""


def test_a_conversation_of_three_turns_is_saved_and_opened_without_torch(tmp_path: Path) -> None:
    pictures = [
        image_from_array(make_scene(split_seed("test", index)).image, f"scene {index}")
        for index in (0, 1)
    ]
    frames = np.stack([np.roll(pictures[0].frames[0], 8 * step, axis=1) for step in range(4)])
    clip = Media(frames, np.arange(4) / 2, "moving", "video")
    chat = tam.Chat(tam.load("small"))
    chat.say("Describe this image.", pictures[:1], max_new_tokens=8)
    chat.say("Describe this image.", [pictures[1], clip], max_new_tokens=8)
    chat.say("What color is the circle?", max_new_tokens=8)
    assert chat.save(tmp_path / "talk") == tmp_path / "talk"
    opened = subprocess.run(
        [sys.executable, "-c", READ_WITHOUT_TORCH, str(tmp_path / "talk")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.splitlines() == [e.text for e in chat.explanations]
    assert all((tmp_path / "talk" / f"reply-{n}" / "report.html").is_file() for n in (1, 2, 3))


def test_a_chat_begins_at_the_model_and_one_picture_needs_no_list(
    model: tam.Model, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(WIDE.frames[0]).save(path)
    chat = model.chat(system="Be brief.")
    assert isinstance(chat, tam.Chat)
    assert chat.turns[0].role == "system"
    chat.say("What is it?", images=[str(path)], answer="a dog")
    chat.say("And this?", TALL, answer="a cat")
    last = chat.say("And these?", [CLIP], images=str(path), answer="a fox")
    assert [media.name for media in last.media] == ["a.png", "tall", "clip", "a.png"]


@pytest.mark.promise("conversations", "a turn that fails", "leaves the conversation unchanged")
def test_a_turn_that_fails_leaves_the_conversation_as_it_was(model: tam.Model) -> None:
    chat = tam.Chat(model, system="Be brief.")
    chat.say("What is it?", [WIDE], answer="a dog")
    turns = chat.turns
    with pytest.raises(ConversationError):
        chat.say("And?", answer=[model.processor.tokenizer.eos_token_id])
    with pytest.raises(ConversationError):
        chat.say("  ")
    assert chat.turns is turns
    assert [turn.role for turn in turns] == ["system", "user", "assistant"]


@pytest.mark.promise(
    "conversations", "messages in another format", "a one-line error that names the message"
)
def test_messages_are_read_and_what_is_wrong_in_them_is_said(model: tam.Model) -> None:
    opened: list[str] = []

    def open_media(name: str) -> Media:
        opened.append(name)
        return WIDE

    talk = from_messages(
        [
            {"role": "user", "content": [{"type": "image", "path": "a.png"}]},
            {"role": "assistant", "content": "A dog."},
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        ],
        open_media,
    )
    assert opened == ["a.png"]
    assert [turn.role for turn in talk.turns] == ["user", "assistant", "user"]
    for bad in (
        {},
        [],
        [3],
        [{"role": "user"}],
        [{"role": "robot", "content": "hi"}],
        [{"role": "user", "content": [{"type": "audio"}]}],
        [{"role": "user", "content": [{"type": "image", "path": 3}]}],
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
    ):
        with pytest.raises(ConversationError):
            from_messages(bad, open_media)


def test_a_conversation_from_the_command_line(
    qwen_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(WIDE.frames[0]).save(tmp_path / "a.png")
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "image", "path": str(tmp_path / "a.png")},
                {"type": "text", "text": "What is it?"},
            ],
        },
        {"role": "assistant", "content": "A dog."},
        {"role": "user", "content": "Why?"},
    ]
    file = tmp_path / "talk.json"
    file.write_text(json.dumps(messages))
    arguments = ["explain", "--conversation", str(file), "--out", str(tmp_path / "out")]
    assert run([*arguments, "--model", str(qwen_folder), "--answer", "a tail", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "a tail"
    opened = tam.load_explanation(tmp_path / "out")
    assert [token.turn for token in opened.tokens][-1] == 3

    messages[0]["content"][0]["path"] = "a.png"  # beside the file, wherever one works
    file.write_text(json.dumps(messages))
    given = ["--model", str(qwen_folder), "--answer", "a tail", "--force"]
    assert run([*arguments, *given]) == 0

    file.write_text("[")
    assert run([*arguments, "--force"]) == 2
    assert "is not JSON" in capsys.readouterr().err
    assert run(["explain", "--prompt", "What?", "--out", str(tmp_path / "new")]) == 2
    assert "no picture" in capsys.readouterr().err


@pytest.mark.promise(
    "conversations",
    "a file that cannot be opened in `tam chat`",
    "an error is shown, and the chat continues",
)
def test_talking_line_by_line(
    qwen_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    Image.fromarray(WIDE.frames[0]).save(tmp_path / "a.png")
    second = tmp_path / "b.png"
    Image.fromarray(TALL.frames[0]).save(second)
    (tmp_path / "frames").mkdir()
    for name in ("0.png", "1.png"):
        Image.fromarray(CLIP.frames[0]).save(tmp_path / "frames" / name)
    shown = [f"/image {path}" for path in ("missing.png", second, tmp_path / "frames")]
    lines = iter(["What is it?", *shown, "And these?", ""])
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    arguments = ["chat", "--image", str(tmp_path / "a.png"), "--model", str(qwen_folder)]
    assert run([*arguments, "--out", str(tmp_path / "out"), "--max-new-tokens", "5"]) == 0
    assert (tmp_path / "out" / "reply-2" / "report.html").is_file()
    printed = capsys.readouterr()
    reply = tam.load_explanation(tmp_path / "out" / "reply-2")
    assert " ".join(reply.text.split()) in " ".join(printed.out.split())
    assert "And these?" not in printed.out, "what was typed stands there already"
    assert "probability" not in printed.out, "the table comes when it is asked for"
    assert "missing.png: no such file" in printed.err
    assert "frames: 2 frames from 0.00 to 0.50 s; budget: 32 frames" in printed.err
    assert [media.name for media in reply.media] == ["a.png", "b.png", "frames"]


def test_commands_of_a_talk_cost_no_turn(
    qwen_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    Image.fromarray(WIDE.frames[0]).save(tmp_path / "a.png")
    typed = ["/words", "/wrds", "/help", "What?", "/words", "/show 1", f"/save {tmp_path / 'all'}"]
    lines = iter([*typed, "/show", "/show 99", "/quit", "never read"])
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    arguments = ["chat", "--image", str(tmp_path / "a.png"), "--model", str(qwen_folder)]
    assert run([*arguments, "--max-new-tokens", "5"]) == 0
    assert next(lines) == "never read"
    printed = capsys.readouterr()
    told = [line for line in printed.err.splitlines() if line.startswith("tam: ")]
    assert told[:3] == [
        "tam: chat: nothing was said yet; say something first",
        "tam: chat: unknown command '/wrds'; did you mean '/words'?; a space before the line "
        "says it to the model",
        "tam: /show: no word is named; write /show N or TEXT",
    ]
    words = len(tam.load_explanation(tmp_path / "all" / "reply-1").words)
    assert told[3] == f"tam: /show: word 99 is out of range (1 to {words}); give another number"
    assert len(told) == 4
    assert "/image  FILE shows" in printed.out
    assert "earlier words" in printed.out
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["reply-1"]


def test_commands_and_files_are_completed(tmp_path: Path) -> None:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    (tmp_path / "photo.png").touch()
    completer = command_completer(COMMANDS)

    def completed(line: str) -> list[str]:
        return [c.text for c in completer.get_completions(Document(line), CompleteEvent())]

    assert completed("/s") == ["/save", "/show"]
    assert completed(f"/image {tmp_path}/ph") == ["oto.png"]
    assert completed("what is /s") == []


@contextmanager
def lengths_read(model: tam.Model) -> Iterator[list[int]]:
    """The number of positions in each pass through the decoder."""
    read: list[int] = []
    decoder = model.adapter.decoder(model.module)
    handle = decoder.register_forward_hook(lambda _m, _i, output: read.append(output[0].shape[1]))
    yield read
    handle.remove()


def test_streamed_turns_are_those_of_say(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    said, streamed = model.chat(), model.chat()
    for text, media in (("What is it?", [WIDE]), ("And here?", [TALL])):
        result = said.say(text, media, max_new_tokens=4)
        words = [word.text for word in streamed.stream(text, media, max_new_tokens=4)]
        assert words == [word.text for word in result]
        assert np.allclose(streamed.explanations[-1].maps, result.maps, atol=1e-5)
    assert len(streamed.turns) == len(said.turns) == 4
    # A turn without a new picture continues what was computed for the earlier ones, in both.
    for chat in (said, streamed):
        with lengths_read(model) as read:
            if chat is said:
                last = chat.say("And now?", max_new_tokens=4)
            else:
                list(chat.stream("And now?", max_new_tokens=4))
        assert sum(read) < 30 < len(last.tokens) + last.maps.shape[1]
    assert np.allclose(streamed.explanations[-1].maps, last.maps, atol=1e-5)
    assert len(streamed.turns) == len(said.turns) == 6
    assert next(iter(streamed.stream("More?", max_new_tokens=4))).text
    assert len(streamed.turns) == 6, "a turn that was left is not kept"


def test_a_talk_takes_the_options_of_a_question(
    qwen_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Frames, seed and addresses, for what is shown at first and for what is shown later."""
    for name in ("0.png", "1.png", "2.png"):
        (tmp_path / "frames").mkdir(exist_ok=True)
        Image.fromarray(CLIP.frames[0]).save(tmp_path / "frames" / name)
    frames = str(tmp_path / "frames")

    def talk(out: str, *more: str, shown: str = frames) -> int:
        lines = iter(["What is it?", f"/image {shown}", "And this?", ""])
        monkeypatch.setattr("builtins.input", lambda *_: next(lines))
        options = ["--model", str(qwen_folder), "--out", str(tmp_path / out)]
        return run(["chat", "--image", frames, *options, "--max-new-tokens", "5", *more])

    sampled = ["--num-frames", "2", "--sample", "--seed", "3"]
    for out in ("first", "again"):
        assert talk(out, *sampled) == 0
    first, again = (tam.load_explanation(tmp_path / out / "reply-2") for out in ("first", "again"))
    assert [len(media.frames) for media in first.media] == [2, 2]
    assert [token.id for token in first.tokens] == [token.id for token in again.tokens]
    capsys.readouterr()

    address = "http://127.0.0.1:9/a.png"
    assert talk("third", shown=address) == 0
    assert "--allow-urls" in capsys.readouterr().err
    assert talk("fourth", "--allow-urls", shown=address) == 0
    assert "--allow-urls" not in capsys.readouterr().err

    # Earlier replies are kept, and that is found before a model is loaded.
    assert run(["chat", "--model", "no/model", "--out", str(tmp_path / "first")]) == 2
    assert "--force" in capsys.readouterr().err
    assert talk("first", "--force") == 0
