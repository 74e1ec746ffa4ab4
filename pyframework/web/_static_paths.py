"""Which files of a file system may be served: inside a root, not behind links out of it, regular files only."""

import datetime
import os
import re
import stat
import time
from collections.abc import Iterable
from functools import lru_cache

from pyframework.web._errors import HTTPError


def check_in_root(root: str, absolute_path: str, path_message: str) -> str:
    """Check that a path, as written, is in a directory.

    :arg root: the directory
    :arg absolute_path: the path
    :arg path_message: what to call it in the error
    :returns: the absolute root, with a separator at its end
    :raises HTTPError: 403, the path is somewhere else
    """
    root = _with_separator(os.path.abspath(root))
    if not _with_separator(absolute_path).startswith(root):
        raise HTTPError(403, "%s is not in root static directory", path_message)
    return root


def resolve_symlink_target(absolute_path: str, allowed_directories: Iterable[str], path_message: str) -> str:
    """Return where a path leads with all its links followed.

    This says what is there now: against people who may write to the directory only its permissions help.

    :arg absolute_path: the path; what it names need not exist
    :arg allowed_directories: where it may lead
    :arg path_message: what to call it in the error
    :raises HTTPError: 403, it leads somewhere else; 404, no file can have this name
    """
    try:
        target = os.path.realpath(absolute_path)
    except ValueError as error:
        raise HTTPError(404) from error
    for directory in allowed_directories:
        if _with_separator(target).startswith(_with_separator(os.path.realpath(directory))):
            return target
    raise HTTPError(403, "%s is not in root static directory", path_message)


def stat_regular_file(absolute_path: str, path_message: str) -> os.stat_result:
    """Return the status of a regular file. Others are never opened: a device may not end, a FIFO may block.

    :arg absolute_path: the path
    :arg path_message: what to call it in the error
    :raises HTTPError: 404, nothing is there; 403, it is no regular file
    """
    try:
        status = os.stat(absolute_path)
    except (OSError, ValueError) as error:
        raise HTTPError(404) from error
    if not stat.S_ISREG(status.st_mode):
        raise HTTPError(403, "%s is not a file", path_message)
    return status


# Seconds for which it is known where a path leads; each request asks whether the same file is there still.
_VALIDITY = 1.0
_MAX_KNOWN_FILES = 10000
# No component is empty or begins with a dot, so nothing is left to be normalised.
_PLAIN_PATH = re.compile(r"[^/.][^/]*(?:/[^/.][^/]*)*")

_known_files: "dict[tuple[object, ...], KnownFile]" = {}


class KnownFile:
    """A file that may be served, as it was found a moment ago, and what has been derived from its name and status."""

    __slots__ = ("path", "status", "until", "content_type", "modified", "last_modified")

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        self.until = time.monotonic() + _VALIDITY
        self.content_type: str | None = None
        self.modified: datetime.datetime | None = None
        self.last_modified = ""


def known_file(key: tuple[object, ...], absolute_path: str) -> KnownFile | None:
    """Return what is known of the file that a path leads to, if it is still the same one and unchanged.

    :arg key: whatever decides whether it may be served
    """
    known = _known_files.get(key)
    if known is None or known.until < time.monotonic():
        return None
    try:
        now, then = os.stat(absolute_path), known.status
    except (OSError, ValueError):
        return None
    same = now.st_ino == then.st_ino and now.st_ctime_ns == then.st_ctime_ns and now.st_dev == then.st_dev
    return known if same else None


def remember_file(key: tuple[object, ...], path: str, status: os.stat_result) -> KnownFile:
    if len(_known_files) >= _MAX_KNOWN_FILES:
        _known_files.clear()
    known = _known_files[key] = KnownFile(path, status)
    return known


@lru_cache(maxsize=100)
def _folder(root: str) -> str | None:
    """Return an absolute root in normal form, with a separator at its end."""
    return _with_separator(os.path.abspath(root)) if os.path.isabs(root) else None


def join_plain(root: str, path: str) -> str | None:
    """Return what `os.path.abspath(os.path.join(root, path))` does, for a path below the root that needs no work."""
    folder = _folder(root) if os.sep == "/" else None
    return folder + path if folder is not None and _PLAIN_PATH.fullmatch(path) else None


def _with_separator(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep
