"""Transforms of the output on its way from the handler to the connection, such as gzip."""

import zlib

from pyframework import httputil

# The largest window, in the format of gzip (RFC 1952).
_GZIP = zlib.MAX_WBITS | 16


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

    def __init__(self, request: httputil.HTTPServerRequest) -> None:
        accepted = request.headers.get("Accept-Encoding", "")
        self._gzipping = "gzip" in accepted

    def _compressible_type(self, ctype: str) -> bool:
        return ctype in self.CONTENT_TYPES or ctype.startswith("text/")

    def transform_first_chunk(
        self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, httputil.HTTPHeaders, bytes]:
        # Said of every response: that this one is not compressed depends on the header too.
        others = headers.get("Vary")
        headers["Vary"] = f"{others}, Accept-Encoding" if others else "Accept-Encoding"
        if finishing and len(chunk) < self.MIN_LENGTH or "Content-Encoding" in headers:
            self._gzipping = False
        if not self._compressible_type(headers.get("Content-Type", "").partition(";")[0]):
            self._gzipping = False
        if not self._gzipping:
            return status_code, headers, chunk
        headers["Content-Encoding"] = "gzip"
        self._compressor = zlib.compressobj(self.GZIP_LEVEL, wbits=_GZIP)
        compressed = self.transform_chunk(chunk, finishing)
        if headers.pop("Content-Length", None) is not None and finishing:
            headers["Content-Length"] = str(len(compressed))
        return status_code, headers, compressed

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        if not self._gzipping:
            return chunk
        compressed = self._compressor.compress(chunk)
        return compressed + self._compressor.flush(zlib.Z_FINISH if finishing else zlib.Z_SYNC_FLUSH)
