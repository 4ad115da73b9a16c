"""Every OTEL_RECMON_* variable: its name, type, default and meaning, and how its value is read."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from otel_recmon.attribution import HEADER, SHORTEST_KEY
from otel_recmon.catalog import (
    CATEGORY,
    EXPERIMENT,
    MODEL_VERSION,
    REGISTERS,
    SCORE,
    STAGE,
    SURFACE,
    VARIANT,
    Attribute,
)
from otel_recmon.parsers import (
    boolean,
    buckets,
    key,
    keys,
    label,
    moment,
    path,
    positive,
    registers,
    seconds,
    several,
    zero_or_one,
)
from otel_recmon.splits import Split, splits

PREFIX: Final = "OTEL_RECMON_"


def _setting(
    default: Any, expected: str, brief: str, example: str, parse: Callable[[str], Any] = str
) -> Any:  # a dataclass field has the type of its default, not of field()
    return field(default=default, metadata={"expected": expected, "brief": brief, "example": example, "parse": parse})


def _cap(attribute: Attribute) -> Any:
    return _setting(
        attribute.cap,
        "a whole number from 1",
        f"Values of the label `{attribute.name}`; those beyond become `_other`.",
        "40",
        positive,
    )


def _secret(expected: str, brief: str, example: str, parse: Callable[[str], Any]) -> Any:
    """Declare a text that is shown nowhere, not even where it is wrong."""
    metadata = {"expected": expected, "brief": brief, "example": example, "parse": parse}
    return field(default=None, repr=False, metadata=metadata)


_PATTERNS: Final = "patterns `METHOD /path/{param}/*`, separated by commas"
_SOURCE: Final = (
    "a JMESPath expression, or `header:`, `response_header:`, `query:`, `path:` or `body:` and a name; "
    "per route as `/route => expression; expression`"
)
_ITEM: Final = "a JMESPath expression on one item; per route as `/route => expression; expression`"


@dataclass(frozen=True)
class Settings:
    """The values of all variables; each field is ``OTEL_RECMON_`` + its name in capitals."""

    enabled: bool = _setting(
        False,  # noqa: FBT003 - the default
        "true or false",
        "Switches the plugin on. Without it nothing happens.",
        "true",
        boolean,
    )
    model_version: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The model version, where the service does not say it itself.",
        "v42",
        label,
    )
    model_version_from: str | None = _setting(
        None, _SOURCE, "Where a request or response says its model version.", "response_header:x-model-version"
    )
    model_path: str | None = _setting(
        None,
        "a file or folder",
        "The model on disk. Its newest modification time when the process loaded it is the time of the update.",
        "/models/ranker.bin",
    )
    model_updated_at: float | None = _setting(
        None,
        "an ISO 8601 time (UTC unless it says otherwise) or seconds since 1970",
        "When the model was last updated; wins over MODEL_PATH.",
        "2026-01-31T06:00:00Z",
        moment,
    )
    catalog_size: int | None = _setting(
        None, "a whole number from 1", "Items in the catalog. Without it there is no coverage.", "12000", positive
    )
    catalog_file: str | None = _setting(
        None,
        "a .csv (item, category) or .json (item: category) file",
        "The category of each item, and with it the size of the catalog.",
        "/data/catalog.csv",
    )
    categories: int | None = _setting(
        None,
        "a whole number from 2",
        "Categories that exist. With it, diversity is relative to all of them instead of those seen.",
        "24",
        several,
    )
    metrics_path: str | None = _setting(
        None,
        "a path that starts with /",
        "Serves the Prometheus metrics of the process at this path of the service itself.",
        "/metrics",
        path,
    )
    routes: str | None = _setting(
        None,
        _PATTERNS,
        "Recommendation routes. By default GET and POST routes whose last fixed segment contains `recommend`.",
        "GET /home/{user_id}, POST /v1/rank",
    )
    click_routes: str | None = _setting(
        None, _PATTERNS, "Click routes. By default POST routes that end in `click` or `clicks`.", "GET /r/{item_id}"
    )
    conversion_routes: str | None = _setting(
        None,
        _PATTERNS,
        "Conversion routes. By default POST routes that end in `conversion(s)` or `purchase(s)`.",
        "POST /orders",
    )
    impression_routes: str | None = _setting(
        None,
        _PATTERNS,
        "Routes on which the client says what was seen. With it, impressions are counted from these alone.",
        "POST /seen",
    )
    items: str | None = _setting(None, _SOURCE, "The list of items in the response.", "data.hits[]")
    item_id: str | None = _setting(None, _ITEM, "The id of an item.", "sku")
    category: str | None = _setting(None, _ITEM, "The category or categories of an item.", "attributes.genre")
    score: str | None = _setting(None, _ITEM, "The score of an item.", "relevance")
    outcome: str | None = _setting(
        None,
        _SOURCE,
        "The outcome, or true for a fallback.",
        "meta.is_fallback",
    )
    limit: str | None = _setting(
        None,
        _SOURCE,
        "The number of items that was asked for. By default `limit`, `k`, `n`, `top_k` and the like of the query, "
        "the path or the body.",
        "query:count",
    )
    position: str | None = _setting(
        None, _SOURCE, "The position of a click. By default `position`, `rank` and the like.", "query:slot"
    )
    position_base: int = _setting(1, "0 or 1", "What clients call the first position.", "0", zero_or_one)
    revenue: str | None = _setting(
        None,
        _SOURCE,
        "The revenue of a conversion. By default `revenue`, `amount`, `price` and the like.",
        "body:order.total",
    )
    variant: str | None = _setting(None, _SOURCE, "The experiment arm.", "header:x-variant")
    default_variant: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The experiment arm where the traffic does not say it: of a deployment that is one arm as a whole.",
        "control",
        label,
    )
    experiment: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The experiment that runs, where the traffic does not say it, as docs/experiments.md says. Where it is the key "
        "of a feature flag whose evaluation the server span shows, the arm is the variant of that.",
        "new-ranker",
        label,
    )
    experiment_from: str | None = _setting(
        None, _SOURCE, "Where a request or response says its experiment.", "header:x-experiment"
    )
    experiment_split: tuple[Split, ...] | None = _setting(
        None,
        "`control=1,treatment=1` with weights above 0, the control first; per experiment as "
        "`name => control=9,treatment=1; control=1,treatment=1`, the last one being that of EXPERIMENT",
        "How users are meant to be split between the arms; with it, a split that went wrong is found.",
        "new-ranker => control=1,treatment=1",
        splits,
    )
    surface: str | None = _setting(None, _SOURCE, "The placement.", "query:placement")
    user: str | None = _setting(
        None,
        _SOURCE,
        "Who asked. Only a keyed hash leaves the process, and only with LOG_EVENTS; an experiment counts in 32 buckets "
        "of users. By default `user_id`, `customer_id` and the like of the query, the path or the body.",
        "header:x-user-id",
    )
    user_hash_key: str | None = _secret(
        f"a text of at least {SHORTEST_KEY} characters",
        "The secret that user ids are hashed with; the same for all processes whose events belong together. Without "
        "it, no event holds a user.",
        "read-me-from-your-vault",
        key,
    )
    signing_key: tuple[str, ...] | None = _secret(
        f"texts of at least {SHORTEST_KEY} characters, separated by commas",
        "Switches the recommendation id on, as docs/attribution.md says. Every key verifies; the first one signs.",
        "read-me-from-your-vault",
        keys,
    )
    attribution_window: float = _setting(
        86_400.0, "seconds above 0", "The age up to which a recommendation id counts.", "604800", seconds
    )
    recommendation_id: str | None = _setting(
        None,
        _SOURCE,
        f"The recommendation id of an event. By default the header `{HEADER}`, else `recommendation_id` of the query, "
        "the path or the body.",
        "body:meta.slate",
    )
    event_item_id: str | None = _setting(
        None,
        _SOURCE,
        "The id of the item of an event, whose position the recommendation id knows. By default `item_id`, "
        "`product_id`, `sku`, `id` and the like of the query, the path or the body.",
        "body:sku",
    )
    log_events: bool = _setting(
        False,  # noqa: FBT003 - the default
        "true or false",
        "Logs an OpenTelemetry event for each slate, click and conversion, as docs/events.md says. It needs a "
        "logger provider: under `opentelemetry-instrument`, set `OTEL_LOGS_EXPORTER=otlp`.",
        "true",
        boolean,
    )
    sketch_registers: int = _setting(
        0,
        f"0, or a power of two from 16 to {len(REGISTERS)}",
        "Registers of the sketches that count different items and users across a fleet, as docs/sketches.md says; 0 is "
        "none. Of each model version, each register is two series.",
        "256",
        registers,
    )
    slo_latency: float = _setting(0.5, "seconds above 0", "The longest time of a good response.", "0.3", seconds)
    score_buckets: tuple[float, ...] = _setting(
        SCORE.buckets,
        "rising numbers, separated by commas",
        "The histogram buckets of the scores.",
        "1,2,3,4,5",
        buckets,
    )
    max_body_bytes: int = _setting(
        262_144,
        "a whole number from 1",
        "The longest body that is read; a longer one is only counted.",
        "1048576",
        positive,
    )
    max_model_versions: int = _cap(MODEL_VERSION)
    max_variants: int = _cap(VARIANT)
    max_experiments: int = _cap(EXPERIMENT)
    max_surfaces: int = _cap(SURFACE)
    max_categories: int = _cap(CATEGORY)
    max_stages: int = _cap(STAGE)

    @property
    def experimental(self) -> bool:
        """Whether experiments are counted without the code naming them."""
        return self.experiment is not None or self.experiment_from is not None

    @property
    def needs_user(self) -> bool:
        """Whether experiments, sketches or the event log need the user."""
        return self.experimental or bool(self.sketch_registers) or (self.log_events and self.user_hash_key is not None)

    @property
    def expected_shares(self) -> dict[str, tuple[tuple[str, float], ...]]:
        """The arms of each experiment whose split is configured, the control first, and their shares."""
        named = ((split.experiment or self.experiment, split.shares) for split in self.experiment_split or ())
        return {name: shares for name, shares in named if name}


@dataclass(frozen=True)
class Problem:
    """A variable that cannot be used as it is."""

    variable: str
    value: str
    expected: str
    fallback: str

    def __str__(self) -> str:
        """Say what is wrong, what is expected and what happens instead."""
        return f"{self.variable}={self.value!r} is not usable: expected {self.expected}; {self.fallback}"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def expected(name: str) -> str:
    """Return what the value of a setting must be, in words."""
    return str(next(spec.metadata["expected"] for spec in fields(Settings) if spec.name == name))


def read(environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Return the settings of an environment; what is wrong falls back to its default and is reported."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for spec in fields(Settings):
        text = environ.get(variable(spec.name), "").strip()
        if not text:
            continue
        try:
            values[spec.name] = spec.metadata["parse"](text)
        except (ValueError, KeyError, OverflowError):
            fallback = f"using {spec.default!r}" if spec.default is not None else "ignoring it"
            shown = text if spec.repr else "..."
            problems.append(Problem(variable(spec.name), shown, spec.metadata["expected"], fallback))
    settings = Settings(**values)
    return settings, problems + _nameless(settings, environ) + _unknown(environ)


def _nameless(settings: Settings, environ: Mapping[str, str]) -> list[Problem]:
    if settings.experiment or all(split.experiment for split in settings.experiment_split or ()):
        return []
    name = variable("experiment_split")
    expected = f"the experiment that it is of, in it or in {variable('experiment')}"
    return [Problem(name, environ[name].strip(), expected, "ignoring it")]


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    known = [variable(spec.name) for spec in fields(Settings)]
    problems = []
    for name in sorted(set(environ) - set(known)):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, known, n=1)
            expected = f"a known variable, perhaps {near[0]}" if near else "a known variable"
            problems.append(Problem(name, "...", expected, "ignoring it"))  # it may be a secret with a typing mistake
    return problems
