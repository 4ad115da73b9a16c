"""Descriptions of panels: the definition of the signal, advice, the alerts, and the filters without effect."""

from collections.abc import Mapping, Sequence
from typing import Final

from otel_recmon.artifacts.dashboards.queries import TIME_RANGE, PageView, Query
from otel_recmon.artifacts.signals import attribution, fleet, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Limit, Signal

GUIDANCE: Final[Mapping[str, str]] = {
    # business
    "requests": "An app or a web page sends one request for each list of recommendations that it shows. If requests "
    "fall but the number of visitors does not, check the last release of the app.",
    "impressions": "For example, a list of ten items counts as ten impressions. If impressions fall but requests do "
    "not, the lists have become shorter.",
    "clicks": "If clicks fall but impressions do not, users like the items less, or an app no longer reports clicks.",
    "conversions": "If conversions fall but clicks do not, look for a problem in the checkout.",
    "actions": "If one action stops while the others go on, an app no longer reports it.",
    "revenue": "If revenue falls but conversions do not, users buy cheaper items, or the reported amounts are wrong.",
    "ctr": "For example, 5% means 5 clicks for every 100 requests. If the rate is lower for a new model version, "
    "return to the previous version.",
    "conversion_rate": "For example, 3% means 3 conversions for every 100 clicks. If the rate falls but the "
    "click-through rate does not, check the checkout, the prices and the stock.",
    "revenue_per_request": "This amount combines clicks, conversions and prices. A model version with fewer "
    "clicks can still earn more.",
    "click_delay": "If this time changes suddenly, check the last change of the layout of the app.",
    "conversion_delay": "Conversions after the end of the attribution window (OTEL_RECMON_ATTRIBUTION_WINDOW, one "
    "day by default) are not included.",
    "distinct_users": "A user with many requests counts once. If users fall but requests do not, each user sends "
    "more requests, or requests no longer contain the user id.",
    "revenue_per_user": "If users send more requests but buy the same, the revenue per request falls, but the "
    "revenue per user does not change.",
    # service
    "successes": "If successes fall and errors rise, see the error rate. If the requests of every status fall, "
    "clients send fewer requests.",
    "error_rate": "For example, 1% means 1 failed request in 100. If requests fail for one model version only, roll "
    "this version back. If requests fail for all versions, check the last deployment and the dependencies of the "
    "service.",
    "latency_p50": "If the median is high, most requests are slow. If only the P95 and the P99 are high, a small "
    "part of the requests is slow.",
    "latency_p95": f"If the latency is high, find the slow stage in *{traffic.STAGE_P95.title}*.",
    "latency_p99": "If there are few requests, a single slow response can raise the P99.",
    "latencies": "A darker cell contains more responses. Each dot stands for one response: click a dot to open the "
    "trace of the response.",
    "good_responses": f"If the share is below the objective, find the cause in *{traffic.OUTCOME_MIX.title}* and in "
    "the latency panels.",
    "burn_rate": "At a burn rate of 1, the error budget of a month lasts one month. At a burn rate of 10, the same "
    f"budget lasts three days. If the burn rate is above 1, find the cause in *{traffic.OUTCOME_MIX.title}* and in "
    "the latency panels.",
    "budget_left": "At 100%, there were no bad responses. At 0%, the bad responses have used up the error budget of "
    "the selected time range: postpone risky deployments.",
    "outcome_mix": "`served`, `partial` and `not_modified` are normal. If `fallback` or `empty` grows, see "
    f"*{traffic.CANDIDATES.title}*, and find the first stage that passes on too few items. If `error` grows, see the "
    "error rate.",
    "outcome_fallback": "The users of these requests see substitutes instead of personal recommendations. If the "
    f"share rises, check whether a stage fails or exceeds its time limit: see *{traffic.STAGE_P95.title}*.",
    "outcome_empty": "The users of these requests see no items. If the share rises, see "
    f"*{traffic.CANDIDATES.title}*, and find the first stage that passes on no items.",
    "outcome_partial": "The users of these requests see fewer items than requested. If the share rises, check the "
    "filters and the number of candidates.",
    "cache_hit_rate": "If the rate falls, responses become slower, and the systems behind the cache get more load. "
    "Check the cache and the last change of the cache keys.",
    "stage_p95": "If the latency of the service is high, start with the slowest stage, which has the highest line.",
    "stage_mean": "If the P95 of a stage is much higher than the mean of the same stage, the stage is slow for "
    "only some of the requests.",
    "candidates": "If a stage passes on no items, all later stages have no items either: check the index and the "
    "filters of the first such stage.",
    "route_requests": "If only the recommendation routes lose requests, check the clients of these routes.",
    "route_errors": "If requests fail on all routes, check the deployment and the host of the service before the "
    "recommender.",
    "route_p95": "If all routes are slow, check the deployment and the host of the service before the recommender.",
    # quality
    "item_ctr": "For example, 2% means 2 clicks for every 100 items shown. Users click the first positions most, so "
    "compare model versions at the same position.",
    "list_length": "The unit is items per request. If the value falls, a filter removes too many items, or the "
    "retrieval index is incomplete.",
    "diversity": f"If diversity falls, *{quality.CATEGORY_MIX.title}* shows the category that grew.",
    "category_mix": "If one category makes up most of the items, check the last changes of the model, of the boosts "
    "and of the filters.",
    "process_diversity": "One process sees only a part of the requests. For the whole service, see "
    f"*{quality.DIVERSITY.title}*.",
    "coverage": "After the start of a process, its coverage grows from 0. For the whole service, see "
    f"*{fleet.FLEET_COVERAGE.title}*.",
    "full_coverage": "If the coverage falls, compare the size of the retrieval index with the size of the catalog.",
    "fleet_coverage": "If the coverage falls, more items of the catalog are never recommended: compare the size of "
    "the retrieval index with the size of the catalog.",
    "distinct_items": "If the number falls but requests do not, the service recommends fewer different items: see "
    "the category mix.",
    "gini": "If the value rises, a few popular items get a larger share of the recommendations.",
    "position_mix": "If a position disappears, a client no longer shows this position, or the lists have become "
    "shorter.",
    "coec": "Use this value to compare model versions that show items at different positions.",
    "scores": "A darker cell contains more slates. Compare the pattern with the pattern at the same hour of the day "
    "before.",
    "mean_score": "The scale of the scores depends on the model. If the mean changes without a new model version, "
    "check the input features of the model.",
    "score_drift": "If the drift rises without a new model version, check for changes in the input features of the "
    "model.",
    "staleness": "If the age is longer than the time between two trainings, check the last training and the "
    "deployment of the model.",
    "reload_pending": "If the value stays at 1, search the log of the service for a failed load of the model, then "
    "restart the service.",
    # experiments
    "arm_latency": "Users click less if responses are slow, so repair the latency before you judge the arm.",
    "arm_errors": "For example, 1% means that a treatment has one more failed request in 100 than the control. "
    "If the value is above the threshold of the alert ArmFailing, switch the arm off, then repair it. The other "
    "figures of the arm are biased, because failed requests do not count as exposures.",
    "variant_mix": "If the shares differ from the planned split, do not trust the comparison of the variants.",
    # telemetry
    "instances": "If the number falls without a deployment, processes have crashed or cannot reach the Collector.",
    "silent": "If a service is silent, start it. If the service already runs, check its OTEL_EXPORTER_OTLP_ENDPOINT "
    "and the Collector.",
    "last_sample_age": "The age is normally shorter than the export interval. If the age grows, the service no "
    "longer sends metrics, or the Collector no longer delivers them.",
    "dropped_share": f"Dropped values are missing on the other dashboards. *{telemetry.DROPPED.title}* shows the "
    "reasons.",
    "dropped": "docs/metrics.md explains each reason. The log of the service has a record for each reason.",
    "overflow": "Find the client that sends many different label values, or raise the cap of the label, such as "
    "OTEL_RECMON_MAX_SURFACES.",
    "plugin_errors": "A site is the function of otel-recmon that failed. The log of the service has a "
    "traceback for each site. Report the traceback to the developers of otel-recmon.",
    "series": "Each series needs memory in Prometheus. If the number keeps growing, find the label with the most "
    "values.",
    "series_budget": "From 80% on, find the label with the most values, before the budget is used up.",
    "queue_fill": "The fill level is normally close to 0%. If it grows, Prometheus is down or slow.",
    "lost_points": "The value is normally 0. If the value is higher, read the log of the Collector, and check the "
    "disk of Prometheus.",
    "accepted_points": f"Compare this panel with *{telemetry.SENT_POINTS.title}*: received points that are not sent "
    "wait in the queue, or are lost.",
    "sent_points": "If an exporter stops sending, read the log of the Collector.",
    "targets_up": "If the value is 0, check the address of the target in prometheus/targets/.",
    "alerting": "If the number is 0 although Prometheus evaluates the alerts, alerting is broken. If Grafana "
    "evaluates the alerts, this panel is empty.",
    "messages_lost": "Read the alerts on the web page of Alertmanager, then check the Slack webhook.",
    "attributed_share": "If the share falls, clients no longer send the recommendation id, or the processes have "
    f"different signing keys: see *{attribution.ATTRIBUTION_MIX.title}*.",
    "attribution_mix": "docs/attribution.md describes each result and its causes.",
}
"""Advice for each signal that has a panel: the way to read the value, and the first step if the value is bad.

The key is the name of the signal.
"""


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
    """Return the sentence about the time that a number covers.

    The query of a gauge has no window, so it returns the latest value.
    """
    if query is None:
        return ""
    covered = "covers the selected time range" if TIME_RANGE in query.expr.text else "shows the latest value"
    return f"The panel {covered}."


def _thresholds(limits: Sequence[Limit]) -> str:
    if not limits:
        return ""
    noun = "alert" if len(limits) == 1 else "alerts"
    names = _enumeration([limit.alert for limit in limits])
    return f"The panel has the thresholds of the {noun} {names}. The runbook describes the first steps."


def _ignored(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    return f"Filtering by {_enumeration(labels)} has no effect on this panel, because its series have no such label."


def _enumeration(words: Sequence[str]) -> str:
    """Return the words joined as in a sentence: `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
