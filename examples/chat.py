"""A chat: every message goes to all who are there, and who comes later sees the last hundred.

    python examples/chat.py [--port=8888]
"""

from collections import deque

from pyframework import web, websocket
from pyframework.escape import json_decode
from pyframework.ioloop import IOLoop
from pyframework.options import define, options, parse_command_line
from pyframework.template import Template

define("port", default=8888, help="the port to listen on")

KEPT = 100
LONGEST = 500  # characters
PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Chat</title>
<style>
body { font: 16px/1.5 system-ui; max-width: 40em; margin: 2em auto; padding: 0 1em }
input { font: inherit; width: 100% }
</style>
<h1>Chat</h1>
<ul id="messages">{% for message in messages %}<li>{{ message }}</li>{% end %}</ul>
<form><input name="text" maxlength="{{ longest }}" placeholder="Say something" autocomplete="off" autofocus></form>
<script>
const socket = new WebSocket(`${location.origin.replace("http", "ws")}/socket`);
const form = document.querySelector("form");
socket.onmessage = event => {
  const item = document.createElement("li");
  item.textContent = event.data;
  document.querySelector("#messages").append(item);
};
form.onsubmit = event => {
  event.preventDefault();
  if (form.text.value) socket.send(JSON.stringify({text: form.text.value}));
  form.reset();
};
</script>
</html>
""",
    name="chat.html",
)


class Page(web.RequestHandler):
    def initialize(self, messages: deque[str]) -> None:
        self.messages = messages

    def get(self) -> None:
        self.write(PAGE.generate(messages=self.messages, longest=LONGEST))


class Socket(websocket.WebSocketHandler):
    def initialize(self, messages: deque[str]) -> None:
        self.messages = messages

    def open(self) -> None:
        self.subscribe("chat")

    def on_message(self, message: str | bytes) -> None:
        try:
            text = str(json_decode(message)["text"])[:LONGEST]
        except (ValueError, KeyError, TypeError):
            self.close(1007, "messages are JSON, with a text")
            return
        self.messages.append(text)
        self.publish("chat", text)


def make_app() -> web.Application:
    shared = {"messages": deque[str](maxlen=KEPT)}
    return web.Application([(r"/", Page, shared), (r"/socket", Socket, shared)], websocket_ping_interval=30)


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, "127.0.0.1")
    IOLoop.current().start()
