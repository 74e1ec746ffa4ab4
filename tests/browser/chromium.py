"""The demo and a headless Chromium to look at it with."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def executable() -> str | None:
    """Return the path of the system's Chromium, or of Chrome, or None."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable())
        yield browser
        browser.close()


@contextmanager
def running_demo() -> Iterator[str]:
    """Run the demo as `make run` does, on a free port; the value is its address."""
    command = [sys.executable, "-m", "examples.demo", "--port=0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()
    assert process.returncode == 0
