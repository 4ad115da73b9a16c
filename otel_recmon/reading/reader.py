"""The reader of one route. It reads a finished exchange once, and returns the observation to record."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from opentelemetry.trace import Span

from otel_recmon.catalog import CLICK, CONVERSION, IMPRESSION, NOT_MODIFIED, SUCCESS
from otel_recmon.config import Settings
from otel_recmon.reading import usual_names
from otel_recmon.reading.event_rules import EventRules, KindRules, event_rules, kind_rules
from otel_recmon.reading.event_words import MOST_EVENTS, events_in, flat
from otel_recmon.reading.exchange import Exchange, PartOfExchange
from otel_recmon.reading.expressions import Field, PerRoute, Source, field, source
from otel_recmon.reading.guess import Guess
from otel_recmon.reading.item_keys import plain
from otel_recmon.reading.routes import TAKE_CLICKS, RouteKind
from otel_recmon.reading.shapes import find_items
from otel_recmon.reading.slates import SlateRules, column, rebased
from otel_recmon.recording.observation import Observation, ReportedEvent
from otel_recmon.recording.request_context import ACTION, RequestContext
from otel_recmon.recording.store import Store
from otel_recmon.safety import Faults
from otel_recmon.values import label_text, number

_OF_ROUTE: Final = {
    RouteKind.CLICK: CLICK,
    RouteKind.TRACKER: CLICK,
    RouteKind.CONVERSION: CONVERSION,
    RouteKind.IMPRESSION: IMPRESSION,
}
"""The event of each kind of route that takes events of one kind."""
SOURCES: Final = (
    *"items outcome limit offset position revenue user model_version_from variant surface experiment_from".split(),
    *"recommendation_id event_item_id event".split(),
)
"""The settings that locate a value in an exchange."""
FIELDS: Final = ("item_id", "category", "score")
"""The settings that locate a value in an item."""

_PARAMETERS: Final = re.compile(r"{(\w+)")
_FLAG_EVENTS: Final = ("feature_flag.evaluation", "feature_flag")
"""The span event of a feature flag in the semantic conventions: the current name and the former name."""
_FLAG_KEY: Final = "feature_flag.key"
_FLAG_VARIANTS: Final = ("feature_flag.result.variant", "feature_flag.variant")
"""The attribute with the variant of a feature flag: the current name and the former name."""


@dataclass(frozen=True)
class LabelRules:
    """The expressions that read the labels on one route; None for a label that the traffic does not give."""

    model_version: Source | None
    variant: Source | None
    surface: Source | None
    experiment: Source | None
    flag: str | None
    """The key of the feature flag that gives the variant if the traffic names no experiment."""
    echoes_version: bool
    """Whether an event can name its model version. Only model versions that this process has served are accepted."""
    present: bool
    """Whether the traffic can give at least one label."""


@dataclass(frozen=True)
class Reader:
    """The rules of one watched route."""

    kind: RouteKind
    template: str
    slates: SlateRules
    events: EventRules
    labels: LabelRules
    user: Source
    needs_user: bool
    """Whether experiments, sketches or the event log need the user id."""
    signed: bool
    """Whether recommendation ids are verified."""
    experimental: bool
    reads_response: bool
    """Whether the body of the response is needed."""
    faults: Faults
    has_served: Callable[[str], bool]
    kinds: KindRules
    guess: Guess | None = None

    def read(self, exchange: Exchange, request: RequestContext) -> Observation:
        """Return the content of an exchange, without the parts that the code has already recorded in ``request``."""
        seen = Observation()
        seen.recommends = self.kind is RouteKind.RECOMMENDATION
        if self.needs_user or (self.signed and self.kind in TAKE_CLICKS):
            seen.user = self.user(self._whole(exchange))
        if seen.recommends:
            if exchange.not_modified:
                seen.outcome = NOT_MODIFIED
            elif exchange.status == SUCCESS and not request.slates:
                seen.slate = self.slates.read(exchange, self.faults)
                seen.slate.user = seen.user
        elif self._is_accepted(exchange):
            seen.events = tuple(event for event in self._events(exchange) if event.kind not in request.events)
        if self.experimental:
            seen.experiment = self._label(self.labels.experiment, exchange)
        if self.labels.present and (request.labels is None or seen.events):
            self._read_labels(seen, exchange)
        return seen

    def misses_kind(self, exchange: Exchange, seen: Observation) -> bool:
        """Return whether an event about an item does not count, because its kind is unknown."""
        if self.kind is not RouteKind.EVENT or seen.events or not exchange.accepted:
            return False
        return usual_names.names_item(self._whole(exchange))

    def _is_accepted(self, exchange: Exchange) -> bool:
        if self.kind is RouteKind.TRACKER:
            return exchange.redirected
        return exchange.accepted or (self.kind is RouteKind.CLICK and exchange.redirected)

    def _events(self, exchange: Exchange) -> Iterator[ReportedEvent]:
        """Yield the events that a request reports: one, or as many as its body has elements."""
        # A conversion may have a list, too: the items of one cart.
        batch = events_in(exchange.body) if self.kind in TAKE_CLICKS else None
        if batch is None:
            yield from self._event(self._whole(exchange))
            return
        for _ in batch[MOST_EVENTS:]:
            self.faults.drop("events_too_many", f"at most {MOST_EVENTS} events in a request")
        for element in batch[:MOST_EVENTS]:
            yield from self._event(PartOfExchange(exchange, flat(element)), batched=True)

    def _whole(self, exchange: Exchange) -> Exchange:
        if self.kind is RouteKind.EVENT and isinstance(exchange.body, dict):
            return PartOfExchange(exchange, flat({**exchange.query, **exchange.body}))
        return exchange

    def _event(self, exchange: Exchange, *, batched: bool = False) -> Iterator[ReportedEvent]:
        kind = _OF_ROUTE.get(self.kind) or self.kinds.kind(exchange)
        if kind is None:
            return
        identity = self.events.recommendation_id(exchange) if self.signed else None
        user = self.user(exchange) if batched and (self.needs_user or self.signed) else None
        if self.kind is RouteKind.EVENT and self.kinds.is_action(kind):
            yield ReportedEvent(ACTION, (kind,), identity, user)
        else:
            read = {CLICK: self.click, CONVERSION: self.conversion, IMPRESSION: self.impressions}
            yield ReportedEvent(kind, read[kind](exchange), identity, user)

    def click(self, exchange: Exchange) -> tuple[Any, Any]:
        """Return the position (from 1) and the item id of a click; None for a value that the traffic does not give."""
        item = self.events.item_id(exchange) if self.signed else None
        return self._position(exchange), item

    def conversion(self, exchange: Exchange) -> tuple[float]:
        """Return the revenue of a conversion: 0 if the traffic gives no revenue, NaN if the revenue is not a number."""
        stated = self.events.revenue(exchange)
        revenue = 0.0 if stated is None or stated == "" else number(stated)
        return (float("nan") if revenue is None else revenue,)

    def impressions(self, exchange: Exchange) -> tuple[list[Any], list[Any]]:
        """Return the positions (from 1) and the ids of the items that a client reports as seen. A list may be empty."""
        body = exchange.body
        stated = body.get("positions") if isinstance(body, dict) else None
        if isinstance(stated, list):
            return [rebased(position, self.slates.position_base) for position in stated], []
        found = find_items(body)
        if found is None:
            return [self._position(exchange)], [self.events.item_id(exchange)]
        items, fields, _ = found
        if fields is None:
            return [], items
        return self.slates.positions(items, fields.position) or [], column(items, self.slates.item_id, fields.id)

    def _position(self, exchange: Exchange) -> Any:
        found = self.events.position(exchange)
        if isinstance(found, dict):
            found = found.get("ordinal")  # as in User Behavior Insights
        return rebased(found, self.slates.position_base)

    def _read_labels(self, seen: Observation, exchange: Exchange) -> None:
        rules = self.labels
        seen.model_version = self._label(rules.model_version, exchange) or self._echoed_version(exchange)
        seen.variant = self._label(rules.variant, exchange)
        seen.surface = self._label(rules.surface, exchange)
        if seen.variant is None and self.experimental:
            seen.variant = self._flag_variant(exchange, seen.experiment or rules.flag)

    def _echoed_version(self, exchange: Exchange) -> str | None:
        if self.kind is RouteKind.RECOMMENDATION or not self.labels.echoes_version:
            return None
        echoed = label_text(usual_names.named(usual_names.VERSIONS, exchange))
        return echoed if echoed is not None and self.has_served(echoed) else None

    def _flag_variant(self, exchange: Exchange, key: str | None) -> str | None:
        return self._label(lambda _: flag_variant(exchange.span, key), exchange) if key else None

    def _label(self, find: Source | None, exchange: Exchange) -> str | None:
        value = find(exchange) if find else None
        if value is None or value == "":
            return None
        text = label_text(value)
        if text is None:
            self.faults.drop("label_invalid", "a label to be a text of at most 100 characters or a number")
        return text


class Readers:
    """Creates the reader of each watched route from the settings."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Parse the expressions of the settings.

        Raises:
            ValueError: If an expression is not valid.
        """
        self._settings = settings
        self._store = store
        self._sources = {name: PerRoute.of(getattr(settings, name), source) for name in SOURCES}
        self._fields = {name: PerRoute.of(getattr(settings, name), field) for name in FIELDS}

    def reader(self, kind: RouteKind, method: str, template: str) -> Reader:
        """Return the reader of a route."""
        texts = {name: rules.at(method, template) for name, rules in self._sources.items()}
        find = {name: source(text) if text else None for name, text in texts.items()}
        settings = self._settings
        return Reader(
            kind=kind,
            template=template,
            slates=self._slate_rules(find, method, template),
            events=event_rules(find),
            labels=self._label_rules(find),
            user=find["user"] or usual_names.user,
            needs_user=settings.needs_user,
            signed=bool(settings.signing_key),
            experimental=settings.experimental,
            reads_response=kind is RouteKind.RECOMMENDATION
            or any(text is not None and ":" not in text for text in texts.values()),
            faults=self._store.faults,
            has_served=self._store.has_served,
            kinds=kind_rules(find["event"], template, settings),
        )

    def _slate_rules(self, find: dict[str, Source | None], method: str, template: str) -> SlateRules:
        texts = {name: rules.at(method, template) for name, rules in self._fields.items()}
        pick: dict[str, Field | None] = {name: field(text) if text else None for name, text in texts.items()}
        return SlateRules(
            items=find["items"],
            item_id=pick["item_id"],
            category=pick["category"],
            score=pick["score"],
            outcome=find["outcome"],
            limit=find["limit"] or partial(usual_names.named, usual_names.LIMITS),
            limit_in_path=bool(find["limit"]) or _has_limit(template),
            offset=find["offset"],
            position_base=self._settings.position_base,
        )

    def _label_rules(self, find: dict[str, Source | None]) -> LabelRules:
        settings = self._settings
        unversioned = not settings.model_version
        configured = [find[name] for name in ("model_version_from", "variant", "surface")]
        return LabelRules(
            model_version=find["model_version_from"] or (usual_names.served_version if unversioned else None),
            variant=find["variant"],
            surface=find["surface"],
            experiment=find["experiment_from"],
            flag=settings.experiment,
            echoes_version=unversioned and find["model_version_from"] is None,
            present=settings.experimental or unversioned or any(configured),
        )


def _has_limit(template: str) -> bool:
    return not usual_names.LIMITS.isdisjoint(map(plain, _PARAMETERS.findall(template)))


def flag_variant(span: Span, key: str) -> Any:
    """Return the variant of the last evaluation of a feature flag in a span; None if there is no evaluation.

    If the span has no such event, the attributes of the span are used. Only sampled spans of the SDK can be read.
    """
    events = [event.attributes for event in getattr(span, "events", ()) if event.name in _FLAG_EVENTS]
    for attributes in (*reversed(events), getattr(span, "attributes", None)):
        if attributes and attributes.get(_FLAG_KEY) == key:
            return next((attributes[name] for name in _FLAG_VARIANTS if attributes.get(name)), None)
    return None
