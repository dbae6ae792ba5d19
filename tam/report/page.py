"""The page itself: template, style, script and data in one file under a strict policy."""

import base64
import hashlib
from importlib import resources
from typing import Final

from tam.explanation import Explanation
from tam.report.data import embedded_json, payload
from tam.spelling import printable

# Joined in this order to one module script.
_SCRIPTS: Final = ("sprites.js", "maps.js", "conversation.js", "facts.js", "report.js")
_LONGEST_TITLE: Final = 60


def report_html(explanation: Explanation) -> str:
    """Write the report of one explanation.

    Returns
    -------
    A whole HTML document that loads nothing: pictures, maps, style and script are in it, and its
    content-security policy forbids everything else.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style = _text("report.css")
    script = "\n".join(_text(name) for name in _SCRIPTS)
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    # Markup marks what is the package's own, or escaped for the place where it stands.
    return environment.from_string(_text("template.html")).render(
        policy=policy,
        title=_title(explanation),
        reply=printable(explanation.text),
        style=Markup(style),
        script=Markup(script),
        data=Markup(embedded_json(payload(explanation))),
    )


def _title(explanation: Explanation) -> str:
    reply = " ".join(printable(explanation.text).split())
    short = reply if len(reply) <= _LONGEST_TITLE else reply[: _LONGEST_TITLE - 1] + "…"
    return f"{short} – Token Activation Map" if short else "Token Activation Map"


def _text(name: str) -> str:
    # Line ends as an HTML parser makes them, so that the hashes hold wherever the file was.
    return resources.files("tam.report").joinpath(name).read_text("utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
