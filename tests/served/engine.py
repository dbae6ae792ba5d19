"""A serving engine on loopback that replies and writes states as vLLM and SGLang do."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import torch
from PIL import Image
from safetensors.torch import save_file

import tam
from tam.prompt.conversation import question
from tam.recording.prepared import prepare
from tam.replay.layers import final_norm


class Engine:
    """A model that answers one question over HTTP and keeps the states of its last layer.

    Parameters
    ----------
    model
        The model that it serves.
    folder
        Where it writes states.
    """

    def __init__(self, model: tam.Model, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self.raw: list[torch.Tensor] = []
        self.answer = cache(self._answer)

    def _answer(self, picture: bytes, prompt: str) -> dict[str, Any]:
        """Answer, and return everything that the layouts need."""
        model = self.model
        prepared = prepare(
            model.checkpoint, question([tam.open_image(Image.open(BytesIO(picture)))], prompt)
        )
        norm = final_norm(model.module, model.adapter)
        self.raw.clear()
        handle = norm.register_forward_pre_hook(lambda _, given: self.raw.append(given[0][0]))
        with torch.no_grad():
            out = model.module.generate(
                **prepared.prompt.inputs,
                max_new_tokens=12,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
            )
            handle.remove()
            ids = prepared.prompt.ids.tolist()
            reply = out.sequences[0, len(ids) :].tolist()
            shares = [
                step[0].log_softmax(-1)[token]
                for step, token in zip(out.logits, reply, strict=True)
            ]
            return {
                "prompt": ids,
                "reply": reply,
                "raw": torch.cat(self.raw),
                "normed": norm(torch.cat(self.raw)),
                "log": [float(share) for share in shares],
            }

    def vllm(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return a /v1/chat/completions reply; write states like ExampleHiddenStatesConnector."""
        ids = torch.tensor(found["prompt"] + found["reply"][:-1])
        path = self.folder / "vllm.safetensors"
        save_file({"hidden_states": found["raw"][:, None].contiguous(), "token_ids": ids}, path)
        content = [
            {"token": str(token), "logprob": share}
            for token, share in zip(found["reply"], found["log"], strict=True)
        ]
        return {
            "prompt_token_ids": found["prompt"],
            "choices": [{"token_ids": found["reply"], "logprobs": {"content": content}}],
            "kv_transfer_params": {"hidden_states_path": str(path)},
        }

    def sglang(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return a reply of /generate with return_hidden_states."""
        states, prompt = found["normed"].tolist(), len(found["prompt"])
        counts = {"prompt_tokens": prompt, "cached_tokens": 0}
        hidden = [states[:prompt], *states[prompt:]]
        return {"output_ids": found["reply"], "meta_info": {**counts, "hidden_states": hidden}}


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """Serve an engine on loopback, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = engine.answer(base64.b64decode(asked["picture"]), asked["prompt"])
            kind = engine.sglang if self.path == "/generate" else engine.vllm
            body = json.dumps(kind(found)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(address: str, picture: bytes, prompt: str) -> bytes:
    """Send a question to a server, and return the body of its reply."""
    body = json.dumps({"picture": base64.b64encode(picture).decode(), "prompt": prompt}).encode()
    with urlopen(Request(address, body)) as reply:
        content: bytes = reply.read()
    return content
