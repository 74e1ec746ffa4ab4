"""Transforms of the output on its way from the handler to the connection, such as gzip."""

from collections.abc import Iterable
from typing import ClassVar

from pyframework import httputil
from pyframework.web._encoders import Encode, accepted_codings, encoders, gzip_encoder


class OutputTransform:
    """Changes headers and chunks of a response. This one leaves them as they are.

    :arg request: the request that is answered
    """

    def __init__(self, request: httputil.HTTPServerRequest) -> None:
        pass

    def transform_first_chunk(
        self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, httputil.HTTPHeaders, bytes]:
        """Return status, headers and first chunk as they shall be sent.

        :arg status_code, headers, chunk: what the handler wrote
        :arg finishing: there are no more chunks
        """
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Return a later chunk as it shall be sent."""
        return chunk


class GZipContentEncoding(OutputTransform):
    """Compresses the body with gzip for clients that accept it (RFC 9110, section 8.4.1.3)."""

    # Besides everything that starts with `text/`.
    CONTENT_TYPES = {
        *("application/json", "application/javascript", "application/x-javascript", "image/svg+xml"),
        *("application/xml", "application/atom+xml", "application/xhtml+xml"),
    }
    # Of zlib's 1 to 9: higher ones cost much time for few bytes.
    GZIP_LEVEL = 6
    # Bytes. Shorter bodies are not worth a header of twenty bytes.
    MIN_LENGTH = 1024

    _encode: Encode | None = None

    def __init__(self, request: httputil.HTTPServerRequest) -> None:
        self._coding = self._choose_coding(request.headers.get("Accept-Encoding", ""))

    def _choose_coding(self, accepted: str) -> str | None:
        return "gzip" if "gzip" in accepted else None

    def _new_encoder(self, coding: str) -> Encode:
        return gzip_encoder(self.GZIP_LEVEL)

    def _compressible_type(self, ctype: str) -> bool:
        return ctype in self.CONTENT_TYPES or ctype.startswith("text/")

    def transform_first_chunk(
        self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, httputil.HTTPHeaders, bytes]:
        # Said of every response: that this one is not compressed depends on the header too.
        others = headers.get("Vary")
        headers["Vary"] = f"{others}, Accept-Encoding" if others else "Accept-Encoding"
        if self._coding is None or finishing and len(chunk) < self.MIN_LENGTH:
            return status_code, headers, chunk
        # A range is one of the content as it is.
        if "Content-Encoding" in headers or "Content-Range" in headers:
            return status_code, headers, chunk
        if not self._compressible_type(headers.get("Content-Type", "").partition(";")[0]):
            return status_code, headers, chunk
        headers["Content-Encoding"] = self._coding
        self._encode = self._new_encoder(self._coding)
        compressed = self._encode(chunk, finishing)
        if headers.pop("Content-Length", None) is not None and finishing:
            headers["Content-Length"] = str(len(compressed))
        return status_code, headers, compressed

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        return chunk if self._encode is None else self._encode(chunk, finishing)


class ListedEncodings(GZipContentEncoding):
    """Compresses the body with the first of its codings that the client accepts."""

    CODINGS: ClassVar[tuple[str, ...]] = ()

    def _choose_coding(self, accepted: str) -> str | None:
        return next(iter(accepted_codings(accepted, self.CODINGS)), None)

    def _new_encoder(self, coding: str) -> Encode:
        make = encoders()[coding]
        assert make is not None, "only what can be encoded is in CODINGS"
        return make()

    def transform_first_chunk(
        self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, httputil.HTTPHeaders, bytes]:
        made = super().transform_first_chunk(status_code, headers, chunk, finishing)
        etag = headers.get("Etag")
        # Two codings of a content are not the same bytes (RFC 9110, section 8.8.1).
        if self._encode is not None and etag is not None and not etag.startswith("W/"):
            headers["Etag"] = f"W/{etag}"
        return made


def listed_encodings(codings: Iterable[str]) -> type[OutputTransform]:
    """Return a transform for these codings, the best first, as far as their packages are installed.

    :raises ValueError: one of them is none of br, zstd and gzip
    """
    known = encoders()
    codings = list(codings)
    if unknown := [coding for coding in codings if coding not in known]:
        raise ValueError(f"compress_response lists {unknown[0]!r}; there are {', '.join(known)}")
    possible = tuple(coding for coding in codings if known[coding] is not None)
    return type("ListedEncodings", (ListedEncodings,), {"CODINGS": possible})
