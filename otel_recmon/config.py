"""The OTEL_RECMON_* environment variables: names, types, defaults and meanings."""

import difflib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from otel_recmon.attribution import HEADER, SHORTEST_KEY
from otel_recmon.catalog import (
    ACTION,
    CATEGORY,
    EXPERIMENT,
    IMPRESSION,
    MODEL_VERSION,
    REGISTERS,
    REPORTED,
    SCORE,
    STAGE,
    SURFACE,
    VARIANT,
    Attribute,
)
from otel_recmon.parsers import (
    Split,
    boolean,
    buckets,
    event_kinds,
    key,
    keys,
    label,
    moment,
    path,
    positive,
    registers,
    seconds,
    seconds_from_0,
    several,
    splits,
    zero_or_one,
)

PREFIX: Final = "OTEL_RECMON_"
NO_EVENT: Final = "none"
"""What a kind of event counts as that is not to be counted."""


def _setting(
    default: Any, expected: str, brief: str, example: str, parse: Callable[[str], Any] = str
) -> Any:  # Any, because a field gets its default from field()
    return field(default=default, metadata={"expected": expected, "brief": brief, "example": example, "parse": parse})


def _cap(attribute: Attribute) -> Any:
    return _setting(
        attribute.cap,
        "a whole number, at least 1",
        f"The maximum number of values of the label `{attribute.name}`. Further values are replaced by `_other`.",
        "40",
        positive,
    )


def _secret(expected: str, brief: str, example: str, parse: Callable[[str], Any]) -> Any:
    """Declare a setting whose value never appears in a log message, a problem or a ``repr``."""
    metadata = {"expected": expected, "brief": brief, "example": example, "parse": parse}
    return field(default=None, repr=False, metadata=metadata)


_PATTERNS: Final = "patterns `METHOD /path/{param}/*`, separated by commas"
_SOURCE: Final = (
    "a JMESPath expression on the response body, or `header:`, `response_header:`, `query:`, `path:` or `body:` "
    "followed by a name; for several routes `/route => expression; default expression`"
)
_ITEM: Final = "a JMESPath expression on one item; for several routes `/route => expression; default expression`"


