"""The app's pages and the requests of its script. By default it serves only this machine."""

import json
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import Any, Final

import anyio.to_thread
from anyio import CancelScope
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tam.app.answers import live_map, told_reply, told_state, told_without, told_word
from tam.app.code import code_of
from tam.app.models import Models
from tam.app.sessions import MOST_MEDIA, Session, Sessions
from tam.app.uploads import EXAMPLES, received
from tam.defaults import METHOD
from tam.errors import ConversationError, InputError, MediaError, TamError
from tam.media import Media, open_media
from tam.methods.choosing import choose
from tam.model.chat import Chat
from tam.report import report_html

COOKIE: Final = "tam-session"
LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# A report's own policy allows only its own parts; the sandbox also gives it an opaque origin.
_REPORT_POLICY: Final = "sandbox allow-scripts allow-downloads"
_FILES: Final = {"app.js": "text/javascript", "app.css": "text/css"}
_LARGEST_PICTURE: Final = 1600


def application(models: Sequence[str], hosts: Sequence[str] = (), upload_mb: int = 64) -> Starlette:
    """Return the app.

    Parameters
    ----------
    models
        Names of the models to offer; the first one is selected initially.
    hosts
        Host names that a request may use besides those of this machine; others are refused.
    upload_mb
        The largest upload that is accepted, in megabytes.
    """
    served = _App(Models(models), Sessions(models[0]), upload_mb * 1_000_000)
    routes = [
        Route("/", served.page),
        Route("/static/{name}", served.file),
        Route("/api/state", served.state),
        Route("/api/media", served.upload, methods=["POST"]),
        Route("/api/example", served.example, methods=["POST"]),
        Route("/api/begin", served.begin, methods=["POST"]),
        Route("/api/say", served.say, methods=["POST"]),
        Route("/api/without", served.without, methods=["POST"]),
        Route("/report/{reply:int}", served.report),
        Route("/code/{reply:int}", served.code),
    ]
    allowed = [*LOCAL, *hosts]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=allowed, www_redirect=False)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={TamError: _refused})


def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


