"""Puts the real Tornado, and the optional packages that its suite tests, into a folder of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORNADO = "tornado==6.6.1"
OPTIONAL = ["hypothesis", "twisted", "pycares<5", "pycurl"]


def pip_install(folder: Path, *requirements: str) -> bool:
    """Install into the folder; return whether that worked. Says nothing."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), *requirements]
    return subprocess.run(command, capture_output=True).returncode == 0


def upstream_folder() -> Path:
    """Return the folder of this interpreter's copy, making it on first use; later runs need no network."""
    folder = ROOT / ".upstream" / f"{sys.implementation.cache_tag}"
    done = folder / "missing.txt"
    if not done.exists():
        print(f"installing {TORNADO} and {', '.join(OPTIONAL)} into {folder} …", flush=True)
        if not pip_install(folder, TORNADO):
            raise SystemExit(f"cannot install {TORNADO}: pip install --target {folder} {TORNADO} says why")
        missing = [requirement for requirement in OPTIONAL if not pip_install(folder, requirement)]
        done.write_text("".join(f"{requirement}\n" for requirement in missing))
    for requirement in done.read_text().split():
        print(f"{requirement} could not be installed: its tests are skipped (remove {folder} to try again)")
    return folder
