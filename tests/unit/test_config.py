"""The environment variables: examples, defaults and problems."""

import logging
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from otel_recmon.config import PREFIX, Problem, Settings, expected, read, variable
from otel_recmon.parsers import Split

EXAMPLES: dict[str, object] = {
    "enabled": True,
    "model_version": "v42",
    "model_version_from": "response_header:x-model-version",
    "model_path": "/models/ranker.bin",
    "model_updated_at": datetime(2026, 1, 31, 6, tzinfo=UTC).timestamp(),
    "catalog_size": 12_000,
    "catalog_file": "/data/catalog.csv",
    "categories": 24,
    "metrics_path": "/metrics",
    "routes": "GET /home/{user_id}, POST /v1/rank",
    "click_routes": "GET /r/{item_id}",
    "conversion_routes": "POST /orders",
    "impression_routes": "POST /seen",
    "event_routes": "POST /v1/signals",
    "items": "data.hits[]",
    "item_id": "sku",
    "category": "attributes.genre",
    "score": "relevance",
    "outcome": "meta.is_fallback",
    "event": "body:signal",
    "event_kinds": (("hit", "click"), ("deal", "conversion"), ("scroll", "none"), ("hype", "like")),
    "limit": "query:count",
    "position": "query:slot",
    "position_base": 0,
    "offset": "query:offset",
    "revenue": "body:order.total",
    "variant": "header:x-variant",
    "default_variant": "control",
    "experiment": "new-ranker",
    "experiment_from": "header:x-experiment",
    "experiment_split": (Split("new-ranker", (("control", 0.5), ("treatment", 0.5))),),
    "surface": "query:placement",
    "user": "header:x-user-id",
    "user_hash_key": "read-me-from-your-vault",
    "signing_key": ("read-me-from-your-vault",),
    "attribution_window": 604_800.0,
    "recommendation_id": "body:meta.slate",
    "event_item_id": "body:sku",
    "first_zero_seconds": 15.0,
    "log_events": True,
    "sketch_registers": 256,
    "slo_latency": 0.3,
    "score_buckets": (1.0, 2.0, 3.0, 4.0, 5.0),
    "max_body_bytes": 1_048_576,
    "max_model_versions": 40,
    "max_variants": 40,
    "max_experiments": 40,
    "max_surfaces": 40,
    "max_categories": 40,
    "max_stages": 40,
    "max_actions": 40,
}

DEFAULTS: dict[str, object] = {
    "enabled": False,
    "position_base": 1,
    "attribution_window": 86_400.0,
    "first_zero_seconds": 60.0,
    "log_events": False,
    "sketch_registers": 0,
    "slo_latency": 0.5,
    "score_buckets": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
    "max_body_bytes": 262_144,
    "max_model_versions": 20,
    "max_variants": 10,
    "max_experiments": 5,
    "max_surfaces": 20,
    "max_categories": 50,
    "max_stages": 20,
    "max_actions": 20,
}

BUCKETS = "using (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)"
MOMENT = "an ISO 8601 time (UTC if it names no time zone) or seconds since 1970"
FROM_1 = "a whole number, at least 1"
REGISTERS = "0, or a power of two from 16 to 512"
SPLIT = (
    "`arm=weight,arm=weight` with the control first and weights above 0; for several experiments `name => "
    "arm=weight,arm=weight; arm=weight,arm=weight` (a split without a name is for the experiment in EXPERIMENT)"
)
KINDS = (
    "pairs kind=event, separated by commas, where event is click, conversion, impression, none or the name of an action"
)

