# SPDX-License-Identifier: MIT
"""Moving a KAN's grids to where its inputs lie, without changing what it computes there."""

import torch
from torch import Tensor

from ns3kan.agents.networks.kan.layer import Kan, KanLayer
from ns3kan.errors import InputError

# Weight of the points spread over the new grid, relative to the data: enough to determine the
# coefficients where no data lies, too little to matter where some does.
_BACKGROUND = 1e-3
_BACKGROUND_POINTS = 32
# A grid becomes no narrower than this share of what it was, so that an input that happens to stand
# still (a dead pixel) keeps a grid that it can move in.
_NARROWEST = 0.05


def update_grid(layer: KanLayer, x: Tensor, margin: float = 0.01) -> float:
    """Give each input of a layer the grid that its samples need, and refit the coefficients.

    The new grid of input i reaches from the lowest to the highest of its samples. The new
    coefficients of its edges are the least-squares fit to the old splines at the samples (and, with
    a weight of 0.001, at points spread over the new grid); the silu branch stays as it is.

    Parameters
    ----------
    layer
        Changed in place.
    x
        Samples of the inputs, shape (samples, in_features).
    margin
        By what share of the width of a grid it reaches beyond the samples, on either side.

    Returns
    -------
    float
        Largest change of an edge function at a sample.

    Raises
    ------
    ValueError
        If ``x`` has another shape, no rows, or values that are not finite.

    References
    ----------
    Liu et al. 2024, "KAN: Kolmogorov-Arnold networks", section 2.4 and appendix A.
    """
    if x.ndim != 2 or x.shape[1] != layer.in_features or not len(x):
        raise InputError(
            f"Samples for the grid of a KAN layer have shape {tuple(x.shape)}; give "
            f"(samples, {layer.in_features})."
        )
    if not x.isfinite().all():
        raise InputError("Samples for the grid of a KAN layer are not all finite.")
    with torch.no_grad():
        fitted = KanLayer(
            layer.in_features,
            layer.out_features,
            layer.grid,
            layer.order,
            layer.low,
            layer.high,
            layer.outside,
        )
        fitted.to(layer.weight.device, torch.float64)
        fitted.load_state_dict({k: v.double() for k, v in layer.state_dict().items()})
        samples = x.detach().double()
        lows, highs = _ranges(fitted, samples, margin)
        points = torch.linspace(0.0, 1.0, _BACKGROUND_POINTS, dtype=samples.dtype)
        background = lows + points.to(samples)[:, None] * (highs - lows)
        rows = torch.cat((samples, background))
        weights = torch.ones(len(rows), 1, dtype=samples.dtype, device=samples.device)
        weights[len(samples) :] = (_BACKGROUND * len(samples) / _BACKGROUND_POINTS) ** 0.5

        # (in, rows, bases) times (in, bases, out) are the splines of all edges, (in, rows, out).
        target = _bases(fitted, rows) @ fitted.coefficients.permute(1, 2, 0)
        fitted.set_grid(lows, highs)
        bases = _bases(fitted, rows)
        solution = torch.linalg.lstsq(weights * bases, weights * target, driver="gelsd").solution
        change = (bases @ solution - target)[:, : len(samples)].abs().max()
        layer.coefficients.copy_(solution.permute(2, 0, 1))
        layer.set_grid(lows, highs)
    return float(change)


def update_grids(network: Kan, x: Tensor, margin: float = 0.01) -> float:
    """Update the grids of all layers from inputs (samples, inputs) of the first.

    Returns the largest change of an output at a sample; see `update_grid`.
    """
    with torch.no_grad():
        before = network(x)
        inputs = x
        for layer in network.layers:
            update_grid(layer, inputs, margin)
            inputs = layer(inputs)
        return float((inputs - before).abs().max())


def _ranges(layer: KanLayer, samples: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    lows, highs = samples.amin(0), samples.amax(0)
    if layer.ranges is None:
        before = torch.full_like(lows, layer.high - layer.low)
    else:
        before = layer.ranges[1] - layer.ranges[0]
    missing = (_NARROWEST * before - (highs - lows)).clamp_min(0.0)
    reach = margin * (highs - lows) + missing / 2
    return lows - reach, highs + reach


def _bases(layer: KanLayer, x: Tensor) -> Tensor:
    """B-splines of inputs (rows, in), without the silu branch: (in, rows, grid + order)."""
    features = layer.features(x.t()).view(-1, layer.in_features, len(x))
    return features[:-1].permute(1, 2, 0)
