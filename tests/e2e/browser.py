"""The Chromium that drives the tests, and what a page is held to while it is open."""

import os
import re
import shutil

from playwright.sync_api import ConsoleMessage, Page, Response

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browser_path() -> str:
    """Path of a Chromium. Raises RuntimeError that says how to get one."""
    named = os.environ.get("R1WEB_TEST_BROWSER")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise RuntimeError(
            "The browser tests need Chromium: install it (Debian and Ubuntu: "
            "`apt install chromium`) and run `make test` again."
        )
    return found


class Complaints:
    """What the browser has to complain about on a page: none of it is acceptable."""

    def __init__(self, page: Page) -> None:
        self._heard: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._heard.append(f"uncaught: {error}"))
        page.on("response", self._on_response)

    def expect(self, pattern: str) -> None:
        """Let pass what a test brings about itself, such as a server that is away."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        return [text for text in self._heard if not any(p.search(text) for p in self._expected)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._heard.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self._heard.append(f"{response.status} {response.url}")
