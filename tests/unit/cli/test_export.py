"""otel-recmon export, as people and their CI call it."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_recmon.artifacts.docs.settings_reference import toml
from otel_recmon.artifacts.render.folder import LEDGER
from otel_recmon.artifacts.settings.deployment import PARTS
from otel_recmon.cli.group import group
from tests.speed import scaled
from tests.unit.artifacts.exports import CHANGED, DEFAULT, EVERY_KNOB

ROOT = Path(__file__).parents[3]
Export = Callable[..., Result]
FEW = ("--only", "collector,prometheus")
"""Parts that are made fast."""
FILES = {name: text for name, text in DEFAULT.files.items() if re.match("coll|prometheus/(prom|targ)", name)}
RULES = {"prometheus/rules/alerts/recmon.yml", "prometheus/rules/recmon.yml"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command is called in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def export(folder: Path) -> Export:
    """The command, with a file of settings where one is given."""

    def call(*arguments: str, settings: str | bytes | None = None) -> Result:
        own: tuple[str, ...] = ()
        if settings is not None:
            content = settings if isinstance(settings, bytes) else settings.encode()
            (folder / "recmon.toml").write_bytes(content)
            own = ("--config", "recmon.toml")
        return CliRunner().invoke(group, ["export", *own, *arguments])

    return call


def found(folder: Path) -> dict[str, str]:
    """The files of a folder, by name, without the ledger."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER)
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in files}


