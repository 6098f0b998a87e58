"""The project's own files as text, so that a rule can be tried on an altered copy of them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNTRACKED = {".git", ".venv", "build", "runs", "studies"}

Tree = dict[str, str]
"""Path relative to the root (with slashes) → text."""


def read_tree(root: Path = ROOT) -> Tree:
    """Every text file that git tracks or would track. Binary files are left out."""
    texts = {}
    for path in _tracked(root):
        try:
            texts[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # binary, or deleted but not yet committed
    return texts


def write_tree(tree: Tree, root: Path) -> None:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tracked(root: Path) -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if listed.returncode == 0:
        return [root / name for name in sorted(set(listed.stdout.split("\0"))) if name]
    everything = (path for path in sorted(root.rglob("*")) if path.is_file())
    return [path for path in everything if not _generated(path.relative_to(root))]


def _generated(path: Path) -> bool:
    """Without git (a downloaded archive): what a checkout would not hold."""
    return any(part in UNTRACKED or part.endswith(("cache__", "_cache", ".egg-info")) for part in path.parts)
