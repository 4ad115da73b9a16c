"""Descriptions of panels: the definition of a signal, the way to read it, its alerts and the variables it ignores."""

from collections.abc import Mapping, Sequence
from typing import Final

from otel_recmon.artifacts.dashboards.queries import TIME_RANGE, PageView, Query
from otel_recmon.artifacts.signals import attribution, fleet, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Limit, Signal

GUIDANCE: Final[Mapping[str, str]] = {
    # business
    "requests": "A request is one list of recommendations that an app or a web page asks for. If requests fall and "
    "the number of visitors does not, check the last release of the app.",
    "impressions": "For example, a list of ten items is ten impressions. If impressions fall and requests do not, the "
    "lists have become shorter.",
    "clicks": "If clicks fall and impressions do not, the items fit the users less, or an app no longer reports "
    "clicks.",
    "conversions": "If conversions fall and clicks do not, check the checkout.",
    "revenue": "If revenue falls and conversions do not, users buy cheaper items, or the reported amounts are wrong.",
    "ctr": "For example, 5% means 5 clicks for every 100 requests. If it falls for a new model version, return to the "
    "previous version.",
    "conversion_rate": "For example, 3% means 3 conversions for every 100 clicks. If it falls and the click-through "
    "rate does not, check the checkout, the prices and the stock.",
    "revenue_per_request": "It combines clicks, conversions and prices in one amount. A model version with fewer "
    "clicks can still earn more.",
    "click_delay": "If it changes suddenly, check the last change of the layout of the app.",
    "conversion_delay": "Conversions after the end of the attribution window (OTEL_RECMON_ATTRIBUTION_WINDOW, one day "
    "by default) are missing here.",
    "distinct_users": "A user with many requests counts once. If users fall and requests do not, each user sends more "
    "requests, or the service no longer knows the user ids.",
    "revenue_per_user": "Unlike the revenue per request, it does not change if users come back more often and buy the "
    "same.",
    # service
    "successes": "If they fall and the errors rise, see the error rate. If all statuses fall, the clients send fewer "
    "requests.",
    "error_rate": "For example, 1% means 1 failed request in 100. If one model version fails, roll it back. If all "
    "fail, check the last deployment and the dependencies of the service.",
    "latency_p50": "If the median is high, all requests are slow. If only the P95 and the P99 are high, a small part "
    "of the requests is slow.",
    "latency_p95": f"If it is high, find the slow stage in *{traffic.STAGE_P95.title}*.",
    "latency_p99": "If there are few requests, a single slow response changes it.",
    "latencies": "A darker cell contains more responses. A dot is the trace of one response; click it to open the "
    "trace.",
    "good_responses": f"If it is below the objective, find the cause in *{traffic.OUTCOME_MIX.title}* and the latency.",
    "burn_rate": "At a burn rate of 1, the error budget of a month lasts a month; at 10, it lasts three days. If it "
    f"is above 1, find the cause in *{traffic.OUTCOME_MIX.title}* and the latency.",
    "budget_left": "At 100%, there was no bad response. At 0%, the bad responses have used up the budget of the "
    "selected time range: postpone risky deployments.",
    "outcome_mix": "`served` and `partial` are normal. If `fallback` or `empty` grows, find the first stage that "
    f"returns too few items in *{traffic.CANDIDATES.title}*. If `error` grows, see the error rate.",
    "outcome_fallback": "These users see substitutes instead of personal recommendations. If it rises, a stage fails "
    f"or exceeds its time limit: see *{traffic.STAGE_P95.title}*.",
    "outcome_empty": "These users see no items. If it rises, find the first stage that returns no items in "
    f"*{traffic.CANDIDATES.title}*.",
    "outcome_partial": "These users see fewer items than requested. If it rises, check the filters and the number of "
    "candidates.",
    "cache_hit_rate": "If it falls, the latency and the load behind the cache rise. Check the cache, and the last "
    "change of its keys.",
    "stage_p95": "If the latency is high, start with the stage of the highest line.",
    "stage_mean": "If the P95 of a stage is much higher than its mean, only some of the requests are slow in this "
    "stage.",
    "candidates": "A stage without items stops all later stages: check its index and its filters.",
    "route_requests": "If only the recommendation routes lose requests, check the clients of these routes.",
    "route_errors": "If all routes fail, check the deployment and its host before the recommender.",
    "route_p95": "If all routes are slow, check the deployment and its host before the recommender.",
    # quality
    "item_ctr": "For example, 2% means 2 clicks for every 100 items shown. Users click the first positions most, so "
    "compare model versions at the same position.",
    "list_length": "The unit is items per request. If it falls, a filter or an incomplete index leaves too few items.",
    "diversity": f"If it falls, *{quality.CATEGORY_MIX.title}* shows the category that grew.",
    "category_mix": "If one category makes up most of the items, check the last change of the model, the boosts and "
    "the filters.",
    "process_diversity": "One process sees only a part of the requests. For the whole service, see "
    f"*{quality.DIVERSITY.title}*.",
    "coverage": "It grows from 0 after the start of a process. For the whole service, see "
    f"*{fleet.FLEET_COVERAGE.title}*.",
    "full_coverage": "It has no data before the 10,000th request of a process. If it falls, compare the size of the "
    "retrieval index with the catalog.",
    "fleet_coverage": "If it falls, more items are never shown: compare the size of the retrieval index with the "
    "catalog.",
    "distinct_items": "If it falls and requests do not, fewer items get all recommendations: see the category mix.",
    "gini": "If it rises, a few popular items get more of the recommendations.",
    "position_mix": "If a position disappears, a client no longer shows it, or the lists have become shorter.",
    "coec": "Use it to compare model versions that show items at different positions.",
    "scores": "A darker cell contains more slates. Compare the pattern with the same hour of the day before.",
    "mean_score": "Its scale depends on the model. If it changes without a new model version, check the features.",
    "score_drift": "If it rises without a new model version, compare the features of some requests with the day "
    "before.",
    "staleness": "If it is longer than the time between two trainings, check the last training and its deployment.",
    "reload_pending": "If it stays at 1, restart the service, and search its log for a failed load of the model.",
    # experiments
    "arm_latency": "Slow responses can lose clicks, so repair the latency before you judge the arm.",
    "arm_errors": "For example, 1% means one more failed request in 100 than in the control. Failed requests do not "
    "count as exposures, so the comparison is biased. Switch the arm off, then repair it.",
    "variant_mix": "If it differs from the planned split, do not trust the comparison of the variants.",
    # telemetry
    "instances": "If the number falls without a deployment, processes have crashed or cannot reach the Collector.",
    "silent": "If a service is silent, start it. If it runs, check OTEL_EXPORTER_OTLP_ENDPOINT and the Collector.",
    "last_sample_age": "It is normally shorter than the export interval. If it grows, the service no longer sends, or "
    "the Collector no longer delivers.",
    "dropped_share": f"Dropped values are missing on the other dashboards. *{telemetry.DROPPED.title}* shows the "
    "reasons.",
    "dropped": "docs/metrics.md lists the reasons, and the log of the service has a record of each reason.",
    "overflow": "Find the client that sends the many values, or raise the cap of the label, such as "
    "OTEL_RECMON_MAX_SURFACES.",
    "plugin_errors": "The log of the service has a traceback for each site: report it.",
    "series": "Each series needs memory in Prometheus. If the number keeps growing, find the label with the many "
    "values.",
    "series_budget": "At 80%, find the label with the many values, before the budget is used up.",
    "queue_fill": "It is normally close to 0%. If it grows, Prometheus is down or slow.",
    "lost_points": "It is normally 0. If it is higher, read the log of the Collector, and check the disk of "
    "Prometheus.",
    "accepted_points": f"Compare with *{telemetry.SENT_POINTS.title}*: points that are not sent wait in the queue, or "
    "are lost.",
    "sent_points": "If an exporter stops sending, read the log of the Collector.",
    "targets_up": "If it is 0, check the address of the page in prometheus/targets/.",
    "alerting": "If the number is 0 although Prometheus evaluates the alerts, alerting is broken. If Grafana "
    "evaluates the alerts, this panel is empty.",
    "messages_lost": "Read the alerts on the web page of Alertmanager, then check the webhook of Slack.",
    "attributed_share": "If it falls, clients no longer send the recommendation id, or the keys differ: see "
    f"*{attribution.ATTRIBUTION_MIX.title}*.",
    "attribution_mix": "docs/attribution.md describes each result and its causes.",
}
"""The way to read each signal that has a panel, and the first step if the value is bad, by the name of the signal."""