def refused(result: Result) -> str:
    """What it says when it cannot be done, in one line and without having done anything."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("otel-recmon export: ")


def test_without_settings_it_writes_what_is_shipped_and_says_so(export: Export, folder: Path) -> None:
    result = export("--out", "deploy")

    assert result.exit_code == 0
    assert found(folder / "deploy") == DEFAULT.files
    assert result.stdout.splitlines() == [
        *(f"{name}: written" for name in DEFAULT.files),
        f"{len(DEFAULT.files)} files in deploy, 0 of them as they were",
    ]


@pytest.mark.parametrize("settings", ["", "# nothing\n[grafana]\n[alerts.CtrLow]\n"])
def test_with_nothing_set_it_writes_the_same(export: Export, folder: Path, settings: str) -> None:
    assert export("--out", "deploy", settings=settings).exit_code == 0
    assert found(folder / "deploy") == DEFAULT.files


def test_the_defaults_that_it_prints_set_nothing(export: Export, folder: Path) -> None:
    printed = export("--print-defaults").stdout

    assert export("--out", "deploy", settings=printed).exit_code == 0
    assert found(folder / "deploy") == DEFAULT.files


def test_the_defaults_that_it_prints_are_the_defaults(export: Export, folder: Path) -> None:
    printed = export("--print-defaults").stdout
    used = "\n".join(line.removeprefix("#") if line[:2].strip("#").strip() else line for line in printed.splitlines())
    used = used.replace('team = "recommendations"', "")

    assert export("--out", "deploy", settings=used).exit_code == 0
    assert found(folder / "deploy") == DEFAULT.files


def test_a_second_time_nothing_changes(export: Export, folder: Path) -> None:
    export("--out", "deploy", *FEW)
    before = {path: path.stat().st_mtime_ns for path in (folder / "deploy").rglob("*.*") if path.name != LEDGER}

    result = export("--out", "deploy", *FEW)

    assert result.stdout == f"{len(FILES)} files in deploy, {len(FILES)} of them as they were\n"
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_settings_that_change_replace_what_was_written(export: Export, folder: Path) -> None:
    export("--out", "deploy", "--only", "alerts,collector")

    result = export("--out", "deploy", "--only", "alerts,collector", settings='[labels]\nteam = "a"')

    assert result.stdout.splitlines() == [
        "grafana/provisioning/alerting/recmon-rules.json: written",
        "2 files in deploy, 1 of them as they were",
    ]
    assert found(folder / "deploy")["grafana/provisioning/alerting/recmon-rules.json"].count('"team": "a"') > 30


def test_only_the_chosen_parts_are_written(export: Export, folder: Path) -> None:
    assert export("--out", "deploy", "--only", "rules, collector").exit_code == 0

    assert found(folder / "deploy").keys() == {*RULES, "collector-config.yaml"}


def test_the_parts_and_the_format_can_stand_in_the_file(export: Export, folder: Path) -> None:
    export("--out", "deploy", settings='[export]\nparts = ["rules"]')
    export("--out", "objects", settings='[export]\nformat = "kubernetes"')
    export("--out", "again", "--format", "files", "--only", "rules", settings='[export]\nformat = "kubernetes"')

    assert found(folder / "deploy").keys() == found(folder / "again").keys() == RULES
    assert found(folder / "objects") == DEFAULT.objects


def test_a_file_of_others_is_not_overwritten_without_force(export: Export, folder: Path) -> None:
    (folder / "collector-config.yaml").write_text("theirs", encoding="utf-8")

    message = refused(export("--out", ".", *FEW))

    assert message == (
        "nothing is written, because collector-config.yaml in . was not written by this, or was changed since; "
        "--force overwrites it"
    )
    assert found(folder) == {"collector-config.yaml": "theirs"}
    assert export("--out", ".", *FEW, "--force").exit_code == 0
    assert found(folder) == FILES


def test_a_file_that_was_changed_since_is_not_overwritten_without_force(export: Export, folder: Path) -> None:
    export("--out", "deploy", "--only", "rules")
    (folder / "deploy/prometheus/rules/recmon.yml").write_text("groups: []", encoding="utf-8")

    assert "prometheus/rules/recmon.yml in deploy was" in refused(export("--out", "deploy", "--only", "rules"))
    assert found(folder / "deploy").keys() == RULES


def test_a_file_of_others_that_is_the_same_is_taken_over(export: Export, folder: Path) -> None:
    (folder / "collector-config.yaml").write_bytes(DEFAULT.files["collector-config.yaml"].encode())

    assert export("--out", ".", "--only", "collector").exit_code == 0


def test_what_is_no_longer_exported_is_named_and_not_deleted(export: Export, folder: Path) -> None:
    export("--out", "deploy", "--only", "dashboards")

    result = export("--out", "deploy", "--only", "rules", settings='[grafana]\nuid_prefix = "shop"')

    left = [name for name in DEFAULT.files if name.startswith("grafana/dashboards/")]
    assert [line for line in result.stdout.splitlines() if "no longer" in line] == [
        f"{name}: no longer exported: delete it" for name in left
    ]
    assert set(left) < found(folder / "deploy").keys()


def test_the_ledger_is_such_as_sha256sum_has_it(export: Export, folder: Path) -> None:
    export("--out", "deploy", "--only", "rules")
    export("--out", "deploy", "--only", "collector")

    assert (folder / "deploy" / LEDGER).read_text(encoding="utf-8").splitlines() == [
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}"
        for name, text in sorted(found(folder / "deploy").items())
    ]


class TestCheck:
    """What CI asks: is the folder what would be written?"""

    def test_what_was_written_is_right(self, export: Export) -> None:
        export("--out", "deploy", *FEW)

        assert export("--out", "deploy", *FEW, "--check").exit_code == 0

    def test_each_file_that_is_not_is_named_and_nothing_is_changed(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", *FEW)
        (folder / "deploy/prometheus/prometheus.yml").unlink()
        (folder / "deploy/prometheus/prometheus.args").write_text("--own", encoding="utf-8")
        before = found(folder / "deploy")

        result = export("--out", "deploy", *FEW, "--check", settings="[collector]\nmemory_limit_mib = 100")

        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            "collector-config.yaml: outdated",
            "prometheus/prometheus.args: not as it was written",
            "prometheus/prometheus.yml: missing",
            f"{len(FILES)} files in deploy, {len(FILES) - 3} of them as they were",
        ]
        assert found(folder / "deploy") == before

    def test_an_empty_folder_is_not_right(self, export: Export, folder: Path) -> None:
        assert export("--out", "deploy", *FEW, "--check").exit_code == 1
        assert not (folder / "deploy").exists()

    def test_what_is_left_over_is_not_right(self, export: Export) -> None:
        settings = '[grafana]\nuid_prefix = "shop"'
        export("--out", "deploy", "--only", "dashboards")
        export("--out", "deploy", *FEW, settings=settings)

        assert export("--out", "deploy", "--check", *FEW, settings=settings).exit_code == 1

    def test_other_parts_are_not_left_over(self, export: Export) -> None:
        export("--out", "deploy", "--only", "rules,collector")

        assert export("--out", "deploy", "--only", "rules", "--check").exit_code == 0


class TestJson:
    """The same for programs."""

    def test_it_lists_the_files_with_their_digests(self, export: Export, folder: Path) -> None:
        result = export("--out", "deploy", "--only", "rules", "--json")

        assert json.loads(result.stdout) == {
            "out": "deploy",
            "files": [
                {"path": name, "sha256": hashlib.sha256(text.encode()).hexdigest(), "state": "written"}
                for name, text in sorted(found(folder / "deploy").items())
            ],
            "leftover": [],
        }

    def test_a_check_says_how_each_file_is(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "rules")
        (folder / "deploy/prometheus/rules/recmon.yml").unlink()

        result = export("--out", "deploy", "--only", "rules", "--json", "--check")

        assert result.exit_code == 1
        assert {one["path"]: one["state"] for one in json.loads(result.stdout)["files"]} == {
            "prometheus/rules/alerts/recmon.yml": "current",
            "prometheus/rules/recmon.yml": "missing",
        }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('[grafana]\ndatasorce = "x"', "grafana.datasorce is not known: did you mean grafana.datasource?"),
        ("[grafanna]", "grafanna is not known: did you mean grafana?"),
        ("[alerts.CtrLo]", "alerts.CtrLo is not known: did you mean alerts.CtrLow?"),
        ("[alerts.CtrLow]\nfo = '1m'", "alerts.CtrLow.fo is not known: did you mean alerts.CtrLow.for?"),
        ("[alerts.CtrLow]\nthreshold = nan", "alerts.CtrLow.threshold = nan is not usable: expected a number"),
        ("[alerts.CtrLow]\nwindow = '0m'", "alerts.CtrLow.window = '0m' is not usable: expected a duration greater"),
        ("[prometheus]\nalerting = 'yes'", "prometheus.alerting = 'yes' is not usable: expected true or false"),
        ("[collector]\nqueue_bytes = 1.5", "collector.queue_bytes = 1.5 is not usable: expected an integer"),
        ("[collector]\nqueue_bytes = true", "collector.queue_bytes = True is not usable: expected an integer"),
        ("[collector]\nqueue_bytes = 0", "collector.queue_bytes = 0 is not usable: expected an integer of at least 1"),
        ("[grafana]\ntags = 'a'", "grafana.tags = 'a' is not usable: expected a list of strings"),
        ("[grafana]\ntags = [1]", "grafana.tags = 1 is not usable: expected a string"),
        ("[kubernetes]\nlabels = 1", "kubernetes.labels = 1 is not usable: expected a table of strings"),
        ("[kubernetes.labels]\na = 1", "kubernetes.labels.a = 1 is not usable: expected a string"),
        (
            '[kubernetes.labels]\n"a b" = "1"',
            "kubernetes.labels = 'a b' is not usable: expected a Kubernetes label key",
        ),
        ("[kubernetes]\nnamespace = 'A'", "kubernetes.namespace = 'A' is not usable: expected a Kubernetes name"),
        ("grafana = 1", "grafana = 1 is not usable: expected a table"),
        ("[export]\nparts = ['dash']", "export.parts = 'dash' is not usable: expected one of dashboards, "),
        ("[export]\nformat = 'yaml'", "export.format = 'yaml' is not usable: expected one of files, kubernetes"),
        ("[grafana]\nuid_prefix = 'Shop'", "grafana.uid_prefix = 'Shop' is not usable: expected lower-case letters"),
        ("[grafana]\nuid_prefix = 'longer-than-12'", "grafana.uid_prefix = 'longer-than-12' is not usable"),
        (
            "[grafana]\ndashboard_folder = '$HOME'",
            "grafana.dashboard_folder = '$HOME' is not usable: expected a single",
        ),
        (
            "[grafana]\nalert_folder = 'Recommender'",
            "grafana.alert_folder = 'Recommender' is not usable: expected a folder",
        ),
        ("[notifications]\nswitch = 'recmon-slack'", "notifications.switch = 'recmon-slack' is not usable: expected"),
        ("[services]\nselector = 'job'", "services.selector = 'job' is not usable: expected PromQL matchers"),
        ("[services]\nselector = 'job=~\"(\"'", "services.selector = 'job=~\"(\"' is not usable"),
        ("[services]\nselector = 'job=~\"a(?!b)\"'", "services.selector = 'job=~\"a(?!b)\"' is not usable"),
        ("[services]\nselector = 'surface=\"home\"'", "services.selector = 'surface=\"home\"' is not usable"),
        ("[services]\nselector = 'a=\"$b\"'", "services.selector = 'a=\"$b\"' is not usable"),
        ('[services]\nselector = \'a="b" c="d"\'', 'services.selector = \'a="b" c="d"\' is not usable'),
        ("[services]\nselector = '__name__=\"b\"'", "services.selector = '__name__=\"b\"' is not usable"),
        ("[services]\ncurrency = '€'", "services.currency = '€' is not usable: expected a code of three letters"),
        (
            "[labels]\nseverity = 'a'",
            "labels.severity = 'a' is not usable: expected a label name that",
        ),
        ("[labels]\nteam-a = 'a'", "labels.team-a = 'a' is not usable: expected a label name that"),
        ("[labels]\nteam = 7", "labels.team = 7 is not usable: expected a single line"),
        ("[labels]\nteam = '{{ $labels.job }}'", "labels.team = '{{ $labels.job }}' is not usable: expected a single"),
        ("[general]\ngrafana = 'grafana'", "general.grafana = 'grafana' is not usable: expected a URL such as"),
        ("[general]\nsecrets = 'a: b'", "general.secrets = 'a: b' is not usable: expected an absolute path"),
        ("[general]\ninterval = '15s'", "general.interval = '15s' is not usable: Grafana evaluates in steps of 10s"),
        ("[collector]\nhost = 'a}b'", "collector.host = 'a}b' is not usable: expected a host name"),
        (
            "[prometheus]\ncollectors = ['http://a:1']",
            "prometheus.collectors = 'http://a:1' is not usable: expected",
        ),
        ("[export\n", "not valid TOML: "),
        (b"\xff\xfe", "not valid TOML: "),
    ],
)
def test_what_means_nothing_is_refused_with_what_would(
    export: Export, folder: Path, settings: str | bytes, message: str
) -> None:
    assert refused(export("--out", "deploy", settings=settings)).startswith(f"recmon.toml: {message}")
    assert not (folder / "deploy").exists()


@pytest.mark.parametrize("parts", ["", " ", ",,"])
def test_a_list_of_no_parts_is_refused(export: Export, folder: Path, parts: str) -> None:
    assert refused(export("--out", "deploy", "--only", parts)).startswith(
        "--only names nothing: there are alertmanager,"
    )
    assert not (folder / "deploy").exists()


def test_an_empty_part_beside_others_is_none(export: Export, folder: Path) -> None:
    assert export("--out", "deploy", "--only", "rules,,").exit_code == 0

    assert found(folder / "deploy").keys() == RULES


def test_a_part_that_is_not_known_is_refused_with_the_nearest(export: Export) -> None:
    assert refused(export("--out", "deploy", "--only", "dashbords")) == (
        "--only dashbords is not known: did you mean --only dashboards?"
    )


def test_a_file_of_settings_that_is_not_there_is_named(export: Export) -> None:
    assert refused(export("--config", "own.toml", "--out", "deploy")) == "own.toml: No such file or directory"


def test_a_folder_that_cannot_be_written_to_is_named(export: Export, folder: Path) -> None:
    (folder / "deploy").write_text("a file", encoding="utf-8")

    assert refused(export("--out", "deploy")) == "--out deploy is a file, not a folder"


def test_without_a_folder_it_says_what_is_missing(export: Export) -> None:
    result = export()

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--out is missing" in result.stderr


def test_every_knob_can_be_turned_in_a_file(export: Export, folder: Path) -> None:
    several = ("alerts", "pace")
    tables = {name: values for name, values in EVERY_KNOB.items() if name not in several}
    tables |= {f"{name}.{one}": values for name in several for one, values in EVERY_KNOB[name].items()}
    lines = [f"[{name}]\n" + "\n".join(f"{key} = {toml(v)}" for key, v in own.items()) for name, own in tables.items()]

    result = export("--out", "deploy", "--format", "files", "--only", ",".join(PARTS), settings="\n".join(lines))

    assert result.exit_code == 0
    assert found(folder / "deploy") == CHANGED.files


def test_the_command_needs_nothing_of_the_checkout(folder: Path) -> None:
    program = Path(sys.executable).with_name("otel-recmon")
    done = subprocess.run(
        [program, "export", "--out", "deploy"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(60),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert found(folder / "deploy") == DEFAULT.files


@pytest.mark.parametrize("page", ["README.md", "docs/recmon-toml.md"])
def test_what_the_documentation_says_works_as_it_stands(export: Export, folder: Path, page: str) -> None:
    commands = re.findall(r"(?m)^otel-recmon export (.*?)(?: +#.*)?$", (ROOT / page).read_text(encoding="utf-8"))

    assert len(commands) >= 2
    for command in commands:
        arguments, _, target = command.partition(" > ")
        result = export(*arguments.split())
        assert result.exit_code == 0
        if target:
            (folder / target).write_text(result.stdout, encoding="utf-8")
