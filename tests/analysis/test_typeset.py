# SPDX-License-Identifier: MIT
from xml.etree import ElementTree

import pytest
from run_example import FEATURES

from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.analysis.report.typeset import to_mathml


def spoken(expression: str) -> str:
    """Return the formula as a flat text that keeps fractions, powers and indices apart."""

    def walk(node: ElementTree.Element) -> str:
        parts = [walk(child) for child in node]
        match node.tag:
            case "mfrac":
                return "[{}/{}]".format(*parts)
            case "msup":
                return "{}^[{}]".format(*parts)
            case "msub":
                return "{}_{}".format(*parts)
            case "msqrt":
                return "sqrt[{}]".format("".join(parts))
            case "mtr":
                return "".join(parts) + ";"
        return (node.text or "").replace("\u2062", " ").replace("\u2061", "") + "".join(parts)

    names = (*FEATURES, "observation_3")
    return walk(ElementTree.fromstring(to_mathml(parse(expression, names), "ratio")))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("0.3*load^2 + 0.1", "ratio=0.3 load^[2]+0.1;"),
        ("-0.5*load + -0.25*internet_delay", "ratio=−0.5 load−0.25 delay_internet;"),
        ("load - (-mpls_loss)", "ratio=load+loss_mpls;"),
        ("load - (load_delta - 1)", "ratio=load−(Δ_load−1);"),
        ("(load + 1)*(load - 1)", "ratio=(load+1) (load−1);"),
        ("2*(-load)", "ratio=2 (−load);"),
        ("load*3", "ratio=load·3;"),
        ("exp(load)^2", "ratio=(e^[load])^[2];"),
        ("-2^2", "ratio=−2^[2];"),
        ("(load/2)^2", "ratio=([load/2])^[2];"),
        ("1/(1 + 2^-load)", "ratio=[1/1+2^[−load]];"),
        ("1e-7*observation_3", "ratio=1·10^[−7] observation_3;"),
        ("sqrt(abs(load)) - log(load)", "ratio=sqrt[|load|]−ln(load);"),
        ("exp(-(load - 1)^2)", "ratio=exp(−(load−1)^[2]);"),
        ("exp(-(load/2))", "ratio=exp(−[load/2]);"),
        ("max(load, 0.2, 1)", "ratio=max(load,0.2,1);"),
        ("1 + load + load^2", "ratio=1;+load;+load^[2];"),
        (
            "1/(1 + exp(-(1 - load + 2*mpls_loss)))",
            "ratio=[1/1+e^[−z]];z=1;−load;+2 loss_mpls;",
        ),
    ],
)
def test_sets_what_is_written(expression: str, text: str) -> None:
    assert spoken(expression) == text


def test_constants_have_the_digits_that_people_read() -> None:
    assert spoken("-0.8287714356351842*load") == "ratio=−0.828771 load;"
    assert spoken("1.1269769999999999e-12*load") == "ratio=1.12698·10^[−12] load;"
