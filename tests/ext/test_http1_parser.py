"""The C parsers of HTTP/1 heads and of the chunked coding, held against the vectors and against the model."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models.http1 import FLAGS, READERS
from tests.vectors import Case, cases

ROOT = Path(__file__).parents[2]
PARSERS = [str(ROOT / "ext/c" / name) for name in ("pf_http1.c", "pf_chunked.c")]
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
KINDS = ["request", "response", "chunked"]
Result = dict[str, Any]


def compile_replayer(target: Path) -> Path:
    """Build tests/c/replay_http1.c with the parsers, under the sanitizers where the compiler has them."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    sources = [str(ROOT / "tests/c/replay_http1.c"), *PARSERS]
    command = [compiler, *WARNINGS, f"-I{ROOT / 'ext/c'}", *sources, "-o", str(target)]
    if subprocess.run([*command, *SANITIZERS], capture_output=True).returncode != 0:
        subprocess.run(command, check=True)
    return target


def error_names(header: str, prefix: str) -> dict[int, str]:
    """Read {-3: "BAD_START_LINE", ...} from an enum of a C header."""
    text = (ROOT / "ext/c" / header).read_text(encoding="utf-8")
    return {int(number): name for name, number in re.findall(rf"{prefix}_(\w+) = (-\d+)", text)}


