"""The command ``otel-recmon export``."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from otel_recmon.artifacts.docs.settings_reference import template
from otel_recmon.artifacts.render.files import exported, parts_of
from otel_recmon.artifacts.render.folder import Folder, State
from otel_recmon.artifacts.settings.deployment import FORMATS, PARTS
from otel_recmon.artifacts.settings.schema import refuse_unknown
from otel_recmon.artifacts.settings.thresholds import Config, load
from otel_recmon.errors import RecmonError


@dataclass(frozen=True)
class Options:
    """The options of one call."""

    config: Path | None
    out: Path | None
    only: str | None
    form: str | None
    check: bool
    force: bool
    as_json: bool
    print_defaults: bool


@click.command(short_help="Write dashboards, alerts and configurations with your settings.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Your recmon.toml.  [default: none]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder to write to.")
@click.option("--only", metavar="PARTS", help=f"A comma-separated list of {', '.join(PARTS)}.  [default: all]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Plain files, or objects for kubectl.")
@click.option("--check", is_flag=True, help="Write nothing; list the files in DIR that an export would change.")
@click.option("--force", is_flag=True, help="Also overwrite files that were edited or not written by export.")
@click.option("--json", "as_json", is_flag=True, help="List the files with their SHA-256 as JSON.")
@click.option("--print-defaults", is_flag=True, help="Print a recmon.toml with all settings, commented out.")
def export(**chosen: Any) -> None:
    """Write dashboards, alerts, rules and configurations with your own settings.

    A setting that is not in the file keeps its default. The same settings produce the same bytes on every machine.
    The command deletes no files, and overwrites only files that it wrote itself and that nobody edited.

    \b
    otel-recmon export --print-defaults > recmon.toml
    otel-recmon export --config recmon.toml --out deploy/
    otel-recmon export --config recmon.toml --out deploy/ --only dashboards,alerts --check

    Exit code: 0 if all files are up to date; 1 if --check finds a file that is not; 2 after an error.
    """  # noqa: D301 - \b keeps click from joining the lines
    options = Options(**chosen)
    if options.print_defaults:
        click.echo(template(), nl=False)
        return
    if options.out is None:
        raise click.UsageError("--out is missing: name the folder to write to")
    if options.out.is_file():
        _fail(f"--out {options.out} is a file, not a folder")
    try:
        sys.exit(_run(options, options.out))
    except RecmonError as error:
        _fail(f"{options.config}: {error}" if options.config else str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"otel-recmon export: {message}", err=True)
    sys.exit(2)


def _run(options: Options, out: Path) -> int:
    config = load(options.config)
    form = options.form or config.deployment.export.format
    folder = Folder(out, exported(config, _parts(options, config, form), form))
    # If an earlier export wrote other files, generate all parts, to find the files that are no longer generated.
    alone = folder.written.keys() <= folder.files.keys()
    leftover = [] if alone else folder.leftover(exported(config, parts_of(form), form))
    if options.check:
        return _check(folder, leftover, as_json=options.as_json)
    foreign = [name for name, state in folder.states.items() if state is State.FOREIGN]
    if foreign and not options.force:
        _fail(
            f"nothing was written, because {out} has files that were edited or not written by this command: "
            f"{', '.join(foreign)}; --force overwrites them"
        )
    states = dict.fromkeys(folder.write(), "written")
    _print(folder, {name: states.get(name, "unchanged") for name in folder.files}, leftover, as_json=options.as_json)
    return 0


def _parts(options: Options, config: Config, form: str) -> tuple[str, ...]:
    if options.only is None:
        return config.deployment.export.parts or parts_of(form)
    parts = tuple(filter(None, map(str.strip, options.only.split(","))))
    if not parts:
        _fail(f"--only names no part: the parts are {', '.join(sorted(PARTS))}")
    try:
        refuse_unknown("--only ", parts, PARTS)
    except RecmonError as error:
        _fail(str(error))
    return parts


def _check(folder: Folder, leftover: list[str], *, as_json: bool) -> int:
    states = {name: state.value for name, state in folder.states.items()}
    _print(folder, states, leftover, as_json=as_json)
    return int(bool(leftover) or set(states.values()) != {State.CURRENT.value})


def _print(folder: Folder, states: dict[str, str], leftover: list[str], *, as_json: bool) -> None:
    if as_json:
        files = [{"path": name, "sha256": folder.digests[name], "state": state} for name, state in states.items()]
        click.echo(json.dumps({"out": str(folder.path), "files": files, "leftover": leftover}, indent=2))
        return
    changed = {name: state for name, state in states.items() if state not in ("current", "unchanged")}
    for name, state in {**changed, **dict.fromkeys(leftover, "no longer exported: delete it")}.items():
        click.echo(f"{name}: {state}")
    click.echo(f"{len(states)} files in {folder.path}, {len(states) - len(changed)} of them unchanged")