WRONG = [
    ("ENABLED", "maybe", "true or false", "using False"),
    ("ENABLED", "2", "true or false", "using False"),
    ("MODEL_UPDATED_AT", "yesterday", MOMENT, "ignoring it"),
    ("MODEL_UPDATED_AT", "2026-13-01", MOMENT, "ignoring it"),
    ("MODEL_UPDATED_AT", "-5", MOMENT, "ignoring it"),
    ("MODEL_UPDATED_AT", "nan", MOMENT, "ignoring it"),
    ("MODEL_UPDATED_AT", "inf", MOMENT, "ignoring it"),
    ("MODEL_UPDATED_AT", "1769839200000", MOMENT, "ignoring it"),
    ("CATALOG_SIZE", "0", FROM_1, "ignoring it"),
    ("CATALOG_SIZE", "-1", FROM_1, "ignoring it"),
    ("CATALOG_SIZE", "12k", FROM_1, "ignoring it"),
    ("CATALOG_SIZE", "1.5", FROM_1, "ignoring it"),
    ("CATALOG_SIZE", "9" * 5_000, FROM_1, "ignoring it"),
    ("CATEGORIES", "many", "a whole number, at least 2", "ignoring it"),
    ("CATEGORIES", "0", "a whole number, at least 2", "ignoring it"),
    ("METRICS_PATH", "metrics", "a path that starts with /", "ignoring it"),
    ("POSITION_BASE", "2", "0 or 1", "using 1"),
    ("SKETCH_REGISTERS", "on", REGISTERS, "using 0"),
    ("SKETCH_REGISTERS", "-16", REGISTERS, "using 0"),
    ("SKETCH_REGISTERS", "8", REGISTERS, "using 0"),
    ("SKETCH_REGISTERS", "100", REGISTERS, "using 0"),
    ("SKETCH_REGISTERS", "1024", REGISTERS, "using 0"),
    ("ATTRIBUTION_WINDOW", "0", "a number of seconds above 0", "using 86400.0"),
    ("ATTRIBUTION_WINDOW", "1d", "a number of seconds above 0", "using 86400.0"),
    ("SLO_LATENCY", "0", "a number of seconds above 0", "using 0.5"),
    ("SLO_LATENCY", "-1", "a number of seconds above 0", "using 0.5"),
    ("SLO_LATENCY", "inf", "a number of seconds above 0", "using 0.5"),
    ("SLO_LATENCY", "nan", "a number of seconds above 0", "using 0.5"),
    ("SLO_LATENCY", "300ms", "a number of seconds above 0", "using 0.5"),
    ("SCORE_BUCKETS", "3,2,1", "increasing numbers, separated by commas", BUCKETS),
    ("SCORE_BUCKETS", "1,1", "increasing numbers, separated by commas", BUCKETS),
    ("SCORE_BUCKETS", "1,nan", "increasing numbers, separated by commas", BUCKETS),
    ("SCORE_BUCKETS", "1,inf", "increasing numbers, separated by commas", BUCKETS),
    ("SCORE_BUCKETS", "1;2", "increasing numbers, separated by commas", BUCKETS),
    ("EXPERIMENT", "x" * 101, "a text of at most 100 characters", "ignoring it"),
    ("EXPERIMENT_SPLIT", "control", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "control=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,a=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=2,a=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=0", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=-1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=nan", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=inf", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1e308,b=1e308", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,_other=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "a=1,b=1; c=1,d=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", "=> a=1,b=1", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", ";", SPLIT, "ignoring it"),
    ("EXPERIMENT_SPLIT", ",".join(f"a{n}=1" for n in range(46)), SPLIT, "ignoring it"),
    ("MAX_BODY_BYTES", "256k", FROM_1, "using 262144"),
    ("MAX_MODEL_VERSIONS", "0", FROM_1, "using 20"),
    ("MAX_VARIANTS", "x", FROM_1, "using 10"),
    ("MAX_SURFACES", "-2", FROM_1, "using 20"),
    ("MAX_CATEGORIES", "0x10", FROM_1, "using 50"),
    ("MAX_STAGES", "all", FROM_1, "using 20"),
    ("EVENT_KINDS", "click", KINDS, "ignoring it"),
    ("EVENT_KINDS", "hit=", KINDS, "ignoring it"),
    ("EVENT_KINDS", "=click", KINDS, "ignoring it"),
    ("EVENT_KINDS", "hit=_other", KINDS, "ignoring it"),
]


class TestDeclarations:
    def test_every_variable_has_an_example_here(self) -> None:
        names = [spec.name for spec in fields(Settings)]

        assert names == list(EXAMPLES)

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_a_variable_reads_its_own_example(self, name: str) -> None:
        example = next(spec.metadata["example"] for spec in fields(Settings) if spec.name == name)

        settings, problems = read({variable(name): example})

        assert (getattr(settings, name), problems) == (EXAMPLES[name], [])

    def test_all_examples_together_are_usable(self) -> None:
        environ = {variable(spec.name): spec.metadata["example"] for spec in fields(Settings)}

        assert read(environ) == (Settings(**EXAMPLES), [])  # type: ignore[arg-type]

    def test_an_empty_environment_gives_the_defaults(self) -> None:
        settings, problems = read({})

        defaults = {spec.name: getattr(settings, spec.name) for spec in fields(Settings)}
        assert ({name: value for name, value in defaults.items() if value is not None}, problems) == (
            DEFAULTS,
            [],
        )

    def test_what_is_expected_can_be_asked_for(self) -> None:
        assert (expected("metrics_path"), variable("metrics_path")) == (
            "a path that starts with /",
            "OTEL_RECMON_METRICS_PATH",
        )

    def test_every_variable_says_what_it_is_for_and_what_it_expects(self) -> None:
        silent = [
            spec.name
            for spec in fields(Settings)
            if not (spec.metadata["brief"].endswith(".") and spec.metadata["expected"])
        ]

        assert silent == []


