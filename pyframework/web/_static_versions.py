"""Versions of static files: hashes of their content, remembered, and the URLs that carry them."""

import hashlib
import os
import threading
from collections.abc import Generator
from typing import Any, ClassVar

from pyframework import web
from pyframework.web._errors import HTTPError
from pyframework.web._static_paths import check_in_root, join_plain, stat_regular_file

_CHUNK_SIZE = 64 * 1024


class StaticVersions:
    """The class methods of `StaticFileHandler`: what needs no request."""

    # Bytes; hashing blocks the event loop, so larger files have no version.
    MAX_VERSION_CONTENT_SIZE = 64 * 1024 * 1024
    # Files; the least recently used ones are forgotten first.
    MAX_CACHED_VERSIONS = 10000

    _static_hashes: ClassVar[dict[str, str | None]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def reset(cls) -> None:
        """Forget all versions, so that they are computed again."""
        with cls._lock:
            cls._static_hashes = {}

    @classmethod
    def make_static_url(cls, settings: dict[str, Any], path: str, include_version: bool = True) -> str:
        """Return the URL of a static file, relative to the host; the inverse of `parse_url_path`.

        :arg settings: those of the application
        :arg path: relative to the static files
        :arg include_version: whether `?v=` and the version stand behind it
        :raises HTTPError: 403, the path leads out of the static files
        """
        url = str(settings.get("static_url_prefix", "/static/")) + path
        version = cls.get_version(settings, path) if include_version else None
        return f"{url}?v={version}" if version else url

    @classmethod
    def get_version(cls, settings: dict[str, Any], path: str) -> str | None:
        """Return the version of a static file, or None if it has none.

        :arg settings: those of the application
        :arg path: relative to the static files; never anything a client sent
        :raises HTTPError: 403, the path leads out of the static files
        """
        return cls._get_cached_version(cls.get_absolute_path(settings["static_path"], path))

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Return where a static file is; override to serve from elsewhere than the file system.

        :arg root: the folder of the static files
        :arg path: relative to it
        :raises HTTPError: 403, the path, as written, leads out of it
        """
        if (plain := join_plain(root, path)) is not None:
            return plain
        absolute_path = os.path.abspath(os.path.join(root, path))
        check_in_root(root, absolute_path, path)
        return absolute_path

    @classmethod
    def get_content(
        cls, abspath: str, start: int | None = None, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """Return the content of a file, or a part of it, in chunks; an override may return one bytes object.

        :arg abspath: as `get_absolute_path` and `validate_absolute_path` returned it
        :arg start: offset of the first byte; None for 0
        :arg end: offset behind the last byte; None for the end of the file
        :raises HTTPError: 404, nothing is there; 403, it is no regular file
        """
        stat_regular_file(abspath, abspath)
        with open(abspath, "rb") as file:
            position = file.seek(start or 0)
            while chunk := file.read(_CHUNK_SIZE if end is None else min(_CHUNK_SIZE, end - position)):
                position += len(chunk)
                yield chunk

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """Return the version of a file: a SHA-512 hash of its content.

        :raises ValueError: the file is larger than `MAX_VERSION_CONTENT_SIZE`
        """
        # An override may return it in one piece.
        content: Any = cls.get_content(abspath)
        digest = hashlib.sha512()
        size = 0
        for chunk in [content] if isinstance(content, bytes) else content:
            size += len(chunk)
            if size > cls.MAX_VERSION_CONTENT_SIZE:
                raise ValueError(f"content is larger than {cls.MAX_VERSION_CONTENT_SIZE} bytes")
            digest.update(chunk)
        return digest.hexdigest()

    @classmethod
    def _get_cached_version(cls, abs_path: str) -> str | None:
        with cls._lock:
            versions = cls._static_hashes
            # Removed and entered again: the order of the dict is that of the last use.
            version = versions.pop(abs_path) if abs_path in versions else cls._find_version(abs_path)
            versions[abs_path] = version
            if len(versions) > cls.MAX_CACHED_VERSIONS:
                del versions[next(iter(versions))]
        return version

    @classmethod
    def _find_version(cls, abs_path: str) -> str | None:
        try:
            return cls.get_content_version(abs_path)
        except (HTTPError, OSError, ValueError) as error:
            web.gen_log.error("Could not open static file %r: %s", abs_path, error)
            return None
