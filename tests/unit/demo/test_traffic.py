from collections import Counter
from datetime import datetime

from otel_recmon.demo.traffic import MODEL_VERSIONS, Impression, Slate, assemble_slates, catalog_size, load_impressions


def _shown(row: int, position: int, *, policy: str = "bts", campaign: str = "men") -> Impression:
    at = datetime(2019, 11, 24, 0, row)  # noqa: DTZ001 - the data name no time zone
    return Impression(row, at, campaign, policy, f"item-{row}", "shoes", position, clicked=False, propensity=0.5)


def test_the_file_has_the_documented_impressions_and_clicks() -> None:
    impressions = load_impressions()

    assert Counter(i.policy for i in impressions) == {"bts": 30_000, "random": 30_000}
    assert Counter((i.policy, i.campaign) for i in impressions if i.clicked) == {
        ("bts", "all"): 42,
        ("bts", "men"): 69,
        ("bts", "women"): 46,
        ("random", "all"): 38,
        ("random", "men"): 46,
        ("random", "women"): 46,
    }
    assert catalog_size(impressions) == 160


def test_the_first_row_is_read() -> None:
    assert load_impressions(rows=1) == [
        Impression(
            row=0,
            at=datetime(2019, 11, 24, 0, 0, 17, 4101),  # noqa: DTZ001 - the data name no time zone
            campaign="all",
            policy="bts",
            item_id="all-79",
            category="all-03",
            position=2,
            clicked=False,
            propensity=0.087125,
        )
    ]


def test_the_nth_impressions_of_all_positions_make_a_slate() -> None:
    third, first, later_first, second = _shown(0, 3), _shown(1, 1), _shown(2, 1), _shown(3, 2)

    slates = assemble_slates([third, first, later_first, second])

    assert slates == [Slate((later_first,)), Slate((first, second, third))]


def test_a_slate_has_one_campaign_and_one_policy() -> None:
    impressions = [_shown(0, 1), _shown(1, 2, policy="random"), _shown(2, 3, campaign="women")]

    assert assemble_slates(impressions) == [Slate((impression,)) for impression in impressions]


def test_a_slate_has_a_request_id_a_surface_and_a_model_version() -> None:
    slate = Slate((_shown(12, 1), _shown(5, 3)))

    said = (slate.request_id, slate.surface, slate.policy, slate.model_version, slate.at.minute)

    assert said == ("12-5", "men", "bts", "bts-2019.11", 12)


def test_no_impression_is_lost_or_sent_twice() -> None:
    slates = assemble_slates(load_impressions())

    assert sorted(i.row for slate in slates for i in slate.impressions) == list(range(60_000))
    assert [slate.at for slate in slates] == sorted(slate.at for slate in slates)
    assert {slate.policy for slate in slates} == set(MODEL_VERSIONS)


def test_conversions_need_clicks_and_are_the_same_for_any_number_of_rows() -> None:
    everything = {i.row: i.earned_cents for i in load_impressions() if i.earned_cents is not None}
    clicked = {i.row for i in load_impressions() if i.clicked}

    part = {i.row: i.earned_cents for i in load_impressions(rows=20_000) if i.earned_cents is not None}

    assert everything.keys() <= clicked
    assert part == {row: cents for row, cents in everything.items() if row < 20_000}
    assert (len(everything), sum(everything.values())) == (47, 318_851)
