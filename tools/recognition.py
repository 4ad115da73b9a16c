"""What the plugin reads of public services without configuration, and docs/recognition.md, which shows it.

`make artifacts` writes the page; `make check` fails if it is out of date. tests/corpus/README.md describes the corpus.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from otel_recmon.catalog import IMPRESSION, REPORTED
from otel_recmon.config import Settings, variable
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.reader import Reader
from otel_recmon.reading.words import tables
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.observation import Observation
from otel_recmon.recording.recorder import Recorder
from otel_recmon.recording.request_context import ACTION, RequestContext
from otel_recmon.recording.slate import usable_items
from otel_recmon.values import number

ROOT: Final = Path(__file__).parents[1]
CORPUS: Final = (ROOT / "tests/corpus/public.jsonl", ROOT / "tests/corpus/further.jsonl")
PAGE: Final = "docs/recognition.md"
RECOMMENDATION, NOTHING = "recommendation", "none"
Entry = Mapping[str, Any]
_VALUES: Final = ("items", "categories", "scores", "outcome", "user")
_JSON: Final = "application/json"


@dataclass
class Seen:
    """What was counted of an exchange, and the values that were read."""

    counted: Counter[str] = field(default_factory=Counter)
    """The number of requests for recommendations, and of events by their name."""
    values: dict[str, Any] = field(default_factory=dict)
    """The items, categories, scores and outcome of a slate, and the user, position and revenue where they are known."""


def entries(files: Iterable[Path] = CORPUS) -> Iterator[Entry]:
    """Yield the exchanges of a corpus whose right reading is stated."""
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            entry = json.loads(line)
            if "kind" in entry["expect"]:
                yield entry


def seen_of(entry: Entry, **settings: Any) -> Seen:
    """Return what the plugin counts and reads of an exchange. A guessed route may have been confirmed by it."""
    options = Settings(enabled=True, model_version="v1", log_events=True, user_hash_key="k" * 16, **settings)
    observer = Observer(options, Defaults(Recorder(options)))
    reader = observer.reader(entry["method"], entry["template"])
    if reader is None:
        return Seen()
    for source in (*([entry["warm"]] if "warm" in entry else []), entry):
        exchange = _exchange(entry, source, observer)
        seen = reader.read(exchange, RequestContext())
        if reader.guess is not None:
            reader.guess.confirmed = reader.guess.confirmed or reader.guess.fits(seen.slate, exchange)
    return _seen(reader, exchange, seen)


def _seen(reader: Reader, exchange: HttpExchange, seen: Observation) -> Seen:
    found = Seen(values={"user": None if seen.user is None else str(seen.user)})
    if seen.recommends and (reader.guess is None or reader.guess.confirmed) and exchange.status is not None:
        found.counted[RECOMMENDATION] += 1
        found.values |= _slate_values(reader, exchange, seen)
    for event in seen.events:
        found.counted[event.values[0] if event.kind == ACTION else event.kind] += 1
    return found


def _slate_values(reader: Reader, exchange: HttpExchange, seen: Observation) -> dict[str, Any]:
    slate = seen.slate
    if exchange.status in ("error", "rejected"):
        return {"outcome": "error" if exchange.status == "error" else None}
    if slate is None or slate.items is None:
        return {"outcome": (slate.outcome if slate else seen.outcome) or "unrecognized"}
    items, length = usable_items(slate.items, reader.faults)
    partial = slate.requested is not None and length < slate.requested
    natural = "empty" if not length else "partial" if partial else "served"
    return {
        "items": list(map(str, items)),
        "categories": slate.categories,
        "scores": None if slate.scores is None else [number(score) for score in slate.scores],
        "outcome": slate.outcome or natural,
    }


def _exchange(entry: Entry, source: Entry, observer: Observer) -> HttpExchange:
    kind = source.get("content_type", _JSON)
    status = source.get("status", 200)
    sent = entry["body"]
    given = [(b"content-type", _JSON.encode())] if sent is not None and not isinstance(sent, str) else []
    given += [(name.lower().encode(), str(value).encode()) for name, value in entry["headers"].items()]
    content = b"" if status == 204 else _content(source, kind)
    scope = {
        "headers": given,
        "query_string": urlencode(entry["query"] or {}, doseq=True).encode(),
        "path_params": entry["path"],
    }
    limit = observer.settings.max_body_bytes
    return HttpExchange(
        scope,
        status,
        [(b"content-type", kind.encode())],
        observer.faults,
        request_body=None
        if sent is None
        else Body(limit, (sent if isinstance(sent, str) else json.dumps(sent)).encode()),
        response_body=Body(limit, content) if content else None,
    )


def _content(source: Entry, kind: str) -> bytes:
    if "raw_body" in source:
        return str(source["raw_body"]).encode()
    if kind == _JSON or kind.endswith("+json"):
        return json.dumps(source.get("response")).encode()
    return str(source.get("response") or "").encode()


def faults_of(entry: Entry, seen: Seen) -> dict[str, tuple[Any, Any]]:
    """Return the fields that were read wrongly, each with the right value and the value read. Empty: all is right."""
    expect, kind = entry["expect"], entry["expect"]["kind"]
    wanted = _wanted(expect, kind)
    counted = {name: count for name, count in seen.counted.items() if count}
    if kind != RECOMMENDATION and IMPRESSION in wanted:  # items, or one report of them
        counted = {name: wanted[name] if name == IMPRESSION else count for name, count in counted.items()}
    if counted != wanted:
        return {"kind": (wanted, counted)}
    names = _VALUES if kind == RECOMMENDATION else ("user",) if wanted else ()
    wrong = {name: (expect[name], seen.values.get(name)) for name in names if name in expect}
    return {name: pair for name, pair in wrong.items() if not _agree(name, *pair, also=expect.get("items_also", []))}


def _wanted(expect: Entry, kind: str) -> dict[str, int]:
    if kind == NOTHING:
        return {}
    if kind == RECOMMENDATION:
        return {RECOMMENDATION: 1}
    own = kind.removeprefix("event:")
    return {_MEANINGS.get(name, name): count for name, count in (expect.get("events") or {own: 1}).items()}


_MEANINGS: Final = {"watch": "dwell"}
"""Names of the corpus for actions that the plugin counts under another name."""


def _agree(name: str, wanted: Any, found: Any, *, also: list[Any]) -> bool:
    if name == "items" and (wanted or found):
        return found in [wanted, *also]
    if name == "user":
        return bool(found == (None if wanted is None else str(wanted)))
    if name == "categories":
        wanted, found = _flat(wanted), _flat(found)
    return bool((wanted or None) == (found or None))


def _flat(categories: Any) -> list[list[str]]:
    """Return the categories of each item as a list, also for an item with one category."""
    return [[one] if isinstance(one, str) else list(one or ()) for one in categories or ()]


def shape_of(entry: Entry) -> str:
    """Return the shape of the response of a slate, in words."""
    body = entry.get("response", entry.get("raw_body"))
    if isinstance(body, str):
        return "event stream or lines of JSON" if body.lstrip()[:1] not in ("[", "{") else "JSON in a text"
    if isinstance(body, list):
        return "list of objects" if body and isinstance(body[0], dict) else "list of ids"
    if not isinstance(body, dict):
        return "no content"
    lists = [value for value in body.values() if isinstance(value, list)]
    if len(lists) == 1:
        return "object with one list"
    return "object with several lists" if lists else "lists deeper in objects, or none"


def page() -> str:
    """Return docs/recognition.md."""
    judged = [(entry, faults_of(entry, seen_of(entry))) for entry in entries() if not entry.get("contested")]
    slates = [(entry, wrong) for entry, wrong in judged if entry["expect"]["kind"] == RECOMMENDATION]
    events = [(entry, wrong) for entry, wrong in judged if entry["expect"]["kind"] not in (RECOMMENDATION, NOTHING)]
    others = [(entry, wrong) for entry, wrong in judged if entry["expect"]["kind"] == NOTHING]
    by_framework = _table("Framework", ((e["framework"], w) for e, w in judged if e["expect"]["kind"] != NOTHING))
    by_shape = _table("Response", ((shape_of(e), w) for e, w in slates))
    by_event = _table("Event", ((e["expect"]["kind"].removeprefix("event:"), w) for e, w in events))
    left_alone = sum(not wrong for _, wrong in others)
    missed = "\n".join(_miss(entry, wrong) for entry, wrong in slates + events if wrong)
    counted = "\n".join(f"- {e['source']}: `{e['method']} {e['template']}`" for e, wrong in others if wrong)
    return _PAGE.format(
        total=len(judged), by_framework=by_framework, by_shape=by_shape, by_event=by_event,
        left_alone=left_alone, others=len(others), missed=missed, actions=_actions(), counted=counted,
    )  # fmt: skip


def _actions() -> str:
    """Return the actions that are known without configuration."""
    return ", ".join(f"`{event}`" for event in sorted(tables("event.is")) if event not in REPORTED)


def _table(head: str, rows: Iterable[tuple[str, object]]) -> str:
    counts: dict[str, list[int]] = {}
    for name, wrong in rows:
        found = counts.setdefault(name, [0, 0])
        found[0] += not wrong
        found[1] += 1
    lines = [f"| {head} | Read right | Of |", "|---|---:|---:|"]
    lines += [
        f"| {name} | {right} | {of} |" for name, (right, of) in sorted(counts.items(), key=lambda c: (-c[1][1], c[0]))
    ]
    return "\n".join(lines)


def _miss(entry: Entry, wrong: Mapping[str, Any]) -> str:
    route = f"{entry['method']} {entry['template']}"
    what = ", ".join("not counted" if name == "kind" else name for name in wrong)
    return f"| {entry['source']} | `{route}` | {what} | {_remedy(entry, route)} |"


def _remedy(entry: Entry, route: str) -> str:
    left = faults_of(entry, seen_of(entry, routes=route))
    if not left:
        return f"`OTEL_RECMON_ROUTES={route}`"
    if entry["id"] in _REMEDIES:
        return _REMEDIES[entry["id"]]
    kind = entry["expect"]["kind"]
    names = [_VARIABLES[name] for name in left if name in _VARIABLES] or [_ROUTES.get(kind, "event_routes")]
    return ", ".join(f"`{variable(name)}`" for name in names)


_VARIABLES: Final = {
    "items": "items",
    "scores": "score",
    "categories": "category",
    "outcome": "outcome",
    "user": "user",
}
"""The setting that finds each value."""
_ROUTES: Final = {RECOMMENDATION: "routes", "click": "click_routes", "conversion": "conversion_routes"}
_REMEDIES: Final = {
    "a058": "`OTEL_RECMON_OUTCOME`, which finds `error` in the response",
    "he07": "`OTEL_RECMON_USER=body:entityId`",
    "he08": "`OTEL_RECMON_EVENT_ROUTES=GET /recommender/liked`",
    "e033": "a call of `track_event` in the handler, because no field says that a swipe to the right is a like",
}
"""What one sets for the exchanges that the route alone does not make readable."""

_PAGE: Final = """\
# What the plugin sees by itself

