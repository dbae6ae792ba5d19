"""Make sure that the report's tests have a browser, and say what was done.

A chromium or chrome on the PATH is used. Else Debian's ``chromium`` package is installed where apt
and the rights are there. Else playwright's own download is used, or tried.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def on_path() -> str | None:
    """Return the path of a chromium or chrome on the PATH."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def downloaded() -> str | None:
    """Return the path of playwright's own chromium, where it was downloaded before."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def find() -> str | None:
    """Return the path of a browser that the tests can drive."""
    return on_path() or downloaded()


def _as_root() -> list[str] | None:
    """Return what to put before a command to run it as root, None where that is not allowed."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True).returncode:
        return None
    return [sudo, "-n"]


def _install_debian_package() -> None:
    apt, root = shutil.which("apt-get"), _as_root()
    if apt is None or root is None:
        print("chromium: no apt-get with the rights to install here")
        return
    print("chromium: installing Debian's package ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-core"]
    for command in (["update"], install):
        run = subprocess.run(
            [*root, apt, "-qq", *command], env=quiet, capture_output=True, text=True
        )
        if run.returncode:
            print(f"chromium: apt-get {command[0]} failed: {run.stderr.strip()[-500:]}")
            return


def _download() -> None:
    print("chromium: trying playwright's own download ...", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium-headless-shell"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        print(f"chromium: the download failed: {run.stderr.strip()[-500:]}")


def main() -> int:
    """Provide a browser; return 0 where there is one in the end."""
    for provide in (_install_debian_package, _download, None):
        path = find()
        if path:
            print(f"chromium: {path}")
            return 0
        if provide:
            provide()
    print(
        "chromium: none found and none could be installed, so the report cannot be tested; "
        "install chromium or chrome and put it on the PATH",
        file=sys.stderr,
    )
    return 3


if __name__ == "__main__":
    sys.exit(main())
