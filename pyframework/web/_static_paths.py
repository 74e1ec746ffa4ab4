"""Which files of a file system may be served: inside a root, not behind links out of it, regular files only."""

import os
import stat
from collections.abc import Iterable

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


def _with_separator(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep
