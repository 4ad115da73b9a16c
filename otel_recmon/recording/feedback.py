"""What users do with recommendations: the verbs for clicks, conversions and what was seen."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from otel_recmon import catalog
from otel_recmon.catalog import DUPLICATE
from otel_recmon.recording.attributor import NONE
from otel_recmon.recording.labelled import is_number
from otel_recmon.recording.request_context import CLICK, CONVERSION, IMPRESSION, active, repeated
from otel_recmon.recording.slate import places
from otel_recmon.recording.stages import PipelineVerbs
from otel_recmon.safety import never_raises
from otel_recmon.values import NOWHERE, place


class FeedbackVerbs(PipelineVerbs):
    """The verbs that count what came of a slate."""

    @never_raises
    def track_click(  # noqa: PLR0913 - all that can be known of a click
        self,
        position: object = None,
        *,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
        user_id: object = None,
        recommendation_id: object = None,
        item_id: object = None,
    ) -> None:
        """Count a click at a position, from 1; a click without a usable position is still a click.

        Args:
            position: Where it was; of an item of a recommendation id it need not be said.
            model_version: Instead of the collector's.
            variant: Instead of the collector's.
            surface: Instead of the collector's.
            experiment: Instead of the collector's.
            user_id: Who it was. It is neither stored nor exported; the event log has a keyed hash of it, and an
                experiment counts it in one of 32 buckets.
            recommendation_id: What came with the slate; once verified, it says model version, variant, surface and
                experiment.
            item_id: What was clicked. The same user's second click on it in the same slate is not counted.
        """
        if _said_before(CLICK):
            return
        attributor = self.recorder.attributor
        credit = (attributor and attributor.click(recommendation_id, item_id, position, user_id)) or NONE
        if credit.result == DUPLICATE:
            return
        position = credit.place(position, item_id)
        index = place(position)
        if index is None:
            if position is not None:
                self.faults.drop("position_invalid", "a position to be a whole number from 1")
            index = NOWHERE
        instruments = self.recorder.start()
        labels = credit.labels() or self.labels(model_version, variant, surface)
        subject = credit.subject(user_id) or self.subject(active(), experiment, user_id)
        with self._store.lock:
            cells = self._store.cells(labels)
            cells.clicks[index] += 1
            seat = self._store.seat(subject, labels.variant) if subject else None
            if seat is not None:
                seat.cells.clicks[seat.bucket] += 1
        if credit.delay is not None:
            instruments.record(catalog.CLICK_DELAY, credit.delay, cells)
        if self.recorder.events is not None:
            self.recorder.events.clicked(cells, user_id, position, seat, credit.told())

    @never_raises
    def track_conversion(  # noqa: PLR0913 - all that can be known of a conversion
        self,
        revenue: float | Decimal = 0.0,
        *,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
        user_id: object = None,
        recommendation_id: object = None,
    ) -> None:
        """Count a conversion, and its revenue in the configured currency where it is above 0.

        ``user_id`` is neither stored nor exported; the event log has a keyed hash of it, and an experiment counts it in
        one of 32 buckets. ``recommendation_id`` is what came with the slate; once verified, it says model version,
        variant, surface and experiment.
        """
        if _said_before(CONVERSION):
            return
        attributor = self.recorder.attributor
        credit = (attributor and attributor.event(recommendation_id)) or NONE
        instruments = self.recorder.start()
        if isinstance(revenue, Decimal):
            revenue = float(revenue)
        usable = is_number(revenue) and revenue >= 0
        labels = credit.labels() or self.labels(model_version, variant, surface)
        subject = credit.subject(user_id) or self.subject(active(), experiment, user_id)
        with self._store.lock:
            cells = self._store.cells(labels)
            cells.conversions += 1
            seat = self._store.seat(subject, labels.variant) if subject else None
            if seat is not None:
                seat.cells.conversions[seat.bucket] += 1
                seat.cells.revenue[seat.bucket] += revenue if usable else 0
        if credit.delay is not None:
            instruments.record(catalog.CONVERSION_DELAY, credit.delay, cells)
        if not usable:
            self.faults.drop("revenue_invalid", "a revenue from 0")
        elif revenue > 0:
            instruments.record(catalog.REVENUE, revenue, cells)
        if self.recorder.events is not None:
            earned = float(revenue) if usable else None
            self.recorder.events.converted(cells, user_id, earned, seat, credit.told())

    @never_raises
    def track_impressions(  # noqa: PLR0913 - all that can be known of what was seen
        self,
        positions: Iterable[object] = (),
        *,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        user_id: object = None,
        recommendation_id: object = None,
        item_ids: Sequence[object] = (),
    ) -> None:
        """Count items that a client says were seen, at their positions from 1.

        Args:
            positions: Where they were; of items of a recommendation id they need not be said.
            model_version: Instead of the collector's.
            variant: Instead of the collector's.
            surface: Instead of the collector's.
            user_id: Who it was. It is neither stored nor exported; the event log has a keyed hash of it.
            recommendation_id: What came with the slate; once verified, it says model version, variant and surface.
            item_ids: What was seen, where no positions are said; in an unknown slate, at 1, 2, 3 ...
        """
        if _said_before(IMPRESSION):
            return
        attributor = self.recorder.attributor
        credit = (attributor and attributor.event(recommendation_id)) or NONE
        positions = credit.places(positions, item_ids)
        shown = places(positions, self.faults)
        self.recorder.start()
        with self._store.lock:
            cells = self._store.cells(credit.labels() or self.labels(model_version, variant, surface))
            cells.show_at(shown or ())
        if self.recorder.events is not None:
            self.recorder.events.seen(cells, user_id, positions, credit.result)


def _said_before(kind: str) -> bool:
    """Note an event; say whether it is one that the plugin has recorded already."""
    scope = active()
    if scope is not None:
        scope.events += (kind,)
    return repeated(kind)
