"""Build the documentation site: the reports of its gallery, then its pages.

    python docs/make_site.py [FOLDER]

The site is FOLDER/html/index.html, which opens from disk; FOLDER defaults to build/docs. Any
warning of Sphinx, such as a broken link, fails the build.
"""

import sys
from pathlib import Path

from make_gallery import make_gallery
from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).parent


def main() -> int:
    """Build everything and return Sphinx's exit code, which is 0 if there were no warnings."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else DOCS.parent / "build" / "docs")
    make_gallery(folder / "gallery" / "reports")
    pages = folder / "html"
    options = ["-W", "--keep-going", "--quiet", "-d", f"{folder / 'doctrees'}"]
    options += ["-D", f"html_extra_path={(folder / 'gallery').resolve()}"]
    code = sphinx([*options, str(DOCS), str(pages)])
    if code == 0:
        print(pages / "index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
