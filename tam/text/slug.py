"""Slugs: parts of file names made from untrusted text."""

import re
import unicodedata

_LONGEST = 40


def slug(text: str) -> str:
    r"""Reduce a text to lower-case ASCII letters, digits and hyphens.

    Returns
    -------
    str
        1 to 40 characters; ``word`` if none of the text's characters can be kept.

    Examples
    --------
    >>> slug("../Café\x00")
    'cafe'
    >>> slug("猫")
    'word'
    """
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_LONGEST].strip("-") or "word"
