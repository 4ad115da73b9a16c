"""Whole screens, compared with the files in tests/unit/top/screens."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from otel_recmon.artifacts.dashboards import look
from otel_recmon.top.alarms import Judgement
from otel_recmon.top.figures import Answer, SignalValues
from otel_recmon.top.screen import ALL, VERSIONS, Screen
from tests.unit.top.recorded import EARLY, LATER, RULES, looked

SCREENS = Path(__file__).parent / "screens"
TROUBLE = "no answer since 12 s: http://localhost:9464/metrics did not answer within 10 s"


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_recmon.top.format.clock", lambda at: f"{at:.0f}")


def drawn(screen: Screen, width: int, *, colours: bool = False) -> str:
    console = Console(
        file=StringIO(), width=width, force_terminal=colours, color_system="truecolor" if colours else None
    )
    console.print(screen.drawn(width))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def lines(screen: Screen, width: int = 80) -> list[str]:
    return drawn(screen, width).splitlines()


class TestLayout:
    @pytest.mark.parametrize(
        ("name", "pages", "width"),
        [
            ("first-80", [EARLY], 80),
            ("later-80", [EARLY, LATER], 80),
            ("later-120", [EARLY, LATER], 120),
        ],
    )
    def test_a_screen_is_as_it_was_agreed(self, name: str, pages: Sequence[str], width: int) -> None:
        screen = Screen(looked(*pages), RULES, hint="q quits")

        assert drawn(screen, width) == (SCREENS / f"{name}.txt").read_text(encoding="utf-8")

    @pytest.mark.parametrize("width", [80, 100, 119, 120, 200])
    def test_no_line_is_wider_than_the_screen_and_no_figure_is_cut(self, width: int) -> None:
        seen = lines(Screen(looked(EARLY, LATER), RULES), width)

        assert max(map(len, seen)) <= width
        assert "…" not in "".join(seen)

    def test_a_service_with_one_model_has_one_line_and_many_have_as_many_as_fit(self) -> None:
        reading = looked(EARLY)
        figures = SignalValues({"counted_requests": 1.0})
        busiest = SignalValues({"counted_requests": 2.0})

        def versions(versions: dict[str, SignalValues]) -> list[str]:
            seen = lines(Screen(replace(reading, answer=Answer(figures, versions)), RULES))
            start = next(number for number, line in enumerate(seen) if line.startswith("model version")) + 2
            return [line.split()[0] for line in seen[start : start + len(versions) + 1]]

        names = [f"v{number:02}" for number in range(VERSIONS + 3)]
        assert versions({"v1": figures})[0] == "v1"
        assert ALL not in versions({"v1": figures})
        many = versions({name: busiest if name in names[3:] else figures for name in names})
        assert many[: VERSIONS + 1] == [*names[3:], ALL]
        seen = lines(Screen(replace(reading, answer=Answer(figures, dict.fromkeys(names, figures))), RULES))
        assert "and 3 more model versions, with fewer requests" in seen


class TestAlerts:
    def test_trouble_is_told_above_the_last_figures(self) -> None:
        reading = looked(EARLY, LATER)

        assert lines(Screen(reading, RULES, TROUBLE)) == [
            *lines(Screen(reading, RULES))[:2],
            TROUBLE,
            *lines(Screen(reading, RULES))[2:],
        ]

    def test_where_all_is_well_it_says_of_how_many_thresholds(self) -> None:
        reading = replace(looked(EARLY), judgement=Judgement(judged=("CtrLow", "LatencyHigh")))

        assert "✓ none of 2 thresholds is crossed" in drawn(Screen(reading, RULES), 80)

    def test_of_many_alerts_that_could_not_be_judged_some_are_named(self) -> None:
        undecided = tuple(f"Alert{number}" for number in range(12))
        reading = replace(looked(EARLY), judgement=Judgement(undecided=undecided))

        assert f"{', '.join(undecided[:8])} and 4 more: they need a longer history" in drawn(
            Screen(reading, RULES), 200
        )

    def test_alerts_that_could_not_be_asked_are_told_with_the_reason(self) -> None:
        reading = replace(looked(EARLY), judgement=Judgement(undecided=("CtrLow",), reason="the query is too long"))

        seen = drawn(Screen(reading, RULES), 80)

        assert "not judged     CtrLow: the query is too long" in seen
        assert "✓" not in seen


class TestFigures:
    def test_figures_have_the_colours_of_the_dashboards(self) -> None:
        seen = drawn(Screen(looked(EARLY, LATER), RULES), 80, colours=True)

        red, orange, green = "\x1b[1;31m", "\x1b[1;38;5;208m", "\x1b[1;32m"
        assert f"{red}20.1 %" in seen
        assert f"{orange}2.40 %" in seen
        assert f"{green}9.5 ms" in seen
        assert f"{red}● critical ErrorRateHigh" in seen
        assert (look.BAD, look.WARNING, look.GOOD) == ("red", "orange", "green")

    def test_nothing_that_others_chose_is_taken_for_an_order(self) -> None:
        answer = Answer(SignalValues(), {"[red]\x1b[2J[/x]": SignalValues()})
        reading = replace(looked(EARLY), title="[bold]", source="[/]", answer=answer)

        seen = drawn(Screen(reading, RULES, "[/nothing]"), 80)

        assert "\x1b" not in seen
        assert all(text in seen for text in ("[bold]", "[/]", "[red]�[2J[/x]", "[/nothing]"))

    def test_what_the_plugin_lost_is_told(self) -> None:
        reading = looked(EARLY)
        total = replace(
            reading.answer.total, values=reading.answer.total.values | {"values_set_aside": 12.0, "plugin_errors": 1.0}
        )

        seen = lines(Screen(replace(reading, answer=replace(reading.answer, total=total)), RULES))

        assert [line.rstrip() for line in seen if line.startswith("telemetry")] == [
            "telemetry      12 dropped values, 1 plugin errors"
        ]
