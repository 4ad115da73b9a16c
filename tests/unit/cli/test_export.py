"""The command `otel-recmon export`."""

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
"""Parts that take little time to generate."""
FILES = {name: text for name, text in DEFAULT.files.items() if re.match("coll|prometheus/(prom|targ)", name)}
RULES = {"prometheus/rules/alerts/recmon.yml", "prometheus/rules/recmon.yml"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def export(folder: Path) -> Export:
    """Call the command; `settings` is the content of its recmon.toml."""

    def call(*arguments: str, settings: str | bytes | None = None) -> Result:
        own: tuple[str, ...] = ()
        if settings is not None:
            content = settings if isinstance(settings, bytes) else settings.encode()
            (folder / "recmon.toml").write_bytes(content)
            own = ("--config", "recmon.toml")
        return CliRunner().invoke(group, ["export", *own, *arguments])

    return call


def found(folder: Path) -> dict[str, str]:
    """Return the content of the files of a folder by name, without the ledger."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER)
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in files}


def refused(result: Result) -> str:
    """Assert that the command failed without output, and return its one-line error message."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("otel-recmon export: ")


class TestDefaults:
    def test_without_settings_the_shipped_files_are_written_and_listed(self, export: Export, folder: Path) -> None:
        result = export("--out", "deploy")

        assert result.exit_code == 0
        assert found(folder / "deploy") == DEFAULT.files
        assert result.stdout.splitlines() == [
            *(f"{name}: written" for name in DEFAULT.files),
            f"{len(DEFAULT.files)} files in deploy, 0 of them unchanged",
        ]

    @pytest.mark.parametrize("settings", ["", "# nothing\n[grafana]\n[alerts.CtrLow]\n"])
    def test_empty_settings_write_the_same_files(self, export: Export, folder: Path, settings: str) -> None:
        assert export("--out", "deploy", settings=settings).exit_code == 0
        assert found(folder / "deploy") == DEFAULT.files

    def test_the_printed_defaults_are_all_commented_out(self, export: Export, folder: Path) -> None:
        printed = export("--print-defaults").stdout

        assert export("--out", "deploy", settings=printed).exit_code == 0
        assert found(folder / "deploy") == DEFAULT.files

    def test_the_printed_defaults_have_no_effect_when_uncommented(self, export: Export, folder: Path) -> None:
        printed = export("--print-defaults").stdout
        used = "\n".join(
            line.removeprefix("#") if line[:2].strip("#").strip() else line for line in printed.splitlines()
        )
        used = used.replace('team = "recommendations"', "")

        assert export("--out", "deploy", settings=used).exit_code == 0
        assert found(folder / "deploy") == DEFAULT.files

    def test_a_second_export_changes_no_file(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", *FEW)
        before = {path: path.stat().st_mtime_ns for path in (folder / "deploy").rglob("*.*") if path.name != LEDGER}

        result = export("--out", "deploy", *FEW)

        assert result.stdout == f"{len(FILES)} files in deploy, {len(FILES)} of them unchanged\n"
        assert before == {path: path.stat().st_mtime_ns for path in before}


class TestSettings:
    def test_changed_settings_replace_the_written_files(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "alerts,collector")

        result = export("--out", "deploy", "--only", "alerts,collector", settings='[labels]\nteam = "a"')

        assert result.stdout.splitlines() == [
            "grafana/provisioning/alerting/recmon-rules.json: written",
            "2 files in deploy, 1 of them unchanged",
        ]
        assert found(folder / "deploy")["grafana/provisioning/alerting/recmon-rules.json"].count('"team": "a"') > 30

    def test_only_the_chosen_parts_are_written(self, export: Export, folder: Path) -> None:
        assert export("--out", "deploy", "--only", "rules, collector").exit_code == 0

        assert found(folder / "deploy").keys() == {*RULES, "collector-config.yaml"}

    def test_the_parts_and_the_format_can_be_set_in_the_file(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", settings='[export]\nparts = ["rules"]')
        export("--out", "objects", settings='[export]\nformat = "kubernetes"')
        export("--out", "again", "--format", "files", "--only", "rules", settings='[export]\nformat = "kubernetes"')

        assert found(folder / "deploy").keys() == found(folder / "again").keys() == RULES
        assert found(folder / "objects") == DEFAULT.objects

    def test_every_setting_can_be_changed_in_the_file(self, export: Export, folder: Path) -> None:
        several = ("alerts", "pace")
        tables = {name: values for name, values in EVERY_KNOB.items() if name not in several}
        tables |= {f"{name}.{one}": values for name in several for one, values in EVERY_KNOB[name].items()}
        lines = [
            f"[{name}]\n" + "\n".join(f"{key} = {toml(v)}" for key, v in own.items()) for name, own in tables.items()
        ]

        result = export("--out", "deploy", "--format", "files", "--only", ",".join(PARTS), settings="\n".join(lines))

        assert result.exit_code == 0
        assert found(folder / "deploy") == CHANGED.files

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ('[grafana]\ndatasorce = "x"', "grafana.datasorce is not known: did you mean grafana.datasource?"),
            ("[grafanna]", "grafanna is not known: did you mean grafana?"),
            ("[alerts.CtrLo]", "alerts.CtrLo is not known: did you mean alerts.CtrLow?"),
            ("[alerts.CtrLow]\nfo = '1m'", "alerts.CtrLow.fo is not known: did you mean alerts.CtrLow.for?"),
            ("[alerts.CtrLow]\nthreshold = nan", "alerts.CtrLow.threshold = nan is not usable: expected a number"),
            (
                "[alerts.CtrLow]\nwindow = '0m'",
                "alerts.CtrLow.window = '0m' is not usable: expected a duration greater",
            ),
            ("[prometheus]\nalerting = 'yes'", "prometheus.alerting = 'yes' is not usable: expected true or false"),
            ("[collector]\nqueue_bytes = 1.5", "collector.queue_bytes = 1.5 is not usable: expected an integer"),
            ("[collector]\nqueue_bytes = true", "collector.queue_bytes = True is not usable: expected an integer"),
            (
                "[collector]\nqueue_bytes = 0",
                "collector.queue_bytes = 0 is not usable: expected an integer of at least 1",
            ),
            ("[grafana]\ntags = 'a'", "grafana.tags = 'a' is not usable: expected a list of strings"),
            ("[grafana]\ntags = [1]", "grafana.tags = 1 is not usable: expected a string"),
            ("[kubernetes]\nlabels = 1", "kubernetes.labels = 1 is not usable: expected a table of strings"),
            ("[kubernetes.labels]\na = 1", "kubernetes.labels.a = 1 is not usable: expected a string"),
            (
                '[kubernetes.labels]\n"a b" = "1"',
                "kubernetes.labels = 'a b' is not usable: expected a Kubernetes label key",
            ),
            (
                "[kubernetes]\nnamespace = 'A'",
                "kubernetes.namespace = 'A' is not usable: expected a Kubernetes name",
            ),
            ("grafana = 1", "grafana = 1 is not usable: expected a table"),
            ("[export]\nparts = ['dash']", "export.parts = 'dash' is not usable: expected one of dashboards, "),
            ("[export]\nformat = 'yaml'", "export.format = 'yaml' is not usable: expected one of files, kubernetes"),
            (
                "[grafana]\nuid_prefix = 'Shop'",
                "grafana.uid_prefix = 'Shop' is not usable: expected at most 12 lower-case letters",
            ),
            ("[grafana]\nuid_prefix = 'longer-than-12'", "grafana.uid_prefix = 'longer-than-12' is not usable"),
            (
                "[grafana]\ndashboard_folder = '$HOME'",
                "grafana.dashboard_folder = '$HOME' is not usable: expected a single",
            ),
            (
                "[grafana]\nalert_folder = 'Recommender'",
                "grafana.alert_folder = 'Recommender' is not usable: expected a folder",
            ),
            (
                "[notifications]\nswitch = 'recmon-slack'",
                "notifications.switch = 'recmon-slack' is not usable: expected",
            ),
            (
                "[services]\nselector = 'job'",
                "services.selector = 'job' is not usable: expected PromQL matchers",
            ),
            ("[services]\nselector = 'job=~\"(\"'", "services.selector = 'job=~\"(\"' is not usable"),
            ("[services]\nselector = 'job=~\"a(?!b)\"'", "services.selector = 'job=~\"a(?!b)\"' is not usable"),
            ("[services]\nselector = 'surface=\"home\"'", "services.selector = 'surface=\"home\"' is not usable"),
            ("[services]\nselector = 'a=\"$b\"'", "services.selector = 'a=\"$b\"' is not usable"),
            ('[services]\nselector = \'a="b" c="d"\'', 'services.selector = \'a="b" c="d"\' is not usable'),
            ("[services]\nselector = '__name__=\"b\"'", "services.selector = '__name__=\"b\"' is not usable"),
            (
                "[services]\ncurrency = '€'",
                "services.currency = '€' is not usable: expected a code of three letters",
            ),
            (
                "[labels]\nseverity = 'a'",
                "labels.severity = 'a' is not usable: expected a label name that",
            ),
            ("[labels]\nteam-a = 'a'", "labels.team-a = 'a' is not usable: expected a label name that"),
            ("[labels]\nteam = 7", "labels.team = 7 is not usable: expected a single line"),
            (
                "[labels]\nteam = '{{ $labels.job }}'",
                "labels.team = '{{ $labels.job }}' is not usable: expected a single",
            ),
            (
                "[general]\ngrafana = 'grafana'",
                "general.grafana = 'grafana' is not usable: expected a URL such as",
            ),
            ("[general]\nsecrets = 'a: b'", "general.secrets = 'a: b' is not usable: expected an absolute path"),
            (
                "[general]\ninterval = '15s'",
                "general.interval = '15s' is not usable: Grafana evaluates in steps of 10s",
            ),
            ("[collector]\nhost = 'a}b'", "collector.host = 'a}b' is not usable: expected a host name"),
            (
                "[prometheus]\ncollectors = ['http://a:1']",
                "prometheus.collectors = 'http://a:1' is not usable: expected",
            ),
            ("[export\n", "not valid TOML: "),
            (b"\xff\xfe", "not valid TOML: "),
        ],
    )
    def test_an_unusable_setting_is_refused_with_the_expected_value(
        self, export: Export, folder: Path, settings: str | bytes, message: str
    ) -> None:
        assert refused(export("--out", "deploy", settings=settings)).startswith(f"recmon.toml: {message}")
        assert not (folder / "deploy").exists()


class TestFolder:
    def test_a_foreign_file_is_not_overwritten_without_force(self, export: Export, folder: Path) -> None:
        (folder / "collector-config.yaml").write_text("theirs", encoding="utf-8")

        message = refused(export("--out", ".", *FEW))

        assert message == (
            "nothing was written, because . has files that were edited or not written by this command: "
            "collector-config.yaml; --force overwrites them"
        )
        assert found(folder) == {"collector-config.yaml": "theirs"}
        assert export("--out", ".", *FEW, "--force").exit_code == 0
        assert found(folder) == FILES

    def test_an_edited_file_is_not_overwritten_without_force(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "rules")
        (folder / "deploy/prometheus/rules/recmon.yml").write_text("groups: []", encoding="utf-8")

        assert ": prometheus/rules/recmon.yml; --force" in refused(export("--out", "deploy", "--only", "rules"))
        assert found(folder / "deploy").keys() == RULES

    def test_a_foreign_file_with_the_same_content_is_accepted(self, export: Export, folder: Path) -> None:
        (folder / "collector-config.yaml").write_bytes(DEFAULT.files["collector-config.yaml"].encode())

        assert export("--out", ".", "--only", "collector").exit_code == 0

    def test_files_no_longer_exported_are_listed_and_not_deleted(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "dashboards")

        result = export("--out", "deploy", "--only", "rules", settings='[grafana]\nuid_prefix = "shop"')

        left = [name for name in DEFAULT.files if name.startswith("grafana/dashboards/")]
        assert [line for line in result.stdout.splitlines() if "no longer" in line] == [
            f"{name}: no longer exported: delete it" for name in left
        ]
        assert set(left) < found(folder / "deploy").keys()

    def test_the_ledger_has_the_format_of_sha256sum(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "rules")
        export("--out", "deploy", "--only", "collector")

        assert (folder / "deploy" / LEDGER).read_text(encoding="utf-8").splitlines() == [
            f"{hashlib.sha256(text.encode()).hexdigest()}  {name}"
            for name, text in sorted(found(folder / "deploy").items())
        ]

    def test_a_file_in_place_of_the_folder_is_named(self, export: Export, folder: Path) -> None:
        (folder / "deploy").write_text("a file", encoding="utf-8")

        assert refused(export("--out", "deploy")) == "--out deploy is a file, not a folder"


class TestCheck:
    """Exports with --check, as in CI."""

    def test_written_files_pass(self, export: Export) -> None:
        export("--out", "deploy", *FEW)

        assert export("--out", "deploy", *FEW, "--check").exit_code == 0

    def test_each_wrong_file_is_named_and_nothing_is_changed(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", *FEW)
        (folder / "deploy/prometheus/prometheus.yml").unlink()
        (folder / "deploy/prometheus/prometheus.args").write_text("--own", encoding="utf-8")
        before = found(folder / "deploy")

        result = export("--out", "deploy", *FEW, "--check", settings="[collector]\nmemory_limit_mib = 100")

        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            "collector-config.yaml: outdated",
            "prometheus/prometheus.args: edited, or not written by export",
            "prometheus/prometheus.yml: missing",
            f"{len(FILES)} files in deploy, {len(FILES) - 3} of them unchanged",
        ]
        assert found(folder / "deploy") == before

    def test_an_empty_folder_fails(self, export: Export, folder: Path) -> None:
        assert export("--out", "deploy", *FEW, "--check").exit_code == 1
        assert not (folder / "deploy").exists()

    def test_leftover_files_fail(self, export: Export) -> None:
        settings = '[grafana]\nuid_prefix = "shop"'
        export("--out", "deploy", "--only", "dashboards")
        export("--out", "deploy", *FEW, settings=settings)

        assert export("--out", "deploy", "--check", *FEW, settings=settings).exit_code == 1

    def test_files_of_other_parts_are_not_leftover(self, export: Export) -> None:
        export("--out", "deploy", "--only", "rules,collector")

        assert export("--out", "deploy", "--only", "rules", "--check").exit_code == 0


class TestJson:
    """Exports with --json."""

    def test_the_files_are_listed_with_their_digests(self, export: Export, folder: Path) -> None:
        result = export("--out", "deploy", "--only", "rules", "--json")

        assert json.loads(result.stdout) == {
            "out": "deploy",
            "files": [
                {"path": name, "sha256": hashlib.sha256(text.encode()).hexdigest(), "state": "written"}
                for name, text in sorted(found(folder / "deploy").items())
            ],
            "leftover": [],
        }

    def test_a_check_lists_the_state_of_each_file(self, export: Export, folder: Path) -> None:
        export("--out", "deploy", "--only", "rules")
        (folder / "deploy/prometheus/rules/recmon.yml").unlink()

        result = export("--out", "deploy", "--only", "rules", "--json", "--check")

        assert result.exit_code == 1
        assert {one["path"]: one["state"] for one in json.loads(result.stdout)["files"]} == {
            "prometheus/rules/alerts/recmon.yml": "current",
            "prometheus/rules/recmon.yml": "missing",
        }


class TestArguments:
    @pytest.mark.parametrize("parts", ["", " ", ",,"])
    def test_an_empty_list_of_parts_is_refused(self, export: Export, folder: Path, parts: str) -> None:
        assert refused(export("--out", "deploy", "--only", parts)).startswith(
            "--only names no part: the parts are alertmanager,"
        )
        assert not (folder / "deploy").exists()

    def test_an_empty_part_beside_others_is_ignored(self, export: Export, folder: Path) -> None:
        assert export("--out", "deploy", "--only", "rules,,").exit_code == 0

        assert found(folder / "deploy").keys() == RULES

    def test_an_unknown_part_is_refused_with_the_closest_name(self, export: Export) -> None:
        assert refused(export("--out", "deploy", "--only", "dashbords")) == (
            "--only dashbords is not known: did you mean --only dashboards?"
        )

    def test_a_missing_settings_file_is_named(self, export: Export) -> None:
        assert refused(export("--config", "own.toml", "--out", "deploy")) == "own.toml: No such file or directory"

    def test_a_missing_out_option_is_named(self, export: Export) -> None:
        result = export()

        assert (result.exit_code, result.stdout) == (2, "")
        assert "--out is missing" in result.stderr


class TestInstalled:
    def test_the_installed_command_needs_no_checkout(self, folder: Path) -> None:
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

    def test_the_commands_in_the_documentation_work(self, export: Export, folder: Path) -> None:
        page = (ROOT / "docs" / "recmon-toml.md").read_text(encoding="utf-8")
        commands = re.findall(r"(?m)^otel-recmon export (.*?)(?: +#.*)?$", page)

        assert len(commands) >= 2
        for command in commands:
            arguments, _, target = command.partition(" > ")
            result = export(*arguments.split())
            assert result.exit_code == 0
            if target:
                (folder / target).write_text(result.stdout, encoding="utf-8")
