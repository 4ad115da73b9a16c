"""Which events are known to come from which slate, and how long after."""

from functools import partial
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, TELEMETRY
from otel_recmon.artifacts.signals.kinds import Counted, Signal, Unit, Words, labelled, measure, mix, over
from otel_recmon.catalog import Metric
from otel_recmon.config import variable

_NEEDS: Final = f"It needs {variable('signing_key')}."

ATTRIBUTED_SHARE: Final = over(
    Words(
        "attributed_share",
        "Share attributed",
        TELEMETRY,
        f"Events with a verified recommendation id over all clicks, conversions and reports of what was seen. {_NEEDS}",
    ),
    labelled(catalog.ATTRIBUTIONS, catalog.RESULT, catalog.ATTRIBUTED),
    Counted(catalog.ATTRIBUTIONS),
    zero=True,
)
ATTRIBUTION_MIX: Final = mix(
    Words(
        "attribution_mix",
        "What became of recommendation ids",
        TELEMETRY,
        f"Clicks, conversions and reports of what was seen, by what became of their recommendation id. {_NEEDS}",
    ),
    Counted(catalog.ATTRIBUTIONS),
    catalog.RESULT,
)


def _median(name: str, title: str, metric: Metric) -> Signal:
    words = Words(name, title, BUSINESS, f"{metric.brief} Half of them took no longer. {_NEEDS}")
    return measure(words, Unit.SECONDS, (metric,), partial(promql.quantile, 0.5, metric.prometheus))


CLICK_DELAY: Final = _median("click_delay", "Time to a click", catalog.CLICK_DELAY)
CONVERSION_DELAY: Final = _median("conversion_delay", "Time to a conversion", catalog.CONVERSION_DELAY)
