"""The build of the programs for the tests and the native stack: `python3 tools/build.py [OPTION ...] [NAME ...]`.

The sources are the Go modules beside this file; Go checks every download against go.sum. The programs go to a cache
outside the checkout, which all checkouts share. A program that is in the cache, or on PATH in the pinned version, is
not built.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any

TOOLS = Path(__file__).resolve().parent
# -mod=readonly: the build must not change go.mod and go.sum. The other flags keep the paths and the git state of the
# checkout out of the programs.
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
REPORT_EVERY_S = 10.0


class BuildError(Exception):
    """The programs cannot be built or found; the message names the remedy."""


def load_binaries() -> ModuleType:
    """Load the stack's list of programs by path, because this Python may lack the dependencies of the package.

    Raises:
        BuildError: The file cannot be loaded.
    """
    path = TOOLS.parent / "otel_recmon" / "stack" / "binaries.py"
    spec = importlib.util.spec_from_file_location("otel_recmon_binaries", path)
    if spec is None or spec.loader is None:
        raise BuildError(f"{path} cannot be loaded")
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


binaries = load_binaries()


def digest(folder: Path) -> str:
    """Return the digest of a module's sources: its Go files, go.mod and go.sum."""
    files = sorted([*folder.glob("*.go"), folder / "go.mod", folder / "go.sum"])
    content = b"".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()[:12]


def ensure(module: Any) -> None:
    """Build the programs of a module, unless they are available.

    Raises:
        BuildError: Go is missing, the sources do not match the digest, or the build fails.
    """
    if _complete(module):
        _report(module, f"ready in {_folders(module)}")
        return
    go = _go(module)
    _check_digest(module)
    with _lock(module):
        if not _complete(module):  # another process may have built it while this one waited for the lock
            _build(module, go)


def _complete(module: Any) -> bool:
    return all(binaries.find(command.name) for command in module.commands)


def _folders(module: Any) -> str:
    return ", ".join(sorted({str(binaries.find(command.name).parent) for command in module.commands}))


def _go(module: Any) -> str:
    go = shutil.which("go")
    if go is None:
        wanted = ", ".join(f"{command.name} {module.version}" for command in module.commands)
        raise BuildError(f"install Go {_go_version(module)} or later, or put these programs on PATH: {wanted}")
    return go


def _go_version(module: Any) -> str:
    text = (TOOLS / module.name / "go.mod").read_text(encoding="utf-8")
    return "".join(re.findall(r"^go (\S+)", text, re.MULTILINE))


def _check_digest(module: Any) -> None:
    actual = digest(TOOLS / module.name)
    if actual != module.digest:
        raise BuildError(
            f"tools/{module.name} has changed: set its digest in otel_recmon/stack/binaries.py to {actual}"
        )


@contextmanager
def _lock(module: Any) -> Iterator[None]:
    module.directory.parent.mkdir(parents=True, exist_ok=True)
    with (module.directory.parent / f".{module.directory.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _report(module, "another process builds it, waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(module: Any, go: str) -> None:
    for leftover in module.directory.parent.glob(f".{module.directory.name}.build-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a killed build; a running build would hold the lock
    started = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix=f".{module.directory.name}.build-", dir=module.directory.parent, ignore_cleanup_errors=True
    ) as folder:
        output = Path(folder) / "bin"
        _run(module, go, output)
        shutil.rmtree(module.directory, ignore_errors=True)
        output.rename(module.directory)
    _report(module, f"built in {_elapsed(started)}: {module.directory}")


def _run(module: Any, go: str, output: Path) -> None:
    output.mkdir()
    packages = [command.package for command in module.commands]
    command = [
        go,
        "build",
        "-v",
        *FLAGS,
        f"-ldflags=-s -w {module.ldflags}",
        f"-tags={module.tags}",
        "-o",
        f"{output}{os.sep}",
        *packages,
    ]
    # Without cgo, no C compiler is needed. GOWORK=off ignores a go.work file in a folder above the checkout.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    with (output.parent / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=TOOLS / module.name, env=environment, stderr=log)
        _follow(module, process, log)
        if process.returncode:
            raise BuildError(f"{module.name} {module.version} was not built:\n{_last_lines(log)}")
    _name_after_commands(module, output)


def _follow(module: Any, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    started = time.monotonic()
    _report(module, "building; the first time takes minutes")
    try:
        while process.poll() is None:
            try:
                process.wait(REPORT_EVERY_S)
            except subprocess.TimeoutExpired:
                _report(module, f"{_elapsed(started)}, {_compiled(log)} packages compiled")
    finally:
        process.kill()  # for Ctrl-C; it has no effect on a process that has ended
        process.wait()


def _compiled(log: IO[str]) -> int:
    log.seek(0)
    return sum(not line.startswith("go: ") for line in log)


def _last_lines(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-8:]).rstrip()


def _name_after_commands(module: Any, output: Path) -> None:
    """Rename the program of a module's root package: Go names this program after the folder, such as `collector`."""
    for command in module.commands:
        if command.package == ".":
            (output / module.name).rename(output / command.name)


def _elapsed(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes} min {seconds:02} s"


def _report(module: Any, text: str) -> None:
    print(f"{module.name} {module.version}: {text}", file=sys.stderr, flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [*binaries.names(), []]  # without a name, argparse checks an empty list against the choices
    parser.add_argument("names", nargs="*", metavar="NAME", choices=names, help="default: all programs")
    targets = sorted({module.target for module in binaries.MODULES})
    parser.add_argument("--target", choices=targets, help="without names: the programs of this make target")
    parser.add_argument("--print", action="store_true", help="build nothing; print the paths of the programs")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the programs that the arguments name, or print their paths; return 2 after an error."""
    options = _arguments(arguments)
    names = options.names or binaries.names(options.target)
    try:
        _print(names) if options.print else _ensure(names)
    except BuildError as error:
        print(f"tools/build.py: {error}", file=sys.stderr)
        return 2
    return 0


def _ensure(names: Sequence[str]) -> None:
    for module in dict.fromkeys(binaries.module_of(name) for name in names):
        ensure(module)


def _print(names: Sequence[str]) -> None:
    for name in names:
        path = binaries.find(name)
        if path is None:
            raise BuildError(binaries.install_hint(name))
        print(path)


if __name__ == "__main__":
    sys.exit(main())
