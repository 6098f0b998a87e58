"""What pyproject.toml cannot say: a wheel brings the files that a checkout has beside the package.

``twin.base.places`` finds them in ``twin/library/`` of an installed package.
"""

from pathlib import Path
from shutil import copyfile, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

LIBRARY = (
    "topology/*/*.yaml", "scenarios/**/*.yaml", "data/sources.yaml", "data/published/*.csv",
    "ui/*.py", "ui/.streamlit/config.toml",
)  # fmt: skip


class BuildWithLibrary(build_py):
    """Copies the package and then the library."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self.copy_library(Path(self.build_lib, "twin", "library"))

    def copy_library(self, target: Path) -> None:
        rmtree(target, ignore_errors=True)  # an earlier build may have had files that are gone
        for path in sorted(path for pattern in LIBRARY for path in Path().glob(pattern)):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            copyfile(path, target / path)


setup(cmdclass={"build_py": BuildWithLibrary})
