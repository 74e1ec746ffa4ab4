"""An upload, hashed while it comes, never held as a whole."""

import hashlib
import time

from pyframework import web

from .page import Page

LARGEST = 10 * 1024**3  # bytes


class UploadPage(Page):
    def get(self) -> None:
        self.render("upload.html", largest=LARGEST)


@web.stream_request_body
class Upload(Page):
    def prepare(self) -> None:
        self.request.connection.set_max_body_size(LARGEST)
        self.size = 0
        self.digest = hashlib.sha256()
        self.began = time.monotonic()

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.digest.update(chunk)

    def put(self, name: str) -> None:
        seconds = time.monotonic() - self.began
        self.write({"name": name, "bytes": self.size, "sha256": self.digest.hexdigest(), "seconds": seconds})
