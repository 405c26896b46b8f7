# SPDX-License-Identifier: MIT
"""The explorer of a report in a real browser: its numbers are Python's, and all can use it."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_controllers import random_expression
from random_expressions import BOXES, EXPRESSIONS
from run_example import EXPRESSION, FEATURES

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.proofs.enclosure import enclose
from ns3kan.agents.equations.proofs.intervals import Interval
from ns3kan.analysis.report import write_report
from ns3kan.analysis.report.tree import explorer_data, tree
from ns3kan.analysis.report.typeset import named_sum
from ns3kan.io.numbers import number_text

# A quarter of a minute where nothing else runs.
pytestmark = pytest.mark.timeout(600)

TOLERANCE = 1e-12
EVALUATE = """(all) => all.map(([tree, rows]) => {
  const compiled = Equations.compile(tree);
  return rows.map((row) => {
    const { value, fault } = Equations.evaluate(compiled, row);
    return fault ? { fault } : { value };
  });
})"""
Rows = list[dict[str, float]]

INPUTS = [ControllerInput(name, unit, (low, high)) for name, (unit, low, high) in FEATURES.items()]
X, Y = ControllerInput("x", "1", (-1.0, 2.0)), ControllerInput("y", "s", (0.5, 3.0))
CONTROLLERS = {
    "ratio": Controller(INPUTS, [ControllerOutput("ratio", EXPRESSION, (0.0, 1.0))]),
    "ratios": Controller(
        [X, Y],
        [ControllerOutput("near", "x*y", (0.0, 1.0)), ControllerOutput("far", "2 - y", (0.0, 2.0))],
    ),
    "softmax": Controller(
        [X, Y],
        [ControllerOutput(f"path_{i}", f"{i}*x - y^{i} + sin(x)") for i in range(3)],
        "softmax",
    ),
    "argmax": Controller(
        [X, Y], [ControllerOutput(f"class_{i}", f"cos({i}*x) + y/{i}") for i in (1, 2, 3)], "argmax"
    ),
    "index": Controller(
        [ControllerInput("queue_length", "1", (0.0, 40.0)), X, Y],
        [ControllerOutput("index", "queue_length^0.3*(abs(x) + 2)/(y + 0.008)")],
        "index",
    ),
    "constant": Controller([X], [ControllerOutput("ratio", "0.25", (0.0, 1.0))]),
    "undefined": Controller([X], [ControllerOutput("ratio", "1/x", (0.0, 1.0))]),
    "many": Controller(
        [ControllerInput(f"pixel_{i}", "1", (0.0, 1.0)) for i in range(784)],
        [
            ControllerOutput(
                f"class_{c}",
                " + ".join(f"{1 + (i * (c + 7)) % 13}*tanh(pixel_{i})" for i in range(784)),
            )
            for c in range(3)
        ],
        "argmax",
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def opened(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Opened]]:
    """Open the page of one of the controllers, each once; no complaint by the end."""
    pages: dict[str, Opened] = {}

    def open_one(kind: str) -> Opened:
        if kind not in pages:
            folder = tmp_path_factory.mktemp(kind)
            CONTROLLERS[kind].save(folder / "controller.json")
            pages[kind] = Opened(browser, write_report(folder))
        return pages[kind]

    yield open_one
    for one in pages.values():
        assert one.complaints == []
        assert one.requests == [one.page.url]
        one.close()


def in_page(page: Any, cases: list[tuple[Expression, Rows]]) -> list[list[dict[str, Any]]]:
    return page.evaluate(EVALUATE, [[tree(expression), rows] for expression, rows in cases])


def compare(page: Any, cases: list[tuple[Expression, Rows]]) -> tuple[int, int]:
    """Hold the page to Python; say at how many points, and at how many of them to 1e-12.

    As between all evaluations of this project, interval arithmetic says what two of them may
    differ by (see ns3kan.agents.equations.proofs.intervals): at a point where an expression has a
    value for sure the page's lies within its bounds, and where these are closer than 1e-12,
    relative to the value, it agrees with Python's to that. Elsewhere the expression itself loses
    the digits.
    """
    points = agreeing = 0
    for (expression, rows), found in zip(cases, in_page(page, cases), strict=True):
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        bounds = enclose(expression, {name: Interval.of(value) for name, value in columns.items()})
        low, high = bounds.value.low, bounds.value.high
        sure = (bounds.excess == 0) & np.isfinite(low) & np.isfinite(high)
        expected = expression.evaluate({name: value[sure] for name, value in columns.items()})
        values = np.array([one.get("value", np.nan) for one in found])[sure]
        assert ((low[sure] <= values) & (values <= high[sure])).all()
        close = (high - low)[sure] <= TOLERANCE * np.abs(expected)
        assert (np.abs(values - expected) <= TOLERANCE * np.abs(expected))[close].all()
        points, agreeing = points + len(values), agreeing + int(close.sum())
    return points, agreeing


def test_numbers_are_written_as_everywhere(opened: Callable[[str], Opened]) -> None:
    generator = np.random.default_rng(6)
    sizes = 10 ** generator.uniform(-12, 14, 300) * generator.choice([-1, 1], 300)
    values = [*sizes.tolist(), *range(-3, 4), 1e5, 999999.5, 1e6, 1e9, 1e-4, 0.000099999996, 5e-324]
    page = opened("ratio").page
    assert page.evaluate("(all) => all.map(shown)", values) == [number_text(v) for v in values]


def test_random_expressions_have_pythons_values(opened: Callable[[str], Opened]) -> None:
    generator = np.random.default_rng(11)
    box = {"load": (0.1, 2.0), "delay": (-1.0, 1.0), "x_1": (0.5, 3.0)}
    cases = []
    for number in range(150):
        text = random_expression(generator, tuple(box), 2 + number % 3)
        rows = [{n: generator.uniform(*ends) for n, ends in box.items()} for _ in range(20)]
        cases.append((parse(text, tuple(box)), rows))
    points, agreeing = compare(opened("ratio").page, cases)
    # Most points have a value, and most values keep their digits; else nothing was compared.
    assert points > 0.5 * 150 * 20
    assert agreeing > 0.5 * points


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(EXPRESSIONS, BOXES, st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8))
def test_any_expression_has_pythons_values(
    opened: Callable[[str], Opened],
    expression: Expression,
    box: dict[str, tuple[float, float]],
    shares: list[float],
) -> None:
    rows = [{n: low + share * (high - low) for n, (low, high) in box.items()} for share in shares]
    compare(opened("ratio").page, [(expression, rows)])


@pytest.mark.parametrize(
    "text",
    [
        "1/x",
        "x/x",
        "x^-1",
        "0*(1/x)",
        "min(1, 1/x)",
        "log(x)",
        "log(x - 1)",
        "sqrt(x - 1)",
        "exp(1000 + x)",
        "exp(1000 + x) - exp(1000 + x)",
        "1/(1 + exp(1000 + x))",
        "1^log(x - 1)",
        "(x - 1)^exp(1000)",
        "(x - 2)^0.5",
        "(x - 2)^3",
        "x^-0",
        "x^-0^-0",
        "0^x",
        "-2^2 + x",
        "2^3^2 - x",
        "8/2/2*x - 3 - 2",
        "max(x, log(x - 1), 3)",
        "sin(exp(1000 + x))",
        "tanh(exp(1000 + x))",
        "max(x, -1, 2)*min(3, x + 1, 7)",
    ],
)
def test_the_edges_of_arithmetic_are_pythons(opened: Callable[[str], Opened], text: str) -> None:
    expression = parse(text, ["x"])
    [[found]] = in_page(opened("ratio").page, [(expression, [{"x": 0.0}])])
    try:
        expected = {"value": float(expression.evaluate({"x": np.array(0.0)}))}
    except EvaluationError as error:
        expected = {"fault": error.reason}
    assert found == expected


@pytest.mark.parametrize("kind", ["ratio", "ratios", "softmax", "argmax", "index"])
def test_decisions_are_pythons(opened: Callable[[str], Opened], kind: str) -> None:
    controller = CONTROLLERS[kind]
    components = 3 if kind == "index" else 1
    low, high = np.transpose([one.range for one in controller.inputs])
    rows = np.random.default_rng(5).uniform(low, high, (200, components, len(low)))
    states = [
        [dict(zip(controller.input_names, state, strict=True)) for state in row]
        for row in rows.tolist()
    ]
    found = opened(kind).page.evaluate(
        "(all) => all.map((states) => explorers[0].decide(states))", states
    )
    expected = controller(rows if kind == "index" else rows[:, 0])
    if controller.decision in ("ratio", "softmax"):
        # Sums of a few terms of moderate size: their values are known to some 1e-15.
        numbers = [one["numbers"] for one in found]
        np.testing.assert_allclose(numbers, expected, rtol=TOLERANCE)
    else:
        assert [one["chosen"] for one in found] == list(expected)


def state_of(page: Any) -> dict[str, float]:
    """Values of the sliders, with all their digits."""
    return page.evaluate(
        """() => Object.fromEntries([...explorers[0].sliders].map(([name, { exact }]) =>
          [name, Number(exact.dataset.value)]))"""
    )


def shown_ratio(page: Any) -> float:
    return float(page.locator(".decision data").get_attribute("value"))


def check_ratio(page: Any) -> dict[str, float]:
    """Hold what is shown to what the controller decides at the sliders; return these."""
    state = state_of(page)
    row = [state.get(name, 0.0) for name in CONTROLLERS["ratio"].input_names]
    expected = float(CONTROLLERS["ratio"](row)[0])
    assert shown_ratio(page) == pytest.approx(expected, rel=TOLERANCE)
    shown = page.locator(".decision data").inner_text().replace("−", "-")
    assert float(shown) == pytest.approx(expected, rel=1e-3)
    return state


def test_sliders_move_by_keyboard_mouse_and_number(opened: Callable[[str], Opened]) -> None:
    page = opened("ratio").page
    before = check_ratio(page)
    slider = page.get_by_label("load", exact=True)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    after = check_ratio(page)
    _, low, high = FEATURES["load"]
    assert after["load"] == pytest.approx(before["load"] + 5 * (high - low) / 200)
    assert slider.get_attribute("aria-valuetext") == f"{after['load']:.4g}"
    page.keyboard.press("End")
    assert check_ratio(page)["load"] == high

    slider = page.get_by_label("internet_delay s", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    _, low, high = FEATURES["internet_delay"]
    dragged = check_ratio(page)["internet_delay"]
    # The knob's half width keeps its middle from the ends of the track.
    assert dragged == pytest.approx(low + (high - low) / 4, abs=0.04 * (high - low))

    exact = page.get_by_label("load, exact value")
    exact.fill("7.25")
    exact.press("Enter")
    assert check_ratio(page)["load"] == 7.25
    assert page.get_by_text("outside the range seen in training").first.is_visible()
    page.get_by_role("button", name="Back to the middle").click()
    assert check_ratio(page) == before


def test_the_map_moves_two_features_and_colours_their_values(
    opened: Callable[[str], Opened],
) -> None:
    page = opened("ratio").page
    page.get_by_label("up", exact=True).select_option("mpls_utilisation")
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    before, label = state_of(page), canvas.get_attribute("aria-label")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    after = check_ratio(page)
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"load", "mpls_utilisation"}
    for name in moved:
        _, low, high = FEATURES[name]
        assert after[name] == pytest.approx(low + 0.75 * (high - low), abs=0.01 * (high - low))
    assert canvas.get_attribute("aria-label") != label
    # Each cell has the colour of the equation's value at its middle.
    shares = np.linspace(0.1, 0.9, 5).tolist()
    colours = page.evaluate(
        """(shares) => { const bands = Array.from({ length: Region.BANDS }, (_, i) =>
             Region.ramp((i + 0.5) / Region.BANDS));
           return shares.flatMap((x) => shares.map((y) =>
             bands.indexOf(explorers[0].colourAt(x, y)))); }""",
        shares,
    )
    expected = []
    for x in shares:
        for y in shares:
            values = {**dict.fromkeys(FEATURES, 0.0), **after}
            for name, share in (("load", x), ("mpls_utilisation", y)):
                _, low, high = FEATURES[name]
                values[name] = low + share * (high - low)
            ratio = float(CONTROLLERS["ratio"]([values[name] for name in FEATURES])[0])
            expected.append(min(math.floor(ratio * 12), 11))
    assert colours == expected


def test_terms_add_up_to_the_sum_they_are_of(opened: Callable[[str], Opened]) -> None:
    page = opened("ratio").page
    values = page.locator(".terms data").evaluate_all("all => all.map((one) => Number(one.value))")
    inner = named_sum(CONTROLLERS["ratio"].expressions[0])
    assert inner is not None
    state = {name: np.array(value) for name, value in state_of(page).items()}
    expected = float(Expression(inner).evaluate(state))
    assert len(values) == 1 + len(inner.rest)
    assert sum(values) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert "the sum of" in page.locator(".terms caption").inner_text()


def test_factors_of_an_index_and_its_components(opened: Callable[[str], Opened]) -> None:
    page = opened("index").page
    factors = page.locator(".terms data").evaluate_all("all => all.map((one) => Number(one.value))")
    shown = page.locator("[data-part=numbers] data").evaluate_all(
        "all => all.map((one) => Number(one.value))"
    )
    assert math.prod(factors) == pytest.approx(shown[0], rel=1e-12)
    # Serving another component is a choice in the same table.
    page.get_by_role("radio", name="component 3").check()
    page.get_by_label("queue_length", exact=True).press("End")
    page.get_by_label("y s", exact=True).press("Home")
    assert page.locator(".decision data").get_attribute("value") == "2"
    assert page.locator("tr.chosen th").inner_text() == "component 3"


def test_what_has_no_value_is_said(opened: Callable[[str], Opened]) -> None:
    page = opened("undefined").page
    page.get_by_label("x, exact value").fill("0")
    page.get_by_label("x, exact value").press("Enter")
    assert page.get_by_role("status").inner_text() == "No decision: ratio divides by zero"
    page.get_by_label("x, exact value").fill("2")
    page.get_by_label("x, exact value").press("Enter")
    assert shown_ratio(page) == 0.5


def test_a_constant_needs_no_slider(opened: Callable[[str], Opened]) -> None:
    page = opened("constant").page
    assert shown_ratio(page) == 0.25
    assert page.get_by_role("slider").count() == 0
    assert not page.locator("canvas").is_visible()


def test_hundreds_of_inputs_stay_usable(opened: Callable[[str], Opened]) -> None:
    page = opened("many").page
    assert page.get_by_role("slider").count() == 12
    assert page.locator(".terms tr").count() == 17
    page.get_by_label("784 features").fill("pixel_77")
    names = [f"pixel_{number}" for number in (77, *range(770, 780))]
    assert page.get_by_role("slider").count() == len(names)
    values = dict.fromkeys(CONTROLLERS["many"].input_names, 0.5)
    for name in names[:2]:
        page.get_by_label(name, exact=True).press("End")
        values[name] = 1.0
    scores = page.locator("[data-part=numbers] data").evaluate_all(
        "all => all.map((one) => Number(one.value))"
    )
    columns = {name: np.array(value) for name, value in values.items()}
    expected = [float(one.evaluate(columns)) for one in CONTROLLERS["many"].expressions]
    # 784 positive terms: the rounding of their sum is below 784 * 1.1e-16.
    np.testing.assert_allclose(scores, expected, rtol=TOLERANCE)
    # Those that move the outputs most stand first.
    first = explorer_data(CONTROLLERS["many"])["inputs"][0]["name"]
    weights = {f"pixel_{i}": sum(1 + (i * (c + 7)) % 13 for c in range(3)) for i in range(784)}
    assert weights[first] == max(weights.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_full_page_on_a_phone(browser: Any, full_report: Path, scheme: str) -> None:
    phone = Opened(
        browser, full_report, viewport={"width": 360, "height": 740}, color_scheme=scheme
    )
    page = phone.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # What is read in figures is as large as small print: 10 px.
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("figure svg")].filter((svg) => svg.clientWidth)
          .flatMap((svg) => [...svg.querySelectorAll("text")].map((text) =>
            parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a))"""
    )
    assert len(sizes) > 50
    assert min(sizes) >= 10.0
    for text, ground in [("--ink", "--paper"), ("--soft", "--wash"), ("--equation", "--paper")]:
        assert contrast(page, text, ground) >= 4.5, (text, ground)
    assert (luminance(page, "--paper") < 0.5) == (scheme == "dark")
    assert phone.complaints == []
    assert phone.requests == [page.url]
    phone.close()