@dataclass(frozen=True)
class Settings:
    """The values of all settings. The variable of a setting is ``OTEL_RECMON_`` and the field name in upper case."""

    enabled: bool = _setting(
        False,  # noqa: FBT003 - the default
        "true or false",
        "Switches the plugin on. If it is not `true`, the plugin does not instrument the service.",
        "true",
        boolean,
    )
    model_version: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The default model version. It applies to requests and responses that do not name a model version.",
        "v42",
        label,
    )
    model_version_from: str | None = _setting(
        None,
        _SOURCE,
        "The model version in the request or response. Default, if MODEL_VERSION is not set: the key `model_version` "
        "of the response body, or else the response header `x-model-version`.",
        "response_header:x-model-version",
    )
    model_path: str | None = _setting(
        None,
        "a file or folder",
        "The file or folder that contains the model. When a process starts, the newest modification time of these "
        "files becomes the time of the last model update.",
        "/models/ranker.bin",
    )
    model_updated_at: float | None = _setting(
        None,
        "an ISO 8601 time (UTC if it names no time zone) or seconds since 1970",
        "The time of the last model update. This setting takes precedence over MODEL_PATH.",
        "2026-01-31T06:00:00Z",
        moment,
    )
    catalog_size: int | None = _setting(
        None,
        "a whole number, at least 1",
        "The number of items in the catalog. Catalog coverage is exported only if this setting, CATALOG_FILE or the "
        "argument `catalog_size` of MetricsCollector is given.",
        "12000",
        positive,
    )
    catalog_file: str | None = _setting(
        None,
        "a .csv file with the columns item and category, or a .json file with one object (item: category)",
        "A file with the category of each item in the catalog. If CATALOG_SIZE is not set, the number of items in the "
        "file is the size of the catalog.",
        "/data/catalog.csv",
    )
    categories: int | None = _setting(
        None,
        "a whole number, at least 2",
        "The number of categories in the catalog. The diversity is 1 if this many categories are equally frequent. "
        "Default: the number of categories in the last 1,000 slates.",
        "24",
        several,
    )
    metrics_path: str | None = _setting(
        None,
        "a path that starts with /",
        "The URL path at which each process of the service serves its own Prometheus metrics. By default, no path "
        "serves them.",
        "/metrics",
        path,
    )
    routes: str | None = _setting(
        None,
        _PATTERNS,
        "The recommendation routes. Default: GET and POST routes with `recommend` in a segment, and routes with other "
        "words of the field, such as `similar`, `feed` or `rerank`. A route whose last segment does not contain "
        "`recommend` counts only after a response with items. If this setting is given, it replaces the default, so "
        "list all recommendation routes.",
        "GET /home/{user_id}, POST /v1/rank",
    )
    click_routes: str | None = _setting(
        None,
        _PATTERNS,
        "The click routes. Default: POST routes whose last path segment is `click` or `clicks`. Segments that are "
        "parameters, such as `{item_id}`, are ignored.",
        "GET /r/{item_id}",
    )
    conversion_routes: str | None = _setting(
        None,
        _PATTERNS,
        "The conversion routes. Default: POST routes whose last path segment is `conversion`, `conversions`, "
        "`purchase` or `purchases`. Segments that are parameters, such as `{item_id}`, are ignored.",
        "POST /orders",
    )
    impression_routes: str | None = _setting(
        None,
        _PATTERNS,
        "The routes at which clients report the items that users saw. If this setting is given, impressions are "
        "counted only from these reports, and not from responses.",
        "POST /seen",
    )
    event_routes: str | None = _setting(
        None,
        _PATTERNS,
        "The routes for events of any kind. An event counts by the kind that it states: as a click, as a conversion "
        "or by its action. Default: POST routes whose last segments contain `event`, `interaction`, `track`, `action`, "
        "`activity`, `feedback` or a similar word.",
        "POST /v1/signals",
    )
    items: str | None = _setting(
        None,
        _SOURCE,
        "The list of items in the response. Default: the list whose key and elements look most like recommended items.",
        "data.hits[]",
    )
    item_id: str | None = _setting(
        None, _ITEM, "The id of an item. Default: `id`, `item_id`, `product_id`, `sku` and similar keys.", "sku"
    )
    category: str | None = _setting(
        None,
        _ITEM,
        "The category of an item, or a list of categories. Default: `category`, `genre`, `topic` and similar keys.",
        "attributes.genre",
    )
    score: str | None = _setting(
        None, _ITEM, "The score of an item. Default: `score`, `relevance`, `confidence` and similar keys.", "relevance"
    )
    outcome: str | None = _setting(
        None,
        _SOURCE,
        "The outcome of the response: a value of the label `outcome`, or `true` for `fallback`. Default: `empty` "
        "without items, `partial` with fewer items than requested, else `served`.",
        "meta.is_fallback",
    )
    event: str | None = _setting(
        None,
        _SOURCE,
        "The kind of an event on a route for events of any kind, such as `click` or `purchase`. Default: `event_type`, "
        "`action`, `interaction_type`, `type` and similar fields of the query or the body.",
        "body:signal",
    )
    event_kinds: tuple[tuple[str, str], ...] | None = _setting(
        None,
        "pairs kind=event, separated by commas, where event is click, conversion, impression, none or the name of an "
        "action",
        "What the kinds of your events count as, on routes for events of any kind: `click`, `conversion`, "
        "`impression`, `none`, or an action of your own. Usual kinds, such as `purchase` or `add_to_cart`, are known "
        "without this setting. With `impression` in a pair, impressions are counted only from such events, and not "
        "from responses.",
        "hit=click,deal=conversion,scroll=none,hype=like",
        event_kinds,
    )
    limit: str | None = _setting(
        None,
        _SOURCE,
        "The number of items that the client requested. Default: `limit`, `k`, `n`, `top_k` and similar names in the "
        "query, the path or the body of the request.",
        "query:count",
    )
    position: str | None = _setting(
        None,
        _SOURCE,
        "The position of a click. Default: `position`, `pos`, `rank` or `slot` in the query, the path or the body of "
        "the request.",
        "query:slot",
    )
    position_base: int = _setting(
        1,
        "0 or 1",
        "The number of the first position in events and responses. Set it to 0 if the service counts positions from 0.",
        "0",
        zero_or_one,
    )
    offset: str | None = _setting(
        None,
        _SOURCE,
        "The number of items on earlier pages of a list. The plugin adds this number to the positions. By default, the "
        "first item of each response has position 1.",
        "query:offset",
    )
    revenue: str | None = _setting(
        None,
        _SOURCE,
        "The revenue of a conversion. Default: `revenue`, `amount`, `price` and similar names in the query, the path "
        "or the body of the request.",
        "body:order.total",
    )
    variant: str | None = _setting(None, _SOURCE, "The experiment arm in the request or response.", "header:x-variant")
    default_variant: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The default experiment arm. It applies to requests and responses that do not name an arm. Set it in a "
        "deployment that serves only one arm.",
        "control",
        label,
    )
    experiment: str | None = _setting(
        None,
        "a text of at most 100 characters",
        "The default experiment; see docs/experiments.md. It applies to requests and responses that do not name an "
        "experiment. If the traffic names no arm, and the server span records the evaluation of a feature flag with "
        "this key, the variant of the flag is the arm.",
        "new-ranker",
        label,
    )
    experiment_from: str | None = _setting(
        None, _SOURCE, "The experiment in the request or response.", "header:x-experiment"
    )
    experiment_split: tuple[Split, ...] | None = _setting(
        None,
        "`arm=weight,arm=weight` with the control first and weights above 0; for several experiments `name => "
        "arm=weight,arm=weight; arm=weight,arm=weight` (a split without a name is for the experiment in EXPERIMENT)",
        "The planned split of users between the arms. Sample ratio mismatches are detected only with this setting.",
        "new-ranker => control=1,treatment=1",
        splits,
    )
    surface: str | None = _setting(None, _SOURCE, "The placement of the slate, such as `home`.", "query:placement")
    user: str | None = _setting(
        None,
        _SOURCE,
        "The id of the user. The id never leaves the process; docs/privacy.md lists the exported values that are "
        "derived from the id. Default: `user_id`, `customer_id` and similar names in the query, the path or the body "
        "of the request.",
        "header:x-user-id",
    )
    user_hash_key: str | None = _secret(
        f"a text of at least {SHORTEST_KEY} characters",
        "The secret key of the user hashes in the event log. Set the same key in all services whose events you want to "
        "join by user. Without a key, the event log contains no user hashes.",
        "read-me-from-your-vault",
        key,
    )
    signing_key: tuple[str, ...] | None = _secret(
        f"texts of at least {SHORTEST_KEY} characters, separated by commas",
        "The secret keys of recommendation ids; see docs/attribution.md. New ids are signed with the first key. Ids "
        "that were signed with any of the keys are accepted. Without a key, responses have no recommendation id.",
        "read-me-from-your-vault",
        keys,
    )
    attribution_window: float = _setting(
        86_400.0,
        "a number of seconds above 0",
        "The maximum age of a recommendation id. An event with an older id is not attributed to a slate.",
        "604800",
        seconds,
    )
    recommendation_id: str | None = _setting(
        None,
        _SOURCE,
        f"The recommendation id of an event. Default: the header `{HEADER}`, else `recommendation_id` in the query, "
        "the path or the body of the request.",
        "body:meta.slate",
    )
    event_item_id: str | None = _setting(
        None,
        _SOURCE,
        "The item id of an event. The recommendation id gives the position of this item. Default: `item_id`, "
        "`product_id`, `sku`, `id` and similar names in the query, the path or the body of the request.",
        "body:sku",
    )
    first_zero_seconds: float = _setting(
        60.0,
        "a number of seconds, at least 0",
        "The time in seconds for which a new counter series is 0 for the scrapers of a process, so that `increase()` "
        "includes its first event. It must be at least the scrape interval. An export over OTLP needs no such time. 0 "
        "shows the value to everyone at once.",
        "15",
        seconds_from_0,
    )
    log_events: bool = _setting(
        False,  # noqa: FBT003 - the default
        "true or false",
        "Logs an OpenTelemetry event for each slate, click and conversion; see docs/events.md. The events need a "
        "logger provider: if `opentelemetry-instrument` starts the service, also set `OTEL_LOGS_EXPORTER=otlp`.",
        "true",
        boolean,
    )
    sketch_registers: int = _setting(
        0,
        f"0, or a power of two from 16 to {len(REGISTERS)}",
        "The number of registers in a HyperLogLog sketch; see docs/sketches.md. Sketches estimate the number of "
        "distinct items and the number of distinct users across all processes. In each process, a register adds two "
        "series per model version. 0 switches sketches off.",
        "256",
        registers,
    )
    slo_latency: float = _setting(
        0.5,
        "a number of seconds above 0",
        "The maximum latency of a good response. A slower response counts as bad.",
        "0.3",
        seconds,
    )
    score_buckets: tuple[float, ...] = _setting(
        SCORE.buckets,
        "increasing numbers, separated by commas",
        "The upper bounds of the buckets of the score histogram.",
        "1,2,3,4,5",
        buckets,
    )
    max_body_bytes: int = _setting(
        262_144,
        "a whole number, at least 1",
        "The maximum size of a request or response body in bytes. The content of a larger body is not read, but the "
        "request is still counted.",
        "1048576",
        positive,
    )
    max_model_versions: int = _cap(MODEL_VERSION)
    max_variants: int = _cap(VARIANT)
    max_experiments: int = _cap(EXPERIMENT)
    max_surfaces: int = _cap(SURFACE)
    max_categories: int = _cap(CATEGORY)
    max_stages: int = _cap(STAGE)
    max_actions: int = _cap(ACTION)

    @property
    def clients_report_impressions(self) -> bool:
        """Whether impressions are counted from the reports of clients, and not from responses."""
        return self.impression_routes is not None or any(event == IMPRESSION for _, event in self.event_kinds or ())

    @property
    def actions(self) -> tuple[str, ...]:
        """The configured actions: events that are neither clicks, conversions nor impressions."""
        return tuple(event for _, event in self.event_kinds or () if event not in (*REPORTED, NO_EVENT))

    @property
    def experimental(self) -> bool:
        """Whether EXPERIMENT or EXPERIMENT_FROM is set."""
        return self.experiment is not None or self.experiment_from is not None

    @property
    def needs_user(self) -> bool:
        """Whether experiments, sketches or the event log need the user id."""
        return self.experimental or bool(self.sketch_registers) or (self.log_events and self.user_hash_key is not None)

    @property
    def expected_shares(self) -> dict[str, tuple[tuple[str, float], ...]]:
        """The (arm, share) pairs of each experiment with a configured split. The control is the first pair."""
        named = ((split.experiment or self.experiment, split.shares) for split in self.experiment_split or ())
        return {name: shares for name, shares in named if name}