class TestProblems:
    @pytest.mark.parametrize(("name", "value", "wanted", "fallback"), WRONG)
    def test_a_wrong_value_is_one_problem_and_falls_back(
        self, name: str, value: str, wanted: str, fallback: str
    ) -> None:
        settings, problems = read({PREFIX + name: value})

        assert problems == [Problem(PREFIX + name, value, wanted, fallback)]
        assert settings == Settings()

    def test_a_universe_of_one_category_is_a_problem(self) -> None:
        _, problems = read({"OTEL_RECMON_CATEGORIES": "1"})

        assert problems == [Problem("OTEL_RECMON_CATEGORIES", "1", "a whole number, at least 2", "ignoring it")]

    def test_a_model_version_that_cannot_be_a_label_is_a_problem(self) -> None:
        settings, problems = read({"OTEL_RECMON_MODEL_VERSION": "v" * 101})

        assert [problem.variable for problem in problems] == ["OTEL_RECMON_MODEL_VERSION"]
        assert settings.model_version is None

    def test_a_secret_is_shown_nowhere(self) -> None:
        settings, problems = read({"OTEL_RECMON_USER_HASH_KEY": "too short"})
        usable, _ = read({"OTEL_RECMON_USER_HASH_KEY": "a secret that is long enough"})

        assert problems == [
            Problem("OTEL_RECMON_USER_HASH_KEY", "...", "a text of at least 16 characters", "ignoring it"),
        ]
        assert (settings.user_hash_key, "long enough" in repr(usable)) == (None, False)

    def test_a_split_of_an_experiment_that_has_no_name_is_a_problem(self) -> None:
        settings, problems = read({"OTEL_RECMON_EXPERIMENT_SPLIT": "new => a=1,b=1; c=1,d=1"})

        expected = "the name of the experiment, in the split or in OTEL_RECMON_EXPERIMENT"
        assert problems == [
            Problem("OTEL_RECMON_EXPERIMENT_SPLIT", "new => a=1,b=1; c=1,d=1", expected, "ignoring it"),
        ]
        assert settings.expected_shares == {"new": (("a", 0.5), ("b", 0.5))}

    def test_several_problems_are_all_said_and_the_rest_still_holds(self) -> None:
        environ = {
            "OTEL_RECMON_ENABLED": "true",
            "OTEL_RECMON_CATALOG_SIZE": "many",
            "OTEL_RECMON_POSITION_BASE": "5",
            "OTEL_RECMON_NONSENSE": "1",
        }

        settings, problems = read(environ)

        assert settings == Settings(enabled=True)
        assert [problem.variable for problem in problems] == [
            "OTEL_RECMON_CATALOG_SIZE",
            "OTEL_RECMON_POSITION_BASE",
            "OTEL_RECMON_NONSENSE",
        ]

    @pytest.mark.parametrize("quoted", ['"v7"', "'v7'", ' "v7" ', '" v7 "'])
    def test_quotes_are_taken_off_with_a_warning(self, quoted: str) -> None:
        given = quoted.strip()
        name = "OTEL_RECMON_MODEL_VERSION"
        wanted = Problem(name, given, "a value without quotes", "using 'v7'", is_quoted=True)

        assert read({name: quoted}) == (Settings(model_version="v7"), [wanted])
        assert wanted.level == logging.WARNING
        assert str(wanted) == f"{name}={given!r} is in quotes: expected a value without quotes; using 'v7'"

    def test_a_quoted_secret_is_shown_nowhere(self) -> None:
        settings, problems = read({"OTEL_RECMON_USER_HASH_KEY": '"a secret that is long enough"'})

        assert settings.user_hash_key is not None
        assert [str(problem) for problem in problems] == [
            "OTEL_RECMON_USER_HASH_KEY='...' is in quotes: expected a value without quotes; using '...'"
        ]

    @pytest.mark.parametrize("text", ['"my-key"', '"data"."items"', '"it\'s"[]', '"', "'a\""])
    def test_quotes_that_an_expression_needs_stay(self, text: str) -> None:
        assert read({"OTEL_RECMON_ITEMS": text}) == (Settings(items=text), [])

    def test_a_quoted_path_loses_its_quotes(self) -> None:
        settings, problems = read({"OTEL_RECMON_ITEMS": '"data.hits[*]"'})

        assert (settings.items, len(problems)) == ("data.hits[*]", 1)

    def test_a_problem_reads_as_a_sentence(self) -> None:
        problem = Problem("OTEL_RECMON_POSITION_BASE", "2", "0 or 1", "using 1")

        assert str(problem) == "OTEL_RECMON_POSITION_BASE='2' is not usable: expected 0 or 1; using 1"