<!-- Written by tools/recognition.py; do not edit. -->

The plugin finds recommendation routes, slates and events without configuration. This page measures how well: on
{total} exchanges with public recommendation services, and with vendors whose interface is documented. Each exchange is
a request and its response, with made-up values and with the reading that an analyst of the service would expect.
`tests/corpus` has all of them.

An exchange is read right if the request or the events are counted, nothing else is counted, and all values are right:
the items and their order, categories, scores, user and outcome. With nothing configured but `OTEL_RECMON_ENABLED` and
`OTEL_RECMON_MODEL_VERSION`:

{by_framework}

The slates by the shape of the response:

{by_shape}

The events by their kind:

{by_event}

The plugin should count nothing of {others} further exchanges, such as searches, settings and feedback on other things.
It counts nothing of {left_alone} of them. The others are routes called recommendations that return something else:

{counted}

## Events of any kind

Clients report more than clicks and conversions. On a route for events of any kind, such as `POST /events`, a field such
as `event_type` or `action` says what happened. Clicks and conversions have metrics of their own. The other known kinds
count in `recommendation_events_total` by their action: {actions}. A kind can have many
names: `cart_add` and `productAdded` count as `add_to_cart`, too. Events of an unknown kind do not count.
`OTEL_RECMON_EVENT_KINDS` says what the kinds of your own events count as.

A report of seen items counts as an event with the action `impression`, and not as an impression: every item in a
response counts as an impression already. If your clients report all seen items, set `OTEL_RECMON_IMPRESSION_ROUTES`, or
map a kind to `impression` in `OTEL_RECMON_EVENT_KINDS`. Then, only the reports count as impressions.

A click route may redirect the client to the page of the item. The redirect counts as a click if the router of the
application sent it. A middleware that gives the router a copy of the ASGI scope hides this: count such clicks by
`track_click` in the handler.

## What it does not see

| Service | Route | Wrong | What to set |
|---|---|---|---|
{missed}

`OTEL_RECMON_ROUTES` replaces the default: list all recommendation routes of the service, also those that the plugin
would see by itself. `otel-recmon doctor --try` shows what the plugin reads from a response of your service.
[configuration.md](configuration.md) has all variables.
"""


def main() -> None:
    """Write the page, or check it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="fail if the page is out of date")
    file, text = ROOT / PAGE, page()
    if not arguments.parse_args().check:
        file.write_text(text, "utf-8")
    elif not file.exists() or file.read_text("utf-8") != text:
        sys.exit(f"{PAGE} is out of date; run: make artifacts")


if __name__ == "__main__":
    main()
