"""The signals of attribution: events with a valid recommendation id, and their delays."""

from functools import partial
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, TELEMETRY
from otel_recmon.artifacts.signals.kinds import Counted, Signal, SignalText, Unit, labelled, measure, mix, over
from otel_recmon.catalog import Metric
from otel_recmon.config import variable

_NEEDS: Final = f"It needs {variable('signing_key')}."

ATTRIBUTED_SHARE: Final = over(
    SignalText(
        "attributed_share",
        "Share attributed",
        TELEMETRY,
        f"Share of clicks, conversions and reported impressions that have a valid recommendation id. {_NEEDS}",
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
        f"Clicks, conversions and reported impressions, by the result of checking their recommendation id. {_NEEDS}",
    ),
    Counted(catalog.ATTRIBUTIONS),
    catalog.RESULT,
)


def _median(name: str, title: str, metric: Metric) -> Signal:
    text = SignalText(
        name, title, BUSINESS, f"{metric.brief} The value is the median: half of them take at most this long. {_NEEDS}"
    )
    return measure(text, Unit.SECONDS, (metric,), partial(promql.quantile, 0.5, metric.prometheus))


CLICK_DELAY: Final = _median("click_delay", "Time to a click", catalog.CLICK_DELAY)
CONVERSION_DELAY: Final = _median("conversion_delay", "Time to a conversion", catalog.CONVERSION_DELAY)
