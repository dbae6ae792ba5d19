"""A Python program that reproduces a conversation of the app."""

from tam.app.sessions import Session
from tam.text.printable import printable

_HEAD = "import tam\n\nmodel = tam.load({model!r})\nchat = model.chat()\n"
_SAY = "result = chat.say({prompt!r}, {media!r}, method={method!r})\n"
_TAIL = "print(result.text)\nresult.save('out')  # the report: out/report.html\n"


def code_of(session: Session, reply: int) -> str:
    """Return a Python program that repeats a conversation up to a reply.

    The program refers to pictures by the names of the uploaded files.
    """
    assert session.chat is not None
    parts = [_HEAD.format(model=session.model)]
    seen = 0
    for index in range(reply + 1):
        shown = session.chat.explanations[index].media[seen:]
        seen += len(shown)
        parts.append(
            _SAY.format(
                prompt=session.prompts[index],
                media=[printable(item.name) for item in shown],
                method=session.methods[index],
            )
        )
    return "".join([*parts, _TAIL])
