"""The drawing of the import map by tools/layered_drawing.py."""

import xml.etree.ElementTree as ET

import pytest
from layered_drawing import Box, Graph, Layout, draw, parts_by_row, pieces, reduced, row_numbers

SVG = "{http://www.w3.org/2000/svg}"


def graph(**arrows: str) -> Graph:
    """Return a graph: each name with the one-letter names its arrows point to."""
    return {name: frozenset(ends) for name, ends in arrows.items()}


CHAIN_AND_LEAF = graph(a="bd", b="c", c="d", d="", e="c")
"""The path over b and c implies the arrow from a to d."""


class TestRows:
    def test_an_arrow_implied_by_a_longer_path_is_left_out(self) -> None:
        assert reduced(CHAIN_AND_LEAF) == graph(a="b", b="c", c="d", d="", e="c")

    def test_a_box_is_below_its_arrows_and_a_top_is_right_above_its_targets(self) -> None:
        assert row_numbers(CHAIN_AND_LEAF) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 1}

    def test_a_box_without_arrows_is_in_the_top_row(self) -> None:
        assert row_numbers(graph(a="b", b="", z="")) == {"a": 0, "b": 1, "z": 0}

    def test_arrows_to_one_target_share_their_bends(self) -> None:
        row = {"a": 0, "b": 0, "m": 1, "z": 3}
        links = pieces(graph(a="z", b="z", m="z", z=""), row)

        assert links == [("a", "z@1"), ("b", "z@1"), ("m", "z@2"), ("z@1", "z@2"), ("z@2", "z")]
        assert parts_by_row(row, links) == [["a", "b"], ["m", "z@1"], ["z@2"], ["z"]]


class TestLayout:
    TANGLED = Layout(
        [["a", "b", "c"], ["x", "y", "z"]], [("a", "z"), ("b", "y"), ("c", "x")], dict.fromkeys("abcxyz", 10)
    )

    def test_the_cost_is_the_crossings_and_then_the_lean_of_the_arrows(self) -> None:
        assert self.TANGLED.cost({"a": 0, "b": 10, "c": 20, "x": 0, "y": 10, "z": 20}) == (3, 40)

    def test_the_best_layout_has_no_crossings_and_vertical_arrows(self) -> None:
        places = self.TANGLED.best()

        assert self.TANGLED.cost(places) == (0, 0)

    def test_a_bend_resists_leaning_more_than_a_box(self) -> None:
        layout = Layout([["a"], ["x@1"], ["x@2"], ["x"]], [("a", "x@1"), ("x@1", "x@2"), ("x@2", "x")], {})

        assert [layout.cost({"a": a, "x@1": b, "x@2": 0, "x": 0}) for a, b in [(1, 0), (0, 1)]] == [(0, 8), (0, 72)]

    def test_boxes_of_a_row_keep_their_order_and_a_gap(self) -> None:
        layout = Layout([["a", "b", "c"]], [], {"a": 10, "b": 30, "c": 10})

        assert layout.spaced(["a", "b", "c"], {"a": 0, "b": 0, "c": 500}) == {"a": -22, "b": 22, "c": 500}


class TestDrawing:
    @pytest.fixture
    def picture(self) -> ET.Element:
        boxes = {name: Box(f"{name}.py", f"<{name}>") for name in "abcd"}
        return ET.fromstring(draw(graph(a="bcd", b="c", c="d", d=""), boxes, ["How", "to read it"]))

    def test_its_size_fits_the_boxes_and_the_caption(self, picture: ET.Element) -> None:
        assert {name: picture.get(name) for name in ("width", "height", "viewBox", "aria-label")} == {
            "width": "84",
            "height": "280",
            "viewBox": "0 0 84 280",
            "aria-label": "How to read it",
        }

    def test_boxes_have_a_label_and_a_tooltip(self, picture: ET.Element) -> None:
        groups = picture.findall(f"{SVG}g")

        assert [[part.text for part in group] for group in groups] == [
            [f"<{name}>", None, f"{name}.py"] for name in "abcd"
        ]
        assert [group[1].attrib for group in groups] == [
            {"x": "12", "y": str(y), "width": "60", "height": "28", "rx": "5"} for y in (12, 70, 128, 186)
        ]

    def test_arrows_lead_from_box_to_box(self, picture: ET.Element) -> None:
        assert [path.attrib for path in picture.findall(f"{SVG}path")] == [
            {"d": f"M42 {y}C42 {y + 15} 42 {y + 15} 42 {y + 30}", "marker-end": "url(#arrow)"} for y in (40, 98, 156)
        ]

    def test_the_caption_stands_below(self, picture: ET.Element) -> None:
        assert [(text.text, text.get("y")) for text in picture.findall(f"{SVG}text")] == [
            ("How", "244"),
            ("to read it", "262"),
        ]

    def test_only_the_last_piece_of_an_arrow_has_a_head(self) -> None:
        boxes = {name: Box(name, name) for name in "abcdy"}
        picture = ET.fromstring(draw(graph(a="by", b="c", c="d", d="", y="d"), boxes, []))

        heads = [path.get("marker-end") for path in picture.findall(f"{SVG}path")]
        assert (heads.count(None), heads.count("url(#arrow)")) == (1, 5)
