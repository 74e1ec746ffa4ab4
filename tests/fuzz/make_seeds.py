"""Write the wire vectors as seed corpora for the fuzz targets: python -m tests.fuzz.make_seeds FOLDER.

FOLDER gets one folder for each target, named after it. The bytes in front of the wire are what the target asks for.
"""

import sys
from pathlib import Path

from tests.vectors import cases

TARGETS = {
    "request": ("fuzz_http1", b"\x00\x80"),
    "response": ("fuzz_http1", b"\x01\x80"),
    "chunked": ("fuzz_chunked", b"\x80"),
}


def write_seeds(folder: Path) -> int:
    """Return how many files were written."""
    count = 0
    for case in cases():
        target, prefix = TARGETS[case.kind]
        seed = folder / target / f"{case.kind}-{count:04}"
        seed.parent.mkdir(parents=True, exist_ok=True)
        seed.write_bytes(prefix + case.input)
        count += 1
    return count


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.fuzz.make_seeds FOLDER")
    print(f"{write_seeds(Path(sys.argv[1]))} seeds")
