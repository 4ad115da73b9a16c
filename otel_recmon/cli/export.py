"""``otel-recmon export``."""

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
from otel_recmon.artifacts.settings.schema import TuningError, refuse_unknown
from otel_recmon.artifacts.settings.thresholds import Config, load


@dataclass(frozen=True)
class Options:
    """What the command was called with."""

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
@click.option("--only", metavar="PARTS", help=f"Some of {', '.join(PARTS)}, with commas between.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Plain files, or objects for kubectl.")
@click.option("--check", is_flag=True, help="Write nothing; say what in DIR is not as it would be written.")
@click.option("--force", is_flag=True, help="Overwrite files that this did not write, or that were changed since.")
@click.option("--json", "as_json", is_flag=True, help="List the files with their SHA-256 as JSON.")
@click.option("--print-defaults", is_flag=True, help="Print a recmon.toml with all settings, commented out.")
def export(**chosen: Any) -> None:
    """Write dashboards, alerts, rules and configurations with settings of your own.

    What the file does not name stays as it is shipped. The same settings give the same bytes everywhere.
    Files that this did not write are not overwritten, and none is deleted.

    \b
    otel-recmon export --print-defaults > recmon.toml
    otel-recmon export --config recmon.toml --out deploy/
    otel-recmon export --config recmon.toml --out deploy/ --only dashboards,alerts --check

    Exit code: 0 if the files are as they should be, 1 if --check finds one that is not, 2 if it cannot be done.
    """  # noqa: D301 - click reads the \b as it is
    options = Options(**chosen)
    if options.print_defaults:
        click.echo(template(), nl=False)
        return
    if options.out is None:
        raise click.UsageError("--out is missing: the folder to write to")
    if options.out.is_file():
        _end(f"--out {options.out} is a file, not a folder")
    try:
        sys.exit(_run(options, options.out))
    except TuningError as error:
        _end(f"{options.config}: {error}" if options.config else str(error))
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _end(message: str) -> NoReturn:
    click.echo(f"otel-recmon export: {message}", err=True)
    sys.exit(2)


def _run(options: Options, out: Path) -> int:
    config = load(options.config)
    form = options.form or config.deployment.export.format
    folder = Folder(out, exported(config, _parts(options, config, form), form))
    alone = folder.written.keys() <= folder.files.keys()
    leftover = [] if alone else folder.leftover(exported(config, parts_of(form), form))
    if options.check:
        return _checked(folder, leftover, as_json=options.as_json)
    foreign = [name for name, state in folder.states.items() if state is State.FOREIGN]
    if foreign and not options.force:
        _end(
            f"nothing is written, because {', '.join(foreign)} in {out} "
            "was not written by this, or was changed since; --force overwrites it"
        )
    states = dict.fromkeys(folder.write(), "written")
    _say(folder, {name: states.get(name, "unchanged") for name in folder.files}, leftover, as_json=options.as_json)
    return 0


def _parts(options: Options, config: Config, form: str) -> tuple[str, ...]:
    if options.only is None:
        return config.deployment.export.parts or parts_of(form)
    parts = tuple(filter(None, map(str.strip, options.only.split(","))))
    if not parts:
        _end(f"--only names nothing: there are {', '.join(sorted(PARTS))}")
    try:
        refuse_unknown("--only ", parts, PARTS)
    except TuningError as error:
        _end(str(error))
    return parts


def _checked(folder: Folder, leftover: list[str], *, as_json: bool) -> int:
    states = {name: state.value for name, state in folder.states.items()}
    _say(folder, states, leftover, as_json=as_json)
    return int(bool(leftover) or set(states.values()) != {State.CURRENT.value})


def _say(folder: Folder, states: dict[str, str], leftover: list[str], *, as_json: bool) -> None:
    if as_json:
        files = [{"path": name, "sha256": folder.digests[name], "state": state} for name, state in states.items()]
        click.echo(json.dumps({"out": str(folder.path), "files": files, "leftover": leftover}, indent=2))
        return
    said = {name: state for name, state in states.items() if state not in ("current", "unchanged")}
    for name, state in {**said, **dict.fromkeys(leftover, "no longer exported: delete it")}.items():
        click.echo(f"{name}: {state}")
    click.echo(f"{len(states)} files in {folder.path}, {len(states) - len(said)} of them as they were")
