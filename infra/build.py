"""Builds what `sam build` ships: for each function its code, for all of them one layer of packages.

    python infra/build.py function TARGET [--python 3.13]
    python infra/build.py layer TARGET [--python 3.13] [--architecture arm64]

The Makefile's `build-…` targets call it. A function gets functions/ and what that imports of turnlog, and
nothing else of the repository. The layer gets the packages of requirements-lambda.lock, for the platform of
the template's defaults, without what Turnlog never imports. Both hold bytecode that is not checked against
its source at import (PEP 552), because Lambda's file system is read-only and a cold start would compile all
of it anew. The result is the same for the same sources, whenever and wherever it is built.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / "shared"
LOCK = ROOT / "requirements-lambda.lock"
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}

# What Lambda starts in place of its own runtime where a function streams, and what that starts.
WRAPPER = ROOT / "functions" / "streaming.sh"
RUNTIME = SHARED / "turnlog" / "http" / "streaming_runtime.py"

# What the store and the purge ask of DynamoDB and S3; a test compares it with the calls that are made.
OPERATIONS = {
    "dynamodb": {"BatchWriteItem", "GetItem", "Query", "TransactWriteItems", "UpdateItem"},
    "s3": {"CopyObject", "DeleteObject", "GetObject", "HeadObject", "ListObjectsV2", "PutObject"},
}
# What botocore reads to talk to these; otherwise it would list the folders of all its 400 services.
BOTOCORE_DATA = {
    *OPERATIONS,
    "endpoints.json",
    "partitions.json",
    "sdk-default-configuration.json",
    "_retry.json",
}


def this_platform() -> str:
    """The architecture of this machine, as Lambda calls it."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def interpreter(version: str) -> str | None:
    """A Python of this version, such as 3.13: the running one, one on the PATH, or one that pyenv keeps."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return getattr(sys, "_base_executable", sys.executable)  # not that of a virtual environment
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    for candidate in filter(None, (shutil.which(f"python{version}"), *map(str, reversed(kept)))):
        # What pyenv puts on the PATH may stand for a version that is not switched on: it has to be tried.
        tried = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)  # noqa: S603
        if tried.returncode == 0:
            return candidate
    return None


def build_function(target: Path, python: str) -> None:
    """The code of every function: they differ by their handler alone."""
    for source in [*imported(), WRAPPER]:
        # turnlog/ lies beside functions/, where Lambda puts both on the path.
        copy = target / source.relative_to(SHARED if source.is_relative_to(SHARED) else ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    (target / WRAPPER.relative_to(ROOT)).chmod(0o755)
    _compile(target, python)


def imported() -> list[Path]:
    """The functions, and what of turnlog one of them imports: not what is there for programs alone."""
    found: set[Path] = set()
    pending = [*(ROOT / "functions").glob("*.py"), RUNTIME]
    while pending:
        source = pending.pop()
        if source not in found:
            found.add(source)
            # What a program imports from the root, no function does.
            pending += _named_modules(source) if source != SHARED / "turnlog/__init__.py" else []
    return sorted(found)


def _named_modules(source: Path) -> Iterator[Path]:
    """The files of turnlog that a module's import statements name, at whatever place in it."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        for name in names:
            place = SHARED
            for part in name.split("."):
                place /= part
                # What is named last may be no module.
                files = (place.with_suffix(".py"), place / "__init__.py")
                yield from (each for each in files if name.startswith("turnlog.") and each.is_file())


def build_layer(target: Path, python: str, architecture: str) -> None:
    """The packages, in the folder that Lambda puts on the path.

    Raises:
        CalledProcessError: pip could not install them.
    """
    packages = target / "python"
    subprocess.run(  # noqa: S603 (our words)
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--requirement", str(LOCK), "--require-hashes", "--no-deps"),  # the lock has them all
            *("--only-binary", ":all:", "--no-compile"),
            *("--platform", PLATFORMS[architecture], "--python-version", python, "--implementation", "cp"),
            *("--target", str(packages)),
        ],
        check=True,
    )
    _prune(packages / "botocore" / "data")
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for record in packages.glob("*.dist-info/RECORD"):
        record.unlink()  # it lists what is no longer there
    _compile(packages, python)


def _prune(data: Path) -> None:
    """Leave what describes the operations that are used: all of it is read when a client is made."""
    for path in data.iterdir():
        if path.name not in BOTOCORE_DATA:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, operations in OPERATIONS.items():
        (model,) = data.glob(f"{name}/*/service-2.json*")
        _prune_service(model, operations)
    endpoints = _read(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in OPERATIONS if name in services}
    _write(data / "endpoints.json", endpoints)


def _prune_service(model: Path, operations: set[str]) -> None:
    """Leave a service's operations of these names, and the shapes that they refer to."""
    service = _read(model)
    service["operations"] = {name: service["operations"][name] for name in sorted(operations)}
    used: set[str] = set()
    names = set(_named_shapes(service["operations"]))
    while names:
        used |= names
        names = set(_named_shapes([service["shapes"][name] for name in names])) - used
    service["shapes"] = {name: service["shapes"][name] for name in sorted(used)}
    # botocore asks these, and no others, for their documentation.
    asked = {name: service[name] for name in ("clientContextParams",) if name in service}
    _write(model, _undocumented(service) | asked)


def _named_shapes(value: Any) -> Iterator[str]:
    """The names of the shapes that are referred to, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _named_shapes(inner)


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        # A member may be called documentation; its value would be a shape, not text.
        return {
            name: _undocumented(inner)
            for name, inner in value.items()
            if not (name == "documentation" and isinstance(inner, str))
        }
    return [_undocumented(inner) for inner in value] if isinstance(value, list) else value


def _read(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def _write(path: Path, value: Any) -> None:
    """Write it where it was, as plain JSON."""
    path.unlink()
    path.with_name(path.name.removesuffix(".gz")).write_text(json.dumps(value), encoding="utf-8")


def _compile(folder: Path, python: str) -> None:
    compiler = interpreter(python)
    if compiler is None:
        sys.stderr.write(f"There is no python{python} here: without its bytecode, cold starts take longer.\n")
        return
    # The path in a traceback is that in the artifact, not that of this machine.
    command = [
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(folder),
    ]
    subprocess.run([compiler, *command, str(folder)], check=True)  # noqa: S603 (our words)


def main() -> None:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(description="Build an artifact of the template.")
    parser.add_argument("what", choices=["function", "layer"])
    parser.add_argument("target", type=Path)
    parser.add_argument("--python", default="3.13")
    parser.add_argument("--architecture", choices=PLATFORMS, default="arm64")
    arguments = parser.parse_args()
    if arguments.what == "function":
        build_function(arguments.target, arguments.python)
    else:
        build_layer(arguments.target, arguments.python, arguments.architecture)


if __name__ == "__main__":
    main()
