"""Transforms of the output on its way from the handler to the connection, such as gzip."""

import gzip
from io import BytesIO

from pyframework import httputil


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
        "application/javascript",
        "application/x-javascript",
        "application/xml",
        "application/atom+xml",
        "application/json",
        "application/xhtml+xml",
        "image/svg+xml",
    }
    # Of zlib's 1 to 9: higher ones cost much time for few bytes.
    GZIP_LEVEL = 6
    # Bytes. Shorter bodies are not worth a header of twenty bytes.
    MIN_LENGTH = 1024

    def __init__(self, request: httputil.HTTPServerRequest) -> None:
        self._gzipping = "gzip" in request.headers.get("Accept-Encoding", "")

    def _compressible_type(self, ctype: str) -> bool:
        return ctype.startswith("text/") or ctype in self.CONTENT_TYPES

    def transform_first_chunk(
        self, status_code: int, headers: httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, httputil.HTTPHeaders, bytes]:
        vary = headers.get("Vary")
        headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
        if self._gzipping:
            content_type = headers.get("Content-Type", "").split(";")[0]
            self._gzipping = (
                self._compressible_type(content_type)
                and (not finishing or len(chunk) >= self.MIN_LENGTH)
                and ("Content-Encoding" not in headers)
            )
        if self._gzipping:
            headers["Content-Encoding"] = "gzip"
            self._compressed = BytesIO()
            self._compressor = gzip.GzipFile(mode="w", fileobj=self._compressed, compresslevel=self.GZIP_LEVEL)
            chunk = self.transform_chunk(chunk, finishing)
            if "Content-Length" in headers:
                # The length of the plain body. Of a body that is not complete the connection does not know it.
                del headers["Content-Length"]
                if finishing:
                    headers["Content-Length"] = str(len(chunk))
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        if not self._gzipping:
            return chunk
        self._compressor.write(chunk)
        if finishing:
            self._compressor.close()
        else:
            self._compressor.flush()
        compressed = self._compressed.getvalue()
        self._compressed.seek(0)
        self._compressed.truncate()
        return compressed