class Replayer:
    """Asks a running replay_http1 and puts its answers into the form of the vectors."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.http1_errors = error_names("pf_http1.h", "PF_HTTP1")
        self.chunked_errors = error_names("pf_chunked.h", "PF_CHUNKED")

    def close(self) -> int:
        self.process.communicate()
        return self.process.returncode

    def ask(self, kind: str, data: bytes) -> Result:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"%b %d\n%b" % (kind.encode(), len(data), data))
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the parser did not survive {kind} {data!r}"
        answer: Result = json.loads(line)
        assert "differs" not in answer, f"{kind} {data!r} cut behind {answer['differs']} bytes gives another result"
        return self.read_answer(kind, answer)

    def read_answer(self, kind: str, answer: Result) -> Result:
        if "error" in answer:
            names = self.chunked_errors if kind == "chunked" else self.http1_errors
            return {"error": names[answer["error"]]}
        if kind == "chunked":
            return {"body": text(answer["body"]), "done": bool(answer["done"]), "rest": text(answer["rest"])}
        length, flags = answer["content_length"], answer["flags"]
        result = {
            "version": text(answer["version"]),
            "minor": answer["minor"],
            "content_length": None if length == -1 else length,
            "flags": [name for bit, name in enumerate(FLAGS) if flags >> bit & 1],
            "fields": [[text(name), text(value)] for name, value in answer["fields"]],
            "rest": text(answer["rest"]),
        }
        if kind == "response":
            return result | {"status": answer["status"], "reason": text(answer["reason"])}
        return result | {name: text(answer[name]) for name in ("method", "target", "host")}


def text(digits: str) -> str:
    return bytes.fromhex(digits).decode("latin-1")


@pytest.fixture(scope="module")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayer]:
    replayer = Replayer(compile_replayer(tmp_path_factory.mktemp("http1") / "replay_http1"))
    yield replayer
    assert replayer.close() == 0


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_vector(replayer: Replayer, case: Case) -> None:
    """The C code, whole and cut everywhere, and the model give the expected result, and the same one."""
    result = replayer.ask(case.kind, case.input)
    assert {name: result.get(name) for name in case.expect} == case.expect
    assert result == READERS[case.kind](case.input)


def test_vectors_cover_every_error() -> None:
    """Errors that no bytes can bring about are those of room, which tests/c/test_http1.c covers."""
    expected = {case.expect.get("error") for case in cases()}
    assert set(error_names("pf_http1.h", "PF_HTTP1").values()) - expected == {"FIELDS_FULL", "TOO_LARGE"}
    assert set(error_names("pf_chunked.h", "PF_CHUNKED").values()) <= expected


PLACES = {
    "method": (b"G%bT / HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "first byte": (b"%bGET / HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "target": (b"GET /a%bb HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "first byte of the target": (b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "scheme": (b"GET a%bb://c HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "authority": (b"CONNECT a%bb:1 HTTP/1.1\r\nHost: a\r\n\r\n", "request"),
    "minor version": (b"GET / HTTP/1.%b\r\nHost: a\r\n\r\n", "request"),
    "behind the version": (b"GET / HTTP/1.1%b\r\nHost: a\r\n\r\n", "request"),
    "field name": (b"GET / HTTP/1.1\r\nHost: a\r\nX%bY: z\r\n\r\n", "request"),
    "first byte of a field": (b"GET / HTTP/1.1\r\nHost: a\r\n%bX: y\r\n\r\n", "request"),
    "field value": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y%bz\r\n\r\n", "request"),
    "long field value": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789%b0123456789\r\n\r\n", "request"),
    "name of a known field": (b"GET / HTTP/1.1\r\nHost: a\r\nExpec%b: 100-continue\r\n\r\n", "request"),
    "host": (b"GET / HTTP/1.1\r\nHost: a%bb\r\n\r\n", "request"),
    "IP literal": (b"GET / HTTP/1.1\r\nHost: [:%b]\r\n\r\n", "request"),
    "port": (b"GET / HTTP/1.1\r\nHost: a:%b\r\n\r\n", "request"),
    "escape in the host": (b"GET / HTTP/1.1\r\nHost: a%%4%b\r\n\r\n", "request"),
    "Content-Length": (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1%b1\r\n\r\n", "request"),
    "Transfer-Encoding": (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunke%b\r\n\r\n", "request"),
    "Connection": (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: clos%b\r\n\r\n", "request"),
    "status": (b"HTTP/1.1 2%b0 OK\r\n\r\n", "response"),
    "first digit of the status": (b"HTTP/1.1 %b00 OK\r\n\r\n", "response"),
    "behind the status": (b"HTTP/1.1 200%bOK\r\n\r\n", "response"),
    "reason": (b"HTTP/1.1 200 O%bK\r\n\r\n", "response"),
    "response version": (b"HTTP/1.%b 200 OK\r\n\r\n", "response"),
    "chunk size": (b"%b\r\n0123456789abcdef", "chunked"),
    "behind the chunk size": (b"1%b\r\na\r\n0\r\n\r\n", "chunked"),
    "chunk extension": (b"1;%b\r\na\r\n0\r\n\r\n", "chunked"),
    "behind the data": (b"1\r\na%b\n0\r\n\r\n", "chunked"),
    "trailer name": (b"0\r\nX%bY: z\r\n\r\n", "chunked"),
    "trailer value": (b"0\r\nX: y%bz\r\n\r\n", "chunked"),
    "trailer start": (b"0\r\n%bX: y\r\n\r\n", "chunked"),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_byte(replayer: Replayer, place: str) -> None:
    """C and model agree about each of the 256 bytes in each place of the grammar."""
    template, kind = PLACES[place]
    for byte in range(256):
        data = template % bytes([byte])
        assert replayer.ask(kind, data) == READERS[kind](data), data


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    """An input of the vectors (shorter than 600 bytes) after a few cuts, copies and insertions."""
    inputs = [case.input for case in cases(kind) if len(case.input) < 600]
    data = draw(st.sampled_from(inputs))
    piece = st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b",", b"0", b"5", b";", b"\0", b"chunked"])
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        action = draw(st.sampled_from(["cut", "copy", "insert", "splice"]))
        if action == "cut":
            data = data[:start] + data[min(end, start + 3) :]
        elif action == "copy":
            data = data[:end] + data[start:end] + data[end:]
        elif action == "insert":
            data = data[:start] + draw(piece | st.binary(min_size=1, max_size=2)) + data[start:]
        else:
            data = data[:start] + draw(st.sampled_from(inputs))[start:]
    return data


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_model_agrees_about_mutations(replayer: Replayer, kind: str, data: st.DataObject) -> None:
    mutation = data.draw(mutated(kind))
    assert replayer.ask(kind, mutation) == READERS[kind](mutation)