class _App:
    """The handlers of all routes. They identify the session only by the request's cookie."""

    def __init__(self, models: Models, sessions: Sessions, upload_limit: int) -> None:
        self.models = models
        self.sessions = sessions
        self.upload_limit = upload_limit

    async def page(self, request: Request) -> Response:
        text = resources.files("tam.app").joinpath("app.html").read_text("utf-8")
        response = Response(text, media_type="text/html", headers=_headers(_PAGE_POLICY))
        key = request.cookies.get(COOKIE)
        if self.sessions.find(key) is None:
            key, _ = self.sessions.begin()
            response.set_cookie(COOKIE, key, httponly=True, samesite="strict")
        return response

    async def file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            return PlainTextResponse("unknown file", 404)
        text = resources.files("tam.app").joinpath(name).read_text("utf-8")
        return Response(text, media_type=_FILES[name], headers=_headers())

    async def state(self, request: Request) -> Response:
        session = self._session(request)
        return JSONResponse(told_state(session, self.models.names), headers=_headers())

    async def upload(self, request: Request) -> Response:
        session = self._asked(request)
        name = request.query_params.get("name", "picture")
        item = await received(request.stream(), name, self.upload_limit)
        return self._shown(session, item)

    async def example(self, request: Request) -> Response:
        session = self._asked(request)
        name = (await _document(request)).get("name")
        if name not in EXAMPLES:
            raise InputError(
                f"unknown example {name!r}", where="example", remedy="choose one of the list"
            )
        item = await anyio.to_thread.run_sync(open_media, str(EXAMPLES[name]))
        return self._shown(session, item)

    def _shown(self, session: Session, item: Media) -> Response:
        if len(session.waiting) >= MOST_MEDIA:
            raise MediaError(
                f"{MOST_MEDIA} pictures go with the next words already",
                where=item.name,
                remedy="ask about them first",
            )
        session.waiting.append(item)
        return JSONResponse(told_state(session, self.models.names), headers=_headers())

    async def begin(self, request: Request) -> Response:
        session = self._asked(request)
        name = str((await _document(request)).get("model", session.model))
        self.models.check(name)
        session.begin(name)
        return JSONResponse(told_state(session, self.models.names), headers=_headers())

    async def say(self, request: Request) -> Response:
        session = self._asked(request)
        document = await _document(request)
        text, method = str(document.get("text", "")), str(document.get("method") or METHOD)
        choose(method)
        if session.busy:
            raise ConversationError(
                "the last reply is still being written", where="app", remedy="wait for its end"
            )
        if session.chat is None and not session.waiting:
            raise ConversationError(
                "no picture is given", where="app", remedy="upload one or choose an example"
            )
        lines = self._reply(session, text, method)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=_headers())

    async def _reply(self, session: Session, text: str, method: str) -> AsyncIterator[str]:
        """Yield lines of JSON: the place in the queue, each word, and the reply's number."""
        session.busy = True
        try:
            yield _line({"queue": self.models.waiting})
            async with self.models.turn(session.model) as model:
                chat = session.chat or Chat(model)
                media = tuple(session.waiting)
                words = chat.stream(text, media, method=method)
                try:
                    before = None
                    while word := await anyio.to_thread.run_sync(next, words, None):
                        drawn = await anyio.to_thread.run_sync(live_map, word)
                        yield _line({**told_word(word, before), "map": drawn})
                        before = word
                finally:
                    with CancelScope(shield=True):
                        await anyio.to_thread.run_sync(words.close)
            session.chat = chat
            del session.waiting[: len(media)]
            session.prompts.append(text)
            session.methods.append(method)
            yield _line(told_reply(session, len(chat.explanations) - 1))
        except TamError as error:
            yield _line({"error": str(error)})
        finally:
            session.busy = False

    async def without(self, request: Request) -> Response:
        session = self._asked(request)
        document = await _document(request)
        reply = self._reply_of(session, document.get("reply"))
        box: Any = document.get("box")
        media: Any = document.get("media", 0)
        numbers = isinstance(box, list) and len(box) == 4
        if not numbers or not all(isinstance(edge, int | float) for edge in (*box, media)):
            raise InputError(
                "no region is given", where="app", remedy="drag a frame over the picture"
            )
        async with self.models.turn(session.model) as model:
            assert session.chat is not None
            explanation = session.chat.explanations[reply]
            found = await anyio.to_thread.run_sync(
                lambda: model.without(explanation, tuple(box), media=int(media))
            )
        return JSONResponse(told_without(found), headers=_headers())

    async def report(self, request: Request) -> Response:
        session = self._session(request)
        reply = self._reply_of(session, request.path_params["reply"])
        assert session.chat is not None
        result = session.chat.explanations[reply]
        html = await anyio.to_thread.run_sync(
            lambda: report_html(result, largest=_LARGEST_PICTURE).encode("utf-8", "replace")
        )
        headers = _headers(_REPORT_POLICY)
        if "download" in request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="report-{reply + 1}.html"'
        return Response(html, media_type="text/html", headers=headers)

    async def code(self, request: Request) -> Response:
        session = self._session(request)
        reply = self._reply_of(session, request.path_params["reply"])
        return PlainTextResponse(code_of(session, reply), headers=_headers())

    def _session(self, request: Request) -> Session:
        session = self.sessions.find(request.cookies.get(COOKIE))
        if session is None:
            raise InputError("the session is over", where="app", remedy="load the page again")
        return session

    def _asked(self, request: Request) -> Session:
        """Return the session of a request with effects, which must have our own page's header."""
        if request.headers.get("x-tam") != "1":
            raise InputError("not asked by the app's page", where="app", remedy="use the page")
        return self._session(request)

    @staticmethod
    def _reply_of(session: Session, number: object) -> int:
        count = 0 if session.chat is None else len(session.chat.explanations)
        if not isinstance(number, int) or not 0 <= number < count:
            raise InputError("no reply has that number", where="app", remedy="ask something first")
        return number


async def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(await request.body())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InputError("the request is not JSON", where="app", remedy="use the page")
    return document


def _headers(policy: str | None = None) -> dict[str, str]:
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return headers if policy is None else {**headers, "Content-Security-Policy": policy}


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document) + "\n"


def serve(models: Sequence[str], host: str, port: int, upload_mb: int) -> None:
    """Serve the app until it is interrupted."""
    import uvicorn

    hosts = () if host in LOCAL else (host,)
    app = application(models, hosts, upload_mb)
    print(f"http://{host}:{port}/", flush=True)
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
