"""Patterns of routes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.reading.patterns import parse, patterns

PATTERNS: dict[str, tuple[str, str, str, bool]] = {
    "itself": ("GET /home", "GET", "/home", True),
    "another method": ("GET /home", "POST", "/home", False),
    "a method in small letters": ("get /home", "GET", "/home", True),
    "any method": ("/home", "PATCH", "/home", True),
    "a slash at the end of the route": ("GET /home", "GET", "/home/", True),
    "a slash at the end of the pattern": ("GET /home/", "GET", "/home", True),
    "something below": ("GET /home", "GET", "/home/more", False),
    "something above": ("GET /home/more", "GET", "/home", False),
    "a parameter of another name": ("GET /home/{user_id}", "GET", "/home/{uid}", True),
    "a parameter for a fixed part": ("GET /home/{user_id}", "GET", "/home/me", True),
    "a fixed part for a parameter": ("GET /home/me", "GET", "/home/{uid}", False),
    "a parameter for two parts": ("GET /home/{user_id}", "GET", "/home/a/b", False),
    "a parameter within a part": ("GET /v{n}/home", "GET", "/v{version}/home", True),
    "any rest": ("GET /home/*", "GET", "/home/a/{b}/c", True),
    "no rest": ("GET /home/*", "GET", "/home", True),
    "another part that starts alike": ("GET /home/*", "GET", "/homes", False),
    "signs that mean something to regular expressions": ("GET /a.b+c", "GET", "/a.b+c", True),
    "signs taken as they are": ("GET /a.b", "GET", "/axb", False),
    "blanks around": ("  GET   /home  ", "GET", "/home", True),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_a_pattern_against(case: str) -> None:
    text, method, template, matches = PATTERNS[case]

    assert parse(text).matches(method, template) is matches


@pytest.mark.parametrize("text", ["home", "GET", "GET home", "G3T /home", "GET POST /home", "GET:/home", ""])
def test_what_is_no_pattern_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not of the form METHOD /path/\{param\}/\*"):
        parse(text)


def test_one_wrong_pattern_among_several_is_refused() -> None:
    with pytest.raises(ValueError, match="'nowhere' is not of the form"):
        patterns("GET /home, nowhere")


def test_empty_parts_between_commas_do_not_matter() -> None:
    assert len(patterns("GET /a,, GET /b,")) == 2


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = parse(text)
    except ValueError:
        return

    assert pattern.matches("GET", "/home") in (True, False)