def description_of(view: PageView, signal: Signal, query: Query | None = None, note: str = "") -> str:
    """Return the description of a panel.

    Args:
        view: The filters and thresholds of the dashboard.
        signal: The signal that the panel shows.
        query: The instant query of the panel, if it shows single numbers.
        note: Sentences about this panel that do not apply to other panels of the signal.
    """
    sentences = (
        signal.description,
        GUIDANCE.get(signal.name, ""),
        note,
        _period(query),
        _thresholds(view.limits_of(signal)),
        _ignored(view.ignored_filters(signal)),
    )
    return " ".join(filter(None, sentences))


def _period(query: Query | None) -> str:
    """Return the time that a number covers. The queries of gauges have no window, so they return the latest value."""
    if query is None:
        return ""
    covered = "covers the selected time range" if TIME_RANGE in query.expr.text else "shows the latest value"
    return f"The panel {covered}."


def _thresholds(limits: Sequence[Limit]) -> str:
    if not limits:
        return ""
    noun = "alert" if len(limits) == 1 else "alerts"
    names = _enumeration([limit.alert for limit in limits])
    return f"The thresholds are those of the {noun} {names}; the runbook describes the first steps."


def _ignored(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    return f"Filtering by {_enumeration(labels)} has no effect here, because the series have no such label."


def _enumeration(words: Sequence[str]) -> str:
    """Return words as in a sentence: `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
