"""Runs inside an image, fed to its Python: what is installed there, as JSON on standard output."""

import importlib.metadata
import json
import os
import platform
import shutil
import struct
import sys
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

ROOT = "/opt/vigie"
USER = 10001
COMPILERS = ("gcc", "g++", "cc", "c++", "clang", "tcc", "rustc", "cargo", "go", "make", "ld", "as")
CACHES = ("/root/.cache", "/tmp", "/var/lib/apt/lists", "/var/cache/apt/archives", "/var/lib/vigie")


def walk(folder: str) -> Iterator[os.DirEntry[str]]:
    """Every file below, links left out."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path)
        elif entry.is_file(follow_symlinks=False):
            yield entry


def bytecode_serves(source: str) -> bool:
    """Whether Python takes the compiled file beside `source`: it holds the time and the size of its source."""
    try:
        with Path(cache_from_source(source)).open("rb", buffering=0) as file:
            _, flags, modified, size = struct.unpack("<4sIII", file.read(16))
    except FileNotFoundError:
        return False
    stat = files[source]
    return flags != 0 or (modified, size) == (int(stat.st_mtime) & 0xFFFFFFFF, stat.st_size & 0xFFFFFFFF)


def compiles(source: str) -> bool:
    """Whether the file can be compiled: some packages carry templates, or Python of another time."""
    try:
        compile(Path(source).read_bytes(), source, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


files = {entry.path: entry.stat() for entry in walk(ROOT)}
sources = [path for path in files if path.endswith(".py") and "/site-packages/" in path]
found = {
    "distributions": {item.metadata["Name"]: item.version for item in importlib.metadata.distributions()},
    "paths": [path for path in sys.path if path.endswith("-packages")],
    "markers": {
        "implementation_name": sys.implementation.name,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_system": platform.system(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
    "compilers": [name for name in COMPILERS if shutil.which(name)],
    "caches": [entry.path for cache in CACHES if Path(cache).is_dir() for entry in walk(cache) if entry.name != "lock"],
    # uv leaves an empty lock, open to all, in an environment that it made.
    "writable": [
        path
        for path, stat in files.items()
        if (stat.st_uid == USER or stat.st_mode & 0o022) and path != f"{ROOT}/.lock"
    ],
    "sources": len(sources),
    "slow_to_import": [path for path in sources if not bytecode_serves(path) and compiles(path)],
}
print(json.dumps(found))
