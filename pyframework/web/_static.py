"""Serves files of a folder: types, caching, conditional requests, ranges (RFC 9110, sections 13 and 14)."""

import datetime
import email.utils
import mimetypes
import os
import stat
from collections.abc import Awaitable
from typing import Any

from pyframework import httputil, iostream
from pyframework._core.delegates import DONE
from pyframework.web._encoders import accepted_codings
from pyframework.web._errors import HTTPError
from pyframework.web._handler import RequestHandler
from pyframework.web._redirect import _is_protocol_relative
from pyframework.web._static_paths import (
    KnownFile,
    check_in_root,
    known_file,
    remember_file,
    resolve_symlink_target,
    stat_regular_file,
)
from pyframework.web._static_siblings import SUFFIXES, sibling_of
from pyframework.web._static_versions import StaticVersions

_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # what would block, such as a FIFO, is refused after opening


class StaticFileHandler(StaticVersions, RequestHandler):
    """Serves the files of a folder. The rule's pattern has one group, the path below it.

    The rule's arguments: `path`, the folder; `default_filename`, served for a directory;
    `allowed_symlink_directory`, one or more folders that symbolic links may lead to, by default `path` itself; and
    `precompressed`: send `a.css.br`, `.zst` or `.gz` in place of `a.css` to clients that accept it, if it is there.

    Subclasses may override the methods that have docstrings. For other URLs: `make_static_url`,
    `parse_url_path`, `get_version`. For content from elsewhere than the file system: `get_absolute_path`,
    `validate_absolute_path`, `get_content`, `get_content_size`, `get_modified_time`.
    """

    # Seconds, ten years: for how long clients may keep a file whose URL has its version.
    CACHE_MAX_AGE = 86400 * 365 * 10

    allowed_symlink_directory: str | list[str] | None = None

    _check_in_root = staticmethod(check_in_root)
    _resolve_symlink_target = staticmethod(resolve_symlink_target)
    _stat_regular_file = staticmethod(stat_regular_file)
    _stat_result: os.stat_result | None = None
    _known: KnownFile | None = None
    _sibling: str | None = None
    precompressed = False

    def initialize(
        self,
        path: str,
        default_filename: str | None = None,
        allowed_symlink_directory: str | list[str] | None = None,
        *,
        precompressed: bool = False,
    ) -> None:
        self.root = path
        self.precompressed = precompressed
        self.default_filename = default_filename
        self.allowed_symlink_directory = allowed_symlink_directory

    def head(self, path: str) -> Awaitable[None]:
        return self.get(path, include_body=False)

    def get(self, path: str, include_body: bool = True) -> Awaitable[None]:
        self.path = self.parse_url_path(path)
        found = self.validate_absolute_path(self.root, self.get_absolute_path(self.root, self.path))
        if found is None:
            return DONE
        self.absolute_path = found
        self.modified = self.get_modified_time()
        if self.precompressed:
            self._take_sibling()
        self.set_headers()
        if self.should_return_304():
            self.set_status(304)
            return DONE
        size = self.get_content_size()
        try:
            start, end = self._select_range(size)
        except IndexError:
            self.set_status(416)
            self.clear_header("Content-Encoding")
            self.set_header("Content-Type", "text/plain")
            self.set_header("Content-Range", f"bytes */{size}")
            return DONE
        length = (size if end is None else end) - (start or 0)
        self._put_header("Content-Length", length, str(length))
        if not include_body:
            return DONE
        if getattr(type(self).get_content, "__func__", None) is _plain_get_content:
            return self._send_file(start or 0, length)
        return self._send_content(start, end)

    def _take_sibling(self) -> None:
        """Send a file that was compressed beforehand, if there is one that the client accepts."""
        self.set_header("Vary", "Accept-Encoding")
        codings = accepted_codings(self.request.headers.get("Accept-Encoding", ""), SUFFIXES)
        found = sibling_of(self.absolute_path, self._stat().st_mtime, codings, self._checked)
        if found is not None:
            coding, self._sibling, self._stat_result = found
            self.set_header("Content-Encoding", coding)

    def _checked(self, path: str) -> tuple[str, os.stat_result]:
        found = self._resolve_symlink_target(path, self._link_directories(self.root), self.path)
        return found, self._stat_regular_file(found, self.path)

    def _link_directories(self, root: str) -> list[str]:
        allowed = self.allowed_symlink_directory or root
        return allowed if isinstance(allowed, list | tuple) else [allowed]

    def _send_file(self, start: int, length: int) -> Awaitable[None]:
        try:
            fd = os.open(self._sibling or self.absolute_path, _TO_READ)
        except (OSError, ValueError) as error:
            raise HTTPError(404) from error
        try:
            if self._stat_result is None and not stat.S_ISREG(os.fstat(fd).st_mode):
                raise HTTPError(403, "%s is not a file", self.path)
            sent = self.write_file(fd, start, length)
        finally:
            os.close(fd)
        return sent if sent is DONE else self._sent(sent)

    async def _sent(self, sent: Awaitable[None]) -> None:
        try:
            await sent
        except iostream.StreamClosedError:
            # The client had enough.
            pass

    async def _send_content(self, start: int | None, end: int | None) -> None:
        content: Any = self.get_content(self.absolute_path, start, end)
        try:
            for chunk in [content] if isinstance(content, bytes) else content:
                self.write(chunk)
                await self.flush()
        except iostream.StreamClosedError:
            # The client had enough.
            pass

    def _select_range(self, size: int) -> tuple[int | None, int | None]:
        """Return the first and the behind-last offset that the Range header asks for; two None without one.

        :raises IndexError: there are no such bytes
        """
        header = self.request.headers.get("Range")
        asked = httputil._parse_request_range(header) if header and self._is_range_of_this() else None
        if not asked:
            return None, None
        start, end = asked
        if start is not None and start < 0:
            start = max(0, start + size)
        end = size if end is None else min(end, size)
        if (start or 0) >= end:
            raise IndexError("unsatisfiable range")
        # A range that is the whole file is not announced: some browsers do not play audio from such answers.
        if end - (start or 0) != size:
            self.set_status(206)
            self.set_header("Content-Range", httputil._get_content_range(start, end, size))
        return start, end

    def _is_range_of_this(self) -> bool:
        """Return whether the client has a part of just this content, by If-Range (RFC 9110, section 13.1.5)."""
        known = self.request.headers.get("If-Range")
        if known is None:
            return True
        own = self._headers.get("Etag" if known.endswith('"') else "Last-Modified")
        return known == own and not known.startswith("W/")

    def compute_etag(self) -> str | None:
        """Return the file's version, the same for all its ranges."""
        version = self._get_cached_version(self._sibling or self.absolute_path)
        return f'"{version}"' if version else None

    def set_headers(self) -> None:
        """Set the headers that tell about content and caching."""
        self.set_etag_header()
        content_type = self.get_content_type()
        if content_type:
            self.set_header("Content-Type", content_type)
        if self.modified is not None:
            known = self._known
            if known is not None and known.modified is self.modified:
                self._put_header("Last-Modified", self.modified, known.last_modified)
            else:
                self.set_header("Last-Modified", self.modified)
        self._put_header("Accept-Ranges", "bytes", "bytes")
        seconds = self.get_cache_time(self.path, self.modified, content_type)
        if seconds > 0:
            self.set_header("Expires", datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds))
            self.set_header("Cache-Control", f"max-age={seconds}")
        self.set_extra_headers(self.path)

    def should_return_304(self) -> bool:
        """Return whether the client has this file: by If-None-Match if it is there, else by If-Modified-Since."""
        headers = self.request.headers
        if headers.get("If-None-Match") is not None:
            return self.check_etag_header()
        since = headers.get("If-Modified-Since")
        if since is None or self.modified is None:
            return False
        try:
            return _in_utc(self.modified) <= _in_utc(email.utils.parsedate_to_datetime(since))
        except (ValueError, OverflowError):
            return False

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Return the path of the file to serve, or None if the request is answered already.

        :arg root: the folder of the static files
        :arg absolute_path: as `get_absolute_path` returned it
        :raises HTTPError: 403, it is outside of what may be served or no file; 404, it is not there
        """
        directories = self._link_directories(root)
        key = (root, absolute_path, *directories)
        self._known = known = known_file(key, absolute_path)
        if known is not None:
            self._stat_result = known.status
            return known.path
        self._check_in_root(root, absolute_path, self.path)
        # Followed before anything is looked at: what is behind a forbidden link shall not show.
        found = self._resolve_symlink_target(absolute_path, directories, self.path)
        if self.default_filename is not None and os.path.isdir(found):
            if not self.request.path.endswith("/"):
                self._redirect_to_directory()
                return None
            found = self._resolve_symlink_target(os.path.join(found, self.default_filename), directories, self.path)
            self._stat_result = self._stat_regular_file(found, self.path)
            return found
        self._stat_result = self._stat_regular_file(found, self.path)
        self._known = remember_file(key, found, self._stat_result)
        return found

    def _redirect_to_directory(self) -> None:
        if _is_protocol_relative(self.request.path):
            raise HTTPError(403, "cannot redirect path with two initial slashes")
        self.redirect(self.request.path + "/", permanent=True)

    def _stat(self) -> os.stat_result:
        if self._stat_result is None:
            self._stat_result = os.stat(self.absolute_path)
        return self._stat_result

    def get_content_size(self) -> int:
        """Return the size of the whole file in bytes."""
        return self._stat().st_size

    def get_modified_time(self) -> datetime.datetime | None:
        """Return when the file was modified, in whole seconds; None if that is unknown."""
        known = self._known
        if known is not None and known.modified is not None:
            return known.modified
        # HTTP dates have no fractions: with one, every file would look newer than the client's copy.
        modified = datetime.datetime.fromtimestamp(int(self._stat().st_mtime), datetime.UTC)
        if known is not None:
            known.modified, known.last_modified = modified, httputil.format_timestamp(modified)
        return modified

    def get_content_type(self) -> str:
        """Return the Content-Type, guessed from the file's name."""
        known = self._known
        if known is None or known.path != self.absolute_path:
            return _content_type_of(self.absolute_path)
        if known.content_type is None:
            known.content_type = _content_type_of(known.path)
        return known.content_type

    def set_extra_headers(self, path: str) -> None:
        """Override to set more headers."""

    def get_cache_time(self, path: str, modified: datetime.datetime | None, mime_type: str) -> int:
        """Return for how many seconds clients may keep the file; 0 leaves it to them.

        By default `CACHE_MAX_AGE` for URLs that have a version.
        """
        return self.CACHE_MAX_AGE if self.request.query and "v" in self.request.arguments else 0

    def parse_url_path(self, url_path: str) -> str:
        """Return the path of a file from that of its URL, without its prefix; the inverse of `make_static_url`."""
        return url_path if os.sep == "/" else url_path.replace("/", os.sep)


_plain_get_content = StaticVersions.get_content.__func__  # type: ignore[attr-defined]


def _content_type_of(path: str) -> str:
    mime_type, encoding = mimetypes.guess_type(path)
    # An encoded file is sent as it is, not with a Content-Encoding (RFC 6713 for gzip).
    if encoding == "gzip":
        return "application/gzip"
    if encoding is not None or mime_type is None:
        return "application/octet-stream"
    return mime_type


def _in_utc(time: datetime.datetime) -> datetime.datetime:
    return time.replace(tzinfo=datetime.UTC) if time.tzinfo is None else time
