import os

import pytest

from pyframework.web import HTTPError
from pyframework.web._static_paths import check_in_root, resolve_symlink_target, stat_regular_file


def status_of(call, *args):
    with pytest.raises(HTTPError) as caught:
        call(*args, "name")
    return caught.value.status_code


def test_check_in_root(tmp_path):
    root = str(tmp_path)
    assert check_in_root(root, root + "/a", "name") == check_in_root(root, root, "name") == root + "/"
    assert check_in_root("/", "/etc", "name") == "/"
    for outside in ("/etc", root + "x", root + "/.."):
        assert status_of(check_in_root, root, os.path.abspath(outside)) == 403


def test_resolve_symlink_target(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "in").symlink_to(root / "file")
    (root / "out").symlink_to(outside / "file")
    assert resolve_symlink_target(str(root / "in"), [str(root)], "name") == str(root / "file")
    assert resolve_symlink_target(str(root), [str(root)], "name") == str(root)
    assert resolve_symlink_target(str(root / "out"), [str(root), str(outside)], "name") == str(outside / "file")
    assert status_of(resolve_symlink_target, str(root / "out"), [str(root)]) == 403
    assert status_of(resolve_symlink_target, str(root / "a\0b"), [str(root)]) == 404


def test_stat_regular_file(tmp_path):
    (tmp_path / "file").write_text("abc")
    os.mkfifo(tmp_path / "fifo")
    assert stat_regular_file(str(tmp_path / "file"), "name").st_size == 3
    assert status_of(stat_regular_file, str(tmp_path)) == 403
    assert status_of(stat_regular_file, str(tmp_path / "fifo")) == 403
    assert status_of(stat_regular_file, str(tmp_path / "nix")) == 404
    assert status_of(stat_regular_file, str(tmp_path / "a\0b")) == 404