def luminance(page: Any, name: str) -> float:
    """Relative luminance of a colour of the page, as WCAG 2.2 defines it."""
    code = page.evaluate("(name) => Region.variable(name)", name)
    parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page: Any, text: str, ground: str) -> float:
    dark, light = sorted((luminance(page, text), luminance(page, ground)))
    return (light + 0.05) / (dark + 0.05)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    opened: Callable[[str], Opened],
) -> None:
    page = opened("softmax").page
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, button, canvas, [tabindex]")]
          .filter((one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    wanted = page.evaluate(
        """() => [...document.querySelectorAll(
            "a[href], input, select, button, summary, [tabindex='0']")]
          .filter((one) => one.checkVisibility()).length"""
    )
    page.locator("body").press("Tab")
    seen: list[str] = []
    for _ in range(wanted):
        seen.append(
            page.evaluate(
                """() => { const one = document.activeElement;
                  const outline = getComputedStyle(one);
                  return outline.outlineStyle === "none" || !parseFloat(outline.outlineWidth)
                    ? `no outline: ${one.outerHTML}` : one.outerHTML; }"""
            )
        )
        page.keyboard.press("Tab")
    assert not [one for one in seen if one.startswith("no outline")]
    assert len(set(seen)) == wanted


def test_two_runs_have_explorers_of_their_own(browser: Any, tmp_path: Path) -> None:
    for name in ("ratios", "argmax"):
        (tmp_path / name).mkdir()
        CONTROLLERS[name].save(tmp_path / name / "controller.json")
    file = write_report([tmp_path / "ratios", tmp_path / "argmax"])
    assert file == tmp_path / "report.html"
    both = Opened(browser, file)
    assert both.page.locator(".explorer").count() == 2
    second = both.page.locator(".explorer").nth(1)
    first_says = both.page.locator(".explorer").first.inner_text()
    second.get_by_label("x", exact=True).press("End")
    row = [X.range[1], sum(Y.range) / 2]
    assert second.locator(".decision data").get_attribute("value") == str(
        int(CONTROLLERS["argmax"](row))
    )
    assert both.page.locator(".explorer").first.inner_text() == first_says
    ids = both.page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert both.complaints == []
    both.close()


def test_the_json_of_a_controller_is_plain() -> None:
    data = explorer_data(CONTROLLERS["index"])
    assert json.loads(json.dumps(data, allow_nan=False)) == json.loads(json.dumps(data))
    assert data["outputs"][0]["terms"]["texts"] == [
        "queue_length^0.3",
        "abs(x) + 2",
        "y + 0.008",
    ]
