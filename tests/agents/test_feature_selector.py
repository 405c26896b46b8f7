# SPDX-License-Identifier: MIT
from typing import get_args

import pytest
import torch
from torch import nn

from ns3kan.agents.feature_selection.convolution_block import ConvolutionBlock
from ns3kan.agents.feature_selection.feature_selector import FSNet, dropout
from ns3kan.agents.feature_selection.masks import POLICY_FORM, MaskDistribution
from ns3kan.agents.feature_selection.selection import FeatureSelector, feedback_cost

NAMES = get_args(MaskDistribution)


@pytest.mark.parametrize(("inputs", "outputs", "side"), [(1, 4, 8), (8, 16, 4), (32, 64, 2)])
def test_block_is_convolution_relu_and_maximum(inputs: int, outputs: int, side: int) -> None:
    torch.manual_seed(0)
    block = ConvolutionBlock(inputs, outputs, side).double()
    x = torch.randn(5, inputs * side * side, dtype=torch.float64, requires_grad=True)

    def reference() -> torch.Tensor:
        image = x.view(5, inputs, side, side)
        full = nn.functional.conv2d(image, block.weight, block.bias, padding=1)
        return nn.functional.max_pool2d(full.relu(), 2).flatten(1)

    torch.testing.assert_close(block(x), reference())
    leaves = (x, block.weight, block.bias)
    weights = torch.randn(5, outputs * side * side // 4, dtype=torch.float64)
    ours = torch.autograd.grad((block(x) * weights).sum(), leaves)
    theirs = torch.autograd.grad((reference() * weights).sum(), leaves)
    torch.testing.assert_close(ours, theirs)


def test_block_of_equal_pixels_has_the_gradient_of_the_convolution() -> None:
    # All inner outputs are equal here, so that the maximum has to choose or to share.
    torch.manual_seed(0)
    block = ConvolutionBlock(1, 4, 8).double()
    x = torch.full((1, 64), 0.5, dtype=torch.float64)
    full = nn.functional.conv2d(x.view(1, 1, 8, 8), block.weight, block.bias, padding=1)
    reference = nn.functional.max_pool2d(full.relu(), 2).sum()
    torch.testing.assert_close(
        torch.autograd.grad(block(x).sum(), block.weight),
        torch.autograd.grad(reference, block.weight),
    )


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_sixty_four_features_whatever_the_depth(layers: int) -> None:
    torch.manual_seed(0)
    net = FSNet(layers)
    assert isinstance(net, FeatureSelector)
    channels = [block.out_channels for block in net.convolutions]  # type: ignore[union-attr]
    # The paper: 4 channels of 4 × 4; 8, 16 of 2 × 2; 16, 32, 64 of 1 × 1.
    assert channels == {1: [4], 2: [8, 16], 3: [16, 32, 64]}[layers]
    output = net(torch.randn(7, 64))
    for tensor in (output.features, output.relevance, output.mask):
        assert tensor.shape == (7, 64)
    assert ((output.relevance > 0) & (output.relevance < 1)).all()


@pytest.mark.parametrize(
    ("layers", "filters", "made", "right"), [(1, 4, 128, 2), (2, 2, 32, 4), (3, 2, 16, 8)]
)
def test_wrong_filters_name_the_right_ones(
    layers: int, filters: int, made: int, right: int
) -> None:
    message = f"gives {made} features instead of 64; use filters={right}"
    with pytest.raises(ValueError, match=message):
        FSNet(layers, filters)
    assert FSNet(layers, right)(torch.zeros(1, 64)).features.shape == (1, 64)


def test_by_algorithm_1() -> None:
    """A pass, computed again from its parts."""
    torch.manual_seed(0)
    net = FSNet(distribution="normal").eval()
    images = torch.randn(6, 64)
    output = net(images)
    torch.testing.assert_close(output.features, net.feature_map(images) * output.mask)
    hidden = torch.relu(net.feature_map(images) @ net.fc1.weight.T + net.fc1.bias)
    logits = hidden @ net.fc2.weight.T + net.fc2.bias
    torch.testing.assert_close(output.relevance, 1 / (1 + torch.exp(-logits)))
    net.relu_logits = True
    torch.testing.assert_close(net(images).relevance, 1 / (1 + torch.exp(-logits.clamp(min=0))))
    assert net(images).relevance.min() == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_training_moves_the_selector(name: MaskDistribution) -> None:
    torch.manual_seed(0)
    net = FSNet(distribution=name)
    output = net(torch.randn(16, 64))
    loss = output.features.square().mean()
    if name in POLICY_FORM:
        assert output.log_prob is not None
        loss = loss + output.log_prob.mean()
    loss.backward()
    reaches_relevance = name not in ("uniform", "none")
    assert (net.fc2.weight.grad is not None) == reaches_relevance
    convolution = net.convolutions[0].weight
    assert isinstance(convolution.grad, torch.Tensor)
    assert (convolution.grad != 0).any()


def test_mean_features_are_repeatable_and_without_dropout() -> None:
    torch.manual_seed(0)
    net = FSNet(distribution="normal").train()
    images = torch.randn(4, 64)
    first = net.mean_features(images)
    torch.testing.assert_close(net.mean_features(images), first, rtol=0, atol=0)
    torch.testing.assert_close(
        first, net.feature_map(images) * net.eval()(images).relevance, rtol=0, atol=0
    )
    assert (net(images).features != net(images).features).any()


def test_dropout_keeps_the_mean() -> None:
    torch.manual_seed(0)
    net = FSNet(relu_logits=False).train()
    images = torch.randn(1, 64)
    with torch.no_grad():
        net.fc2.weight.mul_(0.1)  # where the sigmoid is nearly linear
        several = net(images.expand(20_000, -1)).relevance
        exact = net.eval()(images).relevance[0]
    assert (several.std(0) > 1e-4).all()
    torch.testing.assert_close(several.mean(0), exact, atol=2e-3, rtol=0)


def test_dropout_drops_its_share_and_scales_up_the_rest() -> None:
    torch.manual_seed(0)
    dropped = dropout(torch.ones(501, 129), 0.25)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    # Six standard deviations of a binomial share.
    bound = 6 * (0.25 * 0.75 / dropped.numel()) ** 0.5
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=bound)


def test_temperature_falls_to_its_minimum() -> None:
    net = FSNet(distribution="gumbel_softmax", temperature=2.0, temperature_decay=0.5)
    temperatures = []
    for epoch in range(6):
        net.anneal(epoch)
        temperatures.append(net.temperature)
    assert temperatures == [2.0, 1.0, 0.5, 0.25, 0.125, 0.1]
    net.anneal(0)
    assert net.temperature == 2.0


def test_feedback_cost_by_hand() -> None:
    relevance = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    feedback = torch.tensor([[1.0, 0.5], [1.0, 0.3]])
    assert float(feedback_cost(relevance, feedback)) == pytest.approx((0.25 + 0.09) / 4)
    with pytest.raises(ValueError, match=r"feedback has shape \(2, 1\) but relevance \(2, 2\)"):
        feedback_cost(relevance, feedback[:, :1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conv_layers": 0}, "conv_layers=0 must be 1, 2 or 3"),
        ({"conv_layers": 4}, "conv_layers=4 must be 1, 2 or 3"),
        ({"filters": -2}, "gives 0 features"),
        ({"distribution": "gauss"}, "no mask distribution 'gauss'"),
        ({"hidden": 0}, "hidden=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"temperature_decay": 1.5}, "temperature_decay=1.5"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FSNet(**arguments)  # type: ignore[arg-type]
