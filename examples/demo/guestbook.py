"""A form that no other site can send in your name."""

from collections.abc import Iterator
from dataclasses import dataclass

from .page import Page

KEPT = 20  # entries
LONGEST_NAME, LONGEST_TEXT = 40, 280  # characters


@dataclass
class Entry:
    name: str
    text: str

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        if not 0 < len(self.name) <= LONGEST_NAME:
            yield f"A name has 1 to {LONGEST_NAME} characters."
        if not 0 < len(self.text) <= LONGEST_TEXT:
            yield f"A message has 1 to {LONGEST_TEXT} characters."


class Guestbook(Page):
    def initialize(self, entries: list[Entry]) -> None:
        self.entries = entries

    def get(self) -> None:
        self.show(Entry(self.current_user or "", ""))

    def post(self) -> None:
        entry = Entry(self.get_body_argument("name", ""), self.get_body_argument("text", ""))
        faults = list(entry.faults())
        if faults:
            self.set_status(400)
            self.show(entry, faults)
        else:
            self.entries.insert(0, entry)
            del self.entries[KEPT:]
            self.redirect("/guestbook", status=303)

    def show(self, draft: Entry, faults: list[str] | None = None) -> None:
        self.render(
            "guestbook.html",
            entries=self.entries,
            draft=draft,
            faults=faults or [],
            longest=(LONGEST_NAME, LONGEST_TEXT),
        )
