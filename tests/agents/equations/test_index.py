# SPDX-License-Identifier: MIT
import math

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    Feature,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.equations.reading.index import Factor, ProductIndex, Reading, read_index

NAMES = ("q", "y", "mu")
INDEX = ProductIndex(
    NAMES,
    (
        Factor("min(q, y)", 1, 1.0, 0.0),
        Factor("q", 1, 0.42, 1.73),
        Factor("mu", -1, 1.03, 0.22),
    ),
)


def states(count: int = 200, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, 40, count), rng.integers(0, 6, count), rng.uniform(0.1, 3, count)
    return np.stack(columns, -1).astype(float)


def test_text_and_values() -> None:
    assert str(INDEX) == "min(q, y)*(q + 1.73)^0.42/(mu + 0.22)^1.03"
    q, y, mu = states().T
    expected = np.minimum(q, y) * (q + 1.73) ** 0.42 / (mu + 0.22) ** 1.03
    np.testing.assert_allclose(INDEX(states()), expected, rtol=1e-12)
    # min, q, y, * ; +, q, 1.73, ^, 0.42; / ; +, mu, 0.22, ^, 1.03
    assert INDEX.nodes == 15
    only_repelling = ProductIndex(NAMES, INDEX.factors[2:])
    assert str(only_repelling) == "1/(mu + 0.22)^1.03"


@pytest.mark.parametrize(("exponent", "offset"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.3), (2.5, 1.5)])
def test_a_product_of_features_is_one_base_and_one_divisor(exponent: float, offset: float) -> None:
    index = ProductIndex(
        NAMES, (Factor("q*y", 1, exponent, offset), Factor("mu*mu", -1, exponent, offset))
    )
    q, y, mu = states().T
    expected = ((q * y + offset) / (mu * mu + offset)) ** exponent
    np.testing.assert_allclose(index(states()), expected, rtol=1e-12)


def test_constants_round_trip() -> None:
    assert np.exp(INDEX.constants) == pytest.approx([0.42, 1.73, 1.03, 0.22])
    same = INDEX.with_constants(INDEX.constants)
    np.testing.assert_allclose(same(states()), INDEX(states()), rtol=1e-12)
    other = INDEX.with_constants(np.log([0.5, 2.0, 3.0, 0.25])).rounded(6)
    assert str(other) == "min(q, y)*(q + 2.0)^0.5/(mu + 0.25)^3.0"
    assert [factor.direction for factor in other.factors] == [1, 1, -1]
    assert ProductIndex(NAMES, INDEX.factors[:1]).constants.size == 0
    rough = INDEX.with_constants(np.log([0.4234, 1.7777, 1.0311, 0.2222]))
    assert str(rough.rounded(2)) == "min(q, y)*(q + 1.8)^0.42/(mu + 0.22)"


def test_raising_to_a_power_changes_no_decision() -> None:
    raised = INDEX.raised(1 / 0.42, 1)
    assert raised.factors[1].exponent == 1
    assert raised.factors[0].exponent == pytest.approx(1 / 0.42)
    values = INDEX(states(4000)).reshape(1000, 4)
    after = raised(states(4000)).reshape(1000, 4)
    clear = np.sort(values)[:, -1] > np.sort(values)[:, -2] * (1 + 1e-9)
    assert clear.sum() > 900
    assert np.array_equal(values.argmax(1)[clear], after.argmax(1)[clear])


def test_simpler_indices() -> None:
    texts = sorted(str(each) for each in INDEX.simpler())
    assert texts == sorted(
        [
            "(q + 1.73)^0.42/(mu + 0.22)^1.03",
            "min(q, y)/(mu + 0.22)^1.03",
            "min(q, y)*(q + 1.73)^0.42",
            # One exponent is 1 already, so that another one cannot be saved for nothing.
            "min(q, y)*(q + 1.73)/(mu + 0.22)^1.03",
            "min(q, y)*(q + 1.73)^0.42/(mu + 0.22)",
            # An offset that keeps a divisor from 0 stays.
            "min(q, y)*q^0.42/(mu + 0.22)^1.03",
        ]
    )
    assert all(each.nodes < INDEX.nodes for each in INDEX.simpler())
    (single,) = ProductIndex(NAMES, (Factor("q", 1, 2.0, 0.0),)).simpler()
    assert str(single) == "q"
    assert single.simpler() == []
    # With no exponent of 1, saving one raises all others, and so changes nothing.
    free = ProductIndex(NAMES, (Factor("q", 1, 2.0, 0.0), Factor("y", 1, 4.0, 0.0)))
    assert {str(each) for each in free.simpler()} == {"q^2.0", "y^4.0", "q*y^2.0", "q^0.5*y"}


