"""Writes the package's generated code: messages and their types, no stubs.

    python tools/generate.py FOLDER

Each module imports its neighbours relatively, so that the package can't meet another
`destinations` on the path.
"""

import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROJECT = Path(__file__).resolve().parent.parent
API = PROJECT.parent.parent / "proto"
FILES = [
    "destinations/v1/destinations.proto",
    "destinations/v1/operations.proto",
    "destinations/v1/deliveries.proto",
    "error_details.proto",
]
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(into: Path) -> None:
    """Runs protoc, then moves what it has written to where the package wants it."""
    made = into / "made"
    made.mkdir(parents=True)
    where = [f"-I{folder}" for folder in (API, PROJECT / "proto", WELL_KNOWN)]
    code = protoc.main(["protoc", *where, f"--python_out={made}", f"--pyi_out={made}", *FILES])
    if code != 0:
        sys.exit(f"protoc ended with {code}")
    for file in sorted(made.rglob("*.py*")):
        text = file.read_text().replace("from destinations.v1 import", "from . import")
        (into / file.name).write_text(text)
        file.unlink()
    for folder in sorted(made.rglob("*"), reverse=True):
        folder.rmdir()
    made.rmdir()
    (into / "__init__.py").write_text('"""Generated code: see tools/generate.py."""\n')


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for old in target.glob("*.py*"):
        old.unlink()
    generate(target)