class TestValues:
    @pytest.mark.parametrize("blank", ["", " ", "\t\n"])
    def test_a_blank_value_is_no_value(self, blank: str) -> None:
        assert read({variable(name): blank for name in EXAMPLES}) == (Settings(), [])

    def test_blanks_around_a_value_do_not_matter(self) -> None:
        settings, problems = read({"OTEL_RECMON_CATALOG_SIZE": " 12 ", "OTEL_RECMON_MODEL_VERSION": "\tv1\n"})

        assert (settings, problems) == (Settings(catalog_size=12, model_version="v1"), [])

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("TRUE", True),
            ("1", True),
            ("Yes", True),
            ("on", True),
            ("False", False),
            ("0", False),
            ("NO", False),
            ("off", False),
        ],
    )
    def test_a_switch_is_read_in_its_usual_spellings(self, text: str, value: bool) -> None:
        assert read({"OTEL_RECMON_ENABLED": text}) == (Settings(enabled=value), [])

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("1769839200", 1_769_839_200.0),
            ("1769839200.5", 1_769_839_200.5),
            ("2026-01-31T06:00:00", 1_769_839_200.0),
            ("2026-01-31T06:00:00Z", 1_769_839_200.0),
            ("2026-01-31T07:00:00+01:00", 1_769_839_200.0),
            ("2026-01-31", 1_769_817_600.0),
        ],
    )
    def test_a_moment_is_utc_unless_it_says_otherwise(self, text: str, moment: float) -> None:
        assert read({"OTEL_RECMON_MODEL_UPDATED_AT": text}) == (Settings(model_updated_at=moment), [])

    def test_a_split_has_shares_that_add_up_to_1_for_each_experiment(self) -> None:
        split = "new => a=9, b = 1; b=1,a=1,c=2"

        settings, problems = read({"OTEL_RECMON_EXPERIMENT_SPLIT": split, "OTEL_RECMON_EXPERIMENT": "old"})

        assert problems == []
        assert settings.expected_shares == {
            "new": (("a", 0.9), ("b", 0.1)),
            "old": (("b", 0.25), ("a", 0.25), ("c", 0.5)),
        }


class TestUnknownVariables:
    @pytest.mark.parametrize(
        ("misspelt", "nearest"),
        [
            ("OTEL_RECMON_CATALOGSIZE", "OTEL_RECMON_CATALOG_SIZE"),
            ("OTEL_RECMON_ENABLE", "OTEL_RECMON_ENABLED"),
            ("OTEL_RECMON_MODEL_VERSON", "OTEL_RECMON_MODEL_VERSION"),
            ("OTEL_RECMON_CLICK_ROUTE", "OTEL_RECMON_CLICK_ROUTES"),
        ],
    )
    def test_a_misspelt_variable_is_a_problem_that_names_the_nearest(self, misspelt: str, nearest: str) -> None:
        settings, problems = read({misspelt: "5"})

        assert settings == Settings()
        assert problems == [Problem(misspelt, "...", f"a known variable, perhaps {nearest}", "ignoring it")]

    def test_a_variable_unlike_any_other_is_a_problem_too(self) -> None:
        _, problems = read({"OTEL_RECMON_ZZZZZZZZZZZZZZZZZZZZZZZZ": "1"})

        assert problems == [Problem("OTEL_RECMON_ZZZZZZZZZZZZZZZZZZZZZZZZ", "...", "a known variable", "ignoring it")]

    def test_other_variables_are_none_of_our_business(self) -> None:
        assert read({"OTEL_SERVICE_NAME": "shop", "PATH": "/bin", "RECMON_ENABLED": "x"}) == (Settings(), [])
