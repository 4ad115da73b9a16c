"""The signals of attribution: the share of events with a valid recommendation id, and the time from slate to event."""

from functools import partial
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, TELEMETRY
from otel_recmon.artifacts.signals.kinds import Counted, Signal, SignalText, Unit, labelled, measure, mix, over
from otel_recmon.catalog import Metric
from otel_recmon.config import variable

_NEEDS: Final = f"There is no data if {variable('signing_key')} is not set."

ATTRIBUTED_SHARE: Final = over(
    SignalText(
        "attributed_share",
        "Share attributed",
        TELEMETRY,
        f"Share of the clicks, conversions and reported impressions that have a valid recommendation id. {_NEEDS}",
    ),
    labelled(catalog.ATTRIBUTIONS, catalog.RESULT, catalog.ATTRIBUTED),
    Counted(catalog.ATTRIBUTIONS),
    zero=True,
)
ATTRIBUTION_MIX: Final = mix(
    SignalText(
        "attribution_mix",
        "Recommendation ids by result",
        TELEMETRY,
        "Clicks, conversions and reported impressions, by the result of the check of the recommendation id. The values "
        f"are shares. {_NEEDS}",
    ),
    Counted(catalog.ATTRIBUTIONS),
    catalog.RESULT,
)


def _median(name: str, title: str, metric: Metric) -> Signal:
    words = SignalText(
        name, title, BUSINESS, f"{metric.brief} The value is the median: half of these times are shorter. {_NEEDS}"
    )
    return measure(words, Unit.SECONDS, (metric,), partial(promql.quantile, 0.5, metric.prometheus))


CLICK_DELAY: Final = _median("click_delay", "Time to a click", catalog.CLICK_DELAY)
CONVERSION_DELAY: Final = _median("conversion_delay", "Time to a conversion", catalog.CONVERSION_DELAY)