def fitted(encoding: Encoding, target: np.ndarray, points: np.ndarray) -> SwitchTypeKan:
    """A network whose f is the logarithm of an index, up to a constant."""
    torch.manual_seed(0)
    network = SwitchTypeKan(encoding, grid=10).double()
    prepared = network.prepare(torch.from_numpy(points))
    signs = np.repeat(encoding.directions, network.grid + 2)
    ones = np.ones((len(points), 1))
    found, _ = nnls(np.hstack((prepared.numpy() * signs, ones, -ones)), np.log(target))
    with torch.no_grad():
        increments = torch.from_numpy(found[:-2]).clamp_min(1e-6)
        network.raw_increments.copy_(increments.expm1().log().view_as(network.raw_increments))
        network.bias.fill_(found[-2] - found[-1])
        error = network.evaluate(prepared) - torch.from_numpy(np.log(target))
    assert float(error.square().mean()) < 1e-3
    return network


ENCODING = Encoding(
    (Feature("q", 1, 40.0, 1.0), Feature("y", 1, 6.0, 1.0), Feature("mu", -1, 3.0, 0.1)),
    (Combination("minimum", "q", "y", 6.0, 0.3),),
)


def test_a_known_index_is_read_out() -> None:
    points = states(4000)
    known = ProductIndex(
        NAMES,
        (
            Factor("q", 1, 0.6, 2.0),
            Factor("mu", -1, 0.9, 0.3),
            Factor("min(q, y)", 1, 1.5, 0.5),
        ),
    )
    reading = read_index(fitted(ENCODING, known(points), points), points)
    index = reading.index
    assert index.names == NAMES
    assert [(factor.term, factor.direction) for factor in index.factors] == [
        ("q", 1),
        ("mu", -1),
        ("min(q, y)", 1),
    ]
    # The strongest one has the exponent 1.
    assert [factor.exponent for factor in index.factors] == pytest.approx([0.4, 0.6, 1], rel=0.1)
    assert [factor.offset for factor in index.factors] == pytest.approx([2.0, 0.3, 0.5], rel=0.25)
    assert index.factors[2].exponent == 1
    assert set(reading.r_squared) == {"q", "mu", "min(q, y)"}
    assert min(reading.r_squared.values()) > 0.99
    assert reading.shares["min(q, y)"] == 1
    assert reading.shares["y"] < 0.03
    # It decides as the network does.
    held_out = states(4000, seed=1)
    chosen = index(held_out).reshape(1000, 4).argmax(1)
    best = known(held_out).reshape(1000, 4)
    assert (best[np.arange(1000), chosen] > 0.98 * best.max(1)).mean() > 0.98


@pytest.mark.parametrize("encoding", [single_hop_encoding(True), multi_path_encoding(True)])
def test_what_is_read_of_any_network_has_its_directions(encoding: Encoding) -> None:
    torch.manual_seed(3)
    network = SwitchTypeKan(encoding)
    with torch.no_grad():
        network.raw_increments.normal_(-1.0, 2.0)
    rng = np.random.default_rng(0)
    points = rng.integers(0, 20, (500, len(encoding.features))).astype(float)
    reading: Reading = read_index(network, points)
    known = dict(zip(encoding.names, encoding.directions, strict=True))
    for factor in reading.index.factors:
        assert factor.direction == known[factor.term]
        assert factor.exponent > 0
        assert factor.offset > 0
    assert sum(factor.exponent == 1 for factor in reading.index.factors) == 1
    assert all(math.isfinite(value) for value in reading.r_squared.values())


def test_one_state_has_no_index() -> None:
    with pytest.raises(ValueError, match="the same in all states; train it first"):
        read_index(SwitchTypeKan(single_hop_encoding()), np.ones((5, 2)))
