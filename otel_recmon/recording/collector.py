"""``MetricsCollector``: the methods with which a service records recommendations, clicks and conversions."""

from collections.abc import Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal

from opentelemetry.metrics import MeterProvider

from otel_recmon.catalog import ERROR, FAILED, SERVED, SUCCESS
from otel_recmon.recording import feedback, model_values, request_counts, stages
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.feedback import Origin
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import SLATE, active_request, consume_repeat
from otel_recmon.recording.slate import Slate
from otel_recmon.recording.stages import Stage
from otel_recmon.safety import swallow
from otel_recmon.values import label_text


class MetricsCollector:
    """Records the requests, slates and user events of a recommendation service.

    Threads can share a collector. Its methods never raise an exception; only its constructor does. An unusable value,
    such as a NaN latency or a negative revenue, is not recorded. ``recmon_events_dropped_total`` counts unusable values
    by reason, and the first value of each reason causes a log message. The usable values of the same call are recorded.

    >>> metrics = MetricsCollector(model_version="v1")
    >>> metrics.track_recommendations("user-1", ["a", "b"], ["drama", "comedy"], scores=[0.9, 0.4])
    >>> metrics.track_click(position=2)
    >>> metrics.track_conversion(revenue=19.90)
    """

    def __init__(
        self,
        model_version: str | None = None,
        *,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
        catalog_size: int | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Create a collector. Its labels apply to each call that does not give other labels.

        Args:
            model_version: The version of the model; by default OTEL_RECMON_MODEL_VERSION.
            variant: The experiment arm, such as ``treatment``.
            surface: The placement of the slate, such as ``home``.
            experiment: The experiment to which the variant belongs; by default OTEL_RECMON_EXPERIMENT.
            catalog_size: The number of items in the catalog; by default OTEL_RECMON_CATALOG_SIZE, or else the number of
                items in OTEL_RECMON_CATALOG_FILE. Without ``model_version``, these settings take precedence over the
                argument. Without any catalog size, catalog coverage is not computed.
            meter_provider: The provider that exports the metrics; by default the global provider, which may be set
                later.

        Raises:
            ValueError: If a label is not a printable text of 1 to 100 characters without blanks around it, or if the
                catalog size is not a whole number from 1.
        """
        _check_labels(model_version=model_version, variant=variant, surface=surface, experiment=experiment)
        if catalog_size is not None and (type(catalog_size) is not int or catalog_size < 1):
            raise ValueError(f"catalog_size must be a whole number from 1, not {catalog_size!r}")
        self.recorder = recorder(meter_provider)
        self.faults = self.recorder.faults
        self.defaults = Defaults(self.recorder, model_version, variant, surface, experiment)
        if catalog_size is not None:
            self.recorder.set_catalog_size(catalog_size, model_version)

    def track_recommendations(  # noqa: PLR0913 - one call for everything that is known of a slate
        self,
        user_id: object,
        item_ids: Sequence[Hashable],
        categories: Sequence[object] | None = None,
        scores: Sequence[float] | None = None,
        outcome: str | None = None,
        *,
        positions: Sequence[object] | None = None,
        requested: int | None = None,
        seconds: float | None = None,
        cache_hit: bool | None = None,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
    ) -> None:
        """Record a slate: its request and outcome, impressions, categories, top score, diversity and coverage.

        Args:
            user_id: The id of the user who receives the slate. The id itself is never exported. The event log contains
                a hash of the id if a hash key is configured. An experiment counts the user in one of 32 buckets.
                Sketches (OTEL_RECMON_SKETCH_REGISTERS) keep the id in memory until the next export.
            item_ids: The ids of the items, in the order of the slate.
            categories: The category of each item: a list for an item with several categories, None for an item without
                a category.
            scores: The score of each item. The metrics contain only the highest score.
            outcome: ``served`` (the default), ``partial``, ``fallback``, ``empty`` (the default of an empty
                slate), ``not_modified``, ``error`` or ``unrecognized``.
            positions: The position of each item, starting at 1. Needed only if the positions are not 1, 2, 3 ...
            requested: The number of items that the client requested. If the slate has fewer items, but is not empty,
                the default outcome is ``partial``.
            seconds: The latency of the request in seconds. Replaces a call of ``track_latency``.
            cache_hit: True for a cache hit, False for a miss. Replaces a call of ``track_cache_hit``.
            model_version: Overrides the model version of the collector.
            variant: Overrides the variant of the collector.
            surface: Overrides the surface of the collector.
            experiment: Overrides the experiment of the collector.
        """
        # Written here without @never_raises: another function call would add a tenth to the cost.
        try:
            if consume_repeat(SLATE):
                return
            defaults = self.defaults
            request = active_request()
            seconds = None if seconds is None else request_counts.usable_seconds(defaults, seconds)
            if request is not None and seconds is not None:
                request.set_latency(seconds)
            if cache_hit is not None:
                stages.record_cache_lookup(defaults, cache_hit)
            subject = None
            if experiment is not None or defaults.store.experimental:
                subject = defaults.subject(request, experiment, user_id)
            request_counts.record_slate(
                defaults,
                request,
                defaults.labels(model_version, variant, surface),
                Slate(item_ids, categories, scores, positions, outcome, requested, user_id, cache_hit, subject),
                seconds,
                closes=request is None,
            )
        except Exception as error:  # noqa: BLE001 - it never raises
            swallow(self.faults, "MetricsCollector.track_recommendations", error)

    def track_request(self, success: bool = True) -> None:
        """Count a request as a success or a failure. Call this only in requests without ``track_recommendations``."""
        status, outcome = (SUCCESS, SERVED) if success else (ERROR, FAILED)
        request_counts.record_request(self.defaults, status, outcome)

    def track_latency(self, seconds: float) -> None:
        """Record the latency of a request. ``seconds`` must be at least 0."""
        request_counts.record_latency(self.defaults, seconds)

    def track_cache_hit(self, hit: bool) -> None:
        """Count a cache hit (True) or a cache miss (False)."""
        stages.record_cache_lookup(self.defaults, hit)

    def stage(self, name: str, candidates: int | None = None) -> AbstractContextManager[Stage]:
        """Time a stage of the pipeline, and count the items that the stage returns.

        >>> with MetricsCollector(model_version="v1").stage("retrieval") as stage:
        ...     stage.candidates = 500
        """
        return stages.timed_stage(self.defaults, name, candidates)

    def track_click(  # noqa: PLR0913 - one call for everything that is known of a click
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
        """Count a click. A click without a usable position counts at the position ``unknown``.

        Args:
            position: The position of the clicked item, starting at 1. Not needed if ``recommendation_id`` and
                ``item_id`` are given.
            model_version: Overrides the model version of the collector.
            variant: Overrides the variant of the collector.
            surface: Overrides the surface of the collector.
            experiment: Overrides the experiment of the collector.
            user_id: The id of the user who clicked. The id itself is neither stored nor exported. The event log
                contains a hash of the id if a hash key is configured. An experiment counts the user in one of 32
                buckets.
            recommendation_id: The recommendation id of the slate. If the id is valid, the model version, variant,
                surface and experiment of the slate replace the arguments.
            item_id: The id of the clicked item. If the recommendation id is valid, a user's second click on the same
                item of the slate is not counted.
        """
        origin = Origin(model_version, variant, surface, experiment, user_id, recommendation_id)
        feedback.record_click(self.defaults, origin, position, item_id)

    def track_conversion(  # noqa: PLR0913 - one call for everything that is known of a conversion
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
        """Count a conversion. Record its revenue if the revenue is above 0.

        Args:
            revenue: The revenue in the currency of the service, at least 0.
            model_version: Overrides the model version of the collector.
            variant: Overrides the variant of the collector.
            surface: Overrides the surface of the collector.
            experiment: Overrides the experiment of the collector.
            user_id: The id of the user who converted; see ``track_click``.
            recommendation_id: The recommendation id of the slate; see ``track_click``.
        """
        origin = Origin(model_version, variant, surface, experiment, user_id, recommendation_id)
        feedback.record_conversion(self.defaults, origin, revenue)

    def track_impressions(  # noqa: PLR0913 - one call for everything that is known of seen items
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
        """Count one impression for each item that a client reports as seen. Positions start at 1.

        Args:
            positions: The positions of the seen items. They can be omitted if ``item_ids`` is given.
            model_version: Overrides the model version of the collector.
            variant: Overrides the variant of the collector.
            surface: Overrides the surface of the collector.
            user_id: The id of the user. The id itself is neither stored nor exported. The event log contains a hash of
                the id if a hash key is configured.
            recommendation_id: The recommendation id of the slate. If the id is valid, the model version, variant and
                surface of the slate replace the arguments.
            item_ids: The ids of the seen items, if ``positions`` is not given. A valid recommendation id gives the
                positions of the items. Without a valid id, the items count at the positions 1, 2, 3 ...
        """
        origin = Origin(model_version, variant, surface, None, user_id, recommendation_id)
        feedback.record_impressions(self.defaults, origin, positions, item_ids)

    def track_event(
        self,
        action: str,
        *,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        user_id: object = None,
        recommendation_id: object = None,
    ) -> None:
        """Count an event that is neither a click nor a conversion, such as ``add_to_cart`` or ``like``.

        Args:
            action: The action of the user: a text of at most 100 characters. By default, a process exports at most
                20 actions. Further actions count as ``_other``.
            model_version: Overrides the model version of the collector.
            variant: Overrides the variant of the collector.
            surface: Overrides the surface of the collector.
            user_id: The id of the user. The id itself is neither stored nor exported. The event log contains a hash of
                the id if a hash key is configured.
            recommendation_id: The recommendation id of the slate. If the id is valid, the model version, variant and
                surface of the slate replace the arguments.
        """
        origin = Origin(model_version, variant, surface, None, user_id, recommendation_id)
        feedback.record_action(self.defaults, origin, action)

    def update_diversity(self, score: float) -> None:
        """Set the diversity of the model version, 0 to 1. ``score`` replaces the diversity computed from the slates."""
        model_values.set_diversity(self.defaults, score)

    def update_coverage(self, percent: float) -> None:
        """Set the catalog coverage of the model version, 0 to 100.

        ``percent`` replaces the coverage computed from the slates.
        """
        model_values.set_coverage(self.defaults, percent)

    def update_model_staleness(self, hours: float) -> None:
        """Set the current age of the model in hours. After the call, the exported age grows with time."""
        model_values.set_age(self.defaults, hours)

    def model_updated(self, at: datetime | float | None = None) -> None:
        """Set the time of the model's last update: a datetime (UTC if naive), seconds since 1970, or None for now."""
        model_values.set_update_time(self.defaults, at)


def _check_labels(**values: object) -> None:
    for name, value in values.items():
        if value is not None and (not isinstance(value, str) or label_text(value) != value):
            raise ValueError(f"{name} must be a text of 1 to 100 characters without blanks around it, not {value!r}")
