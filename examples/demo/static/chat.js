// The chat: a WebSocket that is opened again when it was closed.

const byId = id => document.getElementById(id);
let socket, you;

function connect() {
  socket = new WebSocket(`${location.origin.replace("http", "ws")}/chat/socket`);
  socket.onmessage = event => receive(JSON.parse(event.data));
  socket.onclose = () => {
    show("Not connected; trying again …", false);
    setTimeout(connect, 1000);
  };
}

function receive(message) {
  if (message.you) {
    you = message.you;
    byId("log").replaceChildren(...message.messages.map(entry));
  }
  if (message.said) byId("log").append(entry(message.said));
  if (message.present) show(`You are ${you}, ${message.present === 1 ? "alone here" : `one of ${message.present} here`}`, true);
  byId("log").scrollTop = byId("log").scrollHeight;
}

function show(text, open) {
  byId("status").textContent = text;
  byId("status").parentElement.classList.toggle("open", open);
}

function entry({ name, text, time }) {
  const clock = new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const item = document.createElement("li");
  item.className = name === you ? "own" : "";
  item.append(paragraph("by", `${name}, ${clock}`), paragraph("text", text));
  return item;
}

function paragraph(name, text) {
  const element = document.createElement("p");
  element.className = name;
  element.textContent = text;
  return element;
}

byId("say").onsubmit = event => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(byId("text").value);
  byId("say").reset();
};

connect();
