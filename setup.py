"""The list of compiled modules; everything else about the package is in pyproject.toml.

Switches, read from the environment: PYFRAMEWORK_DEBUG=1 builds without optimisation and with Cython's
line directives, PYFRAMEWORK_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer.
"""

import glob
import os
import platform

from setuptools import Extension, setup

POLLER = "kqueue" if platform.system() in ("Darwin", "FreeBSD", "OpenBSD", "NetBSD") else "epoll"
DEBUG = os.environ.get("PYFRAMEWORK_DEBUG") == "1"
SANITIZE = os.environ.get("PYFRAMEWORK_SANITIZE") == "1"

# Module name -> the plain C files that are linked into it.
SOURCES = {
    "loop": [f"pf_poll_{POLLER}.c", "pf_timer.c", "pf_buf.c"],
    "coroutines": [],
    "buffers": [],
    "reads": ["pf_buf.c"],
    "stream": ["pf_buf.c"],
    "headers": ["pf_buf.c"],
    "escape": [],
    "urls": [],
    "forms": [],
    "request": [],
    "response": ["pf_buf.c", "pf_sha1.c"],
    "routes": [],
    "delegates": [],
    "http1_writer": ["pf_buf.c"],
    "http1": ["pf_http1.c", "pf_chunked.c"],
    "http1_server": [],
    "deflate": ["pf_buf.c", "pf_deflate.c"],
    "websocket": ["pf_buf.c", "pf_mask.c", "pf_utf8.c", "pf_ws.c"],
}
LIBRARIES = {"deflate": ["z"]}
DEPENDS = sorted(glob.glob("ext/c/*.h") + glob.glob("ext/pyframework/_core/*.pxd"))
DIRECTIVES = {"language_level": 3, "embedsignature": True, "binding": True, "freethreading_compatible": False}

compile_args = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]
compile_args += ["-O0", "-g"] if DEBUG else ["-O3"]
link_args = []
if SANITIZE:
    compile_args += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined", "-g"]
    link_args += ["-fsanitize=address,undefined"]


def extension(name: str, sources: list[str]) -> Extension:
    module = Extension(
        f"pyframework._core.{name}",
        [f"ext/pyframework/_core/{name}.pyx", *(f"ext/c/{source}" for source in sources)],
        include_dirs=["ext/c"],
        depends=DEPENDS,
        libraries=LIBRARIES.get(name, []),
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )
    # Read by Cython's build_ext, which setuptools uses by itself for a .pyx source.
    module.cython_include_dirs = ["ext"]
    module.cython_c_in_temp = True
    module.cython_directives = DIRECTIVES
    module.cython_line_directives = DEBUG
    return module


setup(ext_modules=[extension(name, sources) for name, sources in SOURCES.items()])