@dataclass(frozen=True)
class Problem:
    """A variable with an unusable value, or with an unknown name."""

    variable: str
    value: str
    expected: str
    fallback: str
    is_quoted: bool = False
    """Whether the quotes around the value are the only problem. The value without the quotes is then used."""

    def __str__(self) -> str:
        """Return the error message: the variable and its value, the expected value, and the value used instead."""
        state = "is in quotes" if self.is_quoted else "is not usable"
        return f"{self.variable}={self.value!r} {state}: expected {self.expected}; {self.fallback}"

    @property
    def level(self) -> int:
        """The level of the log message."""
        return logging.WARNING if self.is_quoted else logging.ERROR


def variable(name: str) -> str:
    """Return the name of the environment variable of a setting."""
    return PREFIX + name.upper()


def expected(name: str) -> str:
    """Return the description of the valid values of a setting."""
    return str(next(spec.metadata["expected"] for spec in fields(Settings) if spec.name == name))


def read(environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Return the settings and the problems in ``environ``. The default of a setting replaces each unusable value."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for spec in fields(Settings):
        given = environ.get(variable(spec.name), "").strip()
        text = _without_quotes(given, spec.metadata["expected"])
        if not text:
            continue
        if text != given:
            problems.append(_quoted(spec, given, text))
        try:
            values[spec.name] = spec.metadata["parse"](text)
        except (ValueError, KeyError, OverflowError):
            fallback = f"using {spec.default!r}" if spec.default is not None else "ignoring it"
            shown = text if spec.repr else "..."
            problems.append(Problem(variable(spec.name), shown, spec.metadata["expected"], fallback))
    settings = Settings(**values)
    return settings, problems + _unnamed_experiment(settings, environ) + _unknown(environ)


def _without_quotes(text: str, expected: str) -> str:
    """Return a value without the quotes around it: ``docker run --env-file`` passes quotes as a part of the value.

    An expression keeps the quotes that it needs: JMESPath reads ``"my-key"``, but not ``my-key``.
    """
    quoted = re.fullmatch(r"""(["'])((?:(?!\1).)*)\1""", text)
    if quoted is None or (expected in (_SOURCE, _ITEM) and not re.fullmatch(r"[\w.:\[\]*]*", quoted[2])):
        return text
    return quoted[2].strip()


def _quoted(spec: "Field[Any]", given: str, text: str) -> Problem:
    given, text = (given, text) if spec.repr else ("...", "...")
    return Problem(variable(spec.name), given, "a value without quotes", f"using {text!r}", is_quoted=True)


def _unnamed_experiment(settings: Settings, environ: Mapping[str, str]) -> list[Problem]:
    if settings.experiment or all(split.experiment for split in settings.experiment_split or ()):
        return []
    name = variable("experiment_split")
    expected = f"the name of the experiment, in the split or in {variable('experiment')}"
    return [Problem(name, environ[name].strip(), expected, "ignoring it")]


def _unknown(environ: Mapping[str, str]) -> list[Problem]:
    known = [variable(spec.name) for spec in fields(Settings)]
    problems = []
    for name in sorted(set(environ) - set(known)):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, known, n=1)
            expected = f"a known variable, perhaps {near[0]}" if near else "a known variable"
            # The value may be a secret whose variable is misspelled, so it is not shown.
            problems.append(Problem(name, "...", expected, "ignoring it"))
    return problems
