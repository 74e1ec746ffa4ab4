"""A chat: what anybody says goes to all who are there."""

from collections import deque
from datetime import UTC, datetime
from itertools import count

from pyframework.websocket import WebSocketHandler

from .page import Page

KEPT = 50  # messages
LONGEST = 500  # characters


class Room:
    """Who is there, and what was said lately."""

    def __init__(self) -> None:
        self.people: set[ChatSocket] = set()
        self.messages: deque[dict[str, str]] = deque(maxlen=KEPT)
        self.guests = count(1)


class ChatPage(Page):
    def get(self) -> None:
        self.render("chat.html", longest=LONGEST)


class ChatSocket(WebSocketHandler, Page):
    def initialize(self, room: Room) -> None:
        self.room = room

    def open(self) -> None:
        self.name = self.current_user or f"Guest {next(self.room.guests)}"
        self.write_message({"you": self.name, "messages": list(self.room.messages)})
        self.subscribe("chat")
        self.room.people.add(self)
        self.tell_presence()

    def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and (text := message.strip()[:LONGEST]):
            said = {"name": self.name, "text": text, "time": datetime.now(UTC).isoformat()}
            self.room.messages.append(said)
            self.publish("chat", {"said": said})

    def on_close(self) -> None:
        self.room.people.discard(self)
        self.tell_presence()

    def tell_presence(self) -> None:
        self.publish("chat", {"present": len(self.room.people)})
