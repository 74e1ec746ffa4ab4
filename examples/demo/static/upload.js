// The upload: one file after the other, each with its progress.

const form = document.getElementById("upload"), list = document.getElementById("list");
let last = Promise.resolve();

function add(files) {
  for (const file of files) {
    const item = row(file);
    last = last.then(() => send(file, item));
  }
}

function row(file) {
  const item = document.createElement("li");
  item.className = "card";
  item.innerHTML = '<div class="row"><span class="name"></span><span class="hint">Waiting</span></div><progress value="0"></progress>';
  item.querySelector(".name").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", `Progress of ${file.name}`);
  list.prepend(item);
  return item;
}

function send(file, item) {
  const hint = item.querySelector(".hint"), progress = item.querySelector("progress");
  const request = new XMLHttpRequest();
  request.upload.onprogress = ({ loaded, total }) => {
    progress.value = total ? loaded / total : 1;
    hint.textContent = `${size(loaded)} of ${size(total)}`;
  };
  return new Promise(done => {
    request.onloadend = () => {
      if (request.status === 200) finish(item, JSON.parse(request.response));
      else hint.textContent = request.status ? `Refused: ${request.status} ${request.statusText}` : "The connection broke";
      done();
    };
    request.open("PUT", `/upload/${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-XSRFToken", form.elements._xsrf.value);
    request.send(file);
  });
}

function finish(item, { bytes, seconds, sha256 }) {
  item.querySelector("progress").value = 1;
  item.querySelector(".hint").textContent = `${size(bytes)} in ${seconds.toFixed(2)} s`;
  const digest = document.createElement("code");
  digest.textContent = `sha256 ${sha256}`;
  item.append(digest);
}

function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${["bytes", "kB", "MB", "GB"][power]}`;
}

form.elements.files.onchange = () => {
  add(form.elements.files.files);
  form.elements.files.value = "";
};
form.ondragover = event => {
  event.preventDefault();
  form.classList.add("over");
};
form.ondragleave = () => form.classList.remove("over");
form.ondrop = event => {
  event.preventDefault();
  form.classList.remove("over");
  add(event.dataTransfer.files);
};
