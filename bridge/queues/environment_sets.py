# SPDX-License-Identifier: MIT
"""Sets of queue environments, kept in files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.model import Problem
from ns3kan.bridge.queues.multi_path import MultiPathVectorEnv
from ns3kan.bridge.queues.single_hop import SingleHopVectorEnv
from ns3kan.bridge.queues.vector_env import QueueVectorEnv
from ns3kan.errors import InputError
from ns3kan.io.documents import DocumentError, parse_json, read_bytes
from ns3kan.io.files import write_atomically

FORMAT = "ns3kan-environments"
VERSION = 1
# Longest file that is read; 10,000 environments of 10 queues take about 6 MB.
_MOST_BYTES = 2**28


class EnvironmentSetError(QueueError):
    """A file holds no environment set, or not all of one."""


@dataclass(frozen=True)
class QueueEnvironment:
    """Rates of one environment and the cost of the reference policy in it.

    Attributes
    ----------
    arrival_rates
        λ, K numbers for single-hop and 1 for multi-path [packets per step].
    service_rates
        μ, K numbers [packets per step].
    reference_costs
        Time-average total queue length under the reference policy, one per trajectory [packets].
    """

    arrival_rates: tuple[float, ...]
    service_rates: tuple[float, ...]
    reference_costs: tuple[float, ...]

    @property
    def reference_cost(self) -> float:
        """J(π₀), the mean over the trajectories [packets]."""
        return float(np.mean(self.reference_costs))


@dataclass(frozen=True)
class EnvironmentSet:
    """Environments of one problem with Poisson capacities, and how they came about.

    Attributes
    ----------
    problem
        "single_hop" (Poisson arrivals) or "multi_path" (one arrival per step).
    environments
        In the order in which they were found.
    seed
        Of the sampler.
    candidates
        Environments sampled; those not kept were not stabilised by the reference policy.
    reference
        Name of the reference policy π₀ and its tie rule, such as "max_weight, ties random".
    steps
        Length of a trajectory.
    """

    problem: Problem
    environments: tuple[QueueEnvironment, ...]
    seed: int
    candidates: int
    reference: str
    steps: int

    def __len__(self) -> int:
        return len(self.environments)

    def __iter__(self) -> Iterator[QueueEnvironment]:
        return iter(self.environments)

    @property
    def reference_costs(self) -> FloatArray:
        """J(π₀) of each, shape (environments,) [packets]."""
        return np.array([environment.reference_cost for environment in self])

    def make_vec(self, copies: int = 1, **arguments: Any) -> QueueVectorEnv:
        """Vector environment of which lanes ``i · copies`` on are environment ``i``.

        The paper's test runs over a finite time, so that a set may hold an environment just beyond
        what can be stabilised; it is made all the same, as if with ``allow_unstable=True``.

        Parameters
        ----------
        copies
            Lanes per environment.
        **arguments
            As for `SingleHopScheduling` or `MultiPathRouting`.
        """
        arrival = np.array([environment.arrival_rates for environment in self])
        service = np.array([environment.service_rates for environment in self])
        return make_lanes(
            self.problem,
            np.repeat(arrival, copies, axis=0),
            np.repeat(service, copies, axis=0),
            **({"allow_unstable": True} | arguments),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "problem": self.problem,
            "seed": self.seed,
            "candidates": self.candidates,
            "reference": self.reference,
            "steps": self.steps,
            "count": len(self),
            "environments": [
                {
                    "arrival_rates": environment.arrival_rates,
                    "service_rates": environment.service_rates,
                    "reference_costs": environment.reference_costs,
                }
                for environment in self
            ],
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_atomically(Path(path), text)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> EnvironmentSet:
        """Read a file that `save` wrote.

        Raises
        ------
        EnvironmentSetError
            If it cannot be read, is truncated, or is something else; the message names the file.
        """
        try:
            document = parse_json(read_bytes(path, _MOST_BYTES), _MOST_BYTES)
        except OSError as error:
            raise EnvironmentSetError(f"{path}: cannot be read ({error.strerror}).") from error
        except DocumentError as error:
            raise EnvironmentSetError(
                f"{path}: truncated, or no environment set ({error}); save it again."
            ) from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise EnvironmentSetError(
                f"{path}: no environment set, its 'format' must be '{FORMAT}'."
            )
        if document.get("version") != VERSION:
            raise EnvironmentSetError(
                f"{path}: 'version' is {document.get('version')}, this program reads {VERSION}."
            )
        try:
            return _parse(document)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise EnvironmentSetError(f"{path}: damaged environment set: {reason}.") from error


def make_lanes(
    problem: Problem, arrival: FloatArray, service: FloatArray, **arguments: Any
) -> QueueVectorEnv:
    """Vector environment of a problem, with the rates of each lane in a row.

    Parameters
    ----------
    problem
        "single_hop" or "multi_path".
    arrival, service
        Rates, shape (lanes, K), or (lanes, 1) for the arrivals of multi-path [packets per step].
    **arguments
        As for `SingleHopScheduling` or `MultiPathRouting`.
    """
    kind = SingleHopVectorEnv if problem == "single_hop" else MultiPathVectorEnv
    return kind(len(service), arrival_rates=arrival, service_rates=service, **arguments)


def _parse(document: dict[str, Any]) -> EnvironmentSet:
    problem = document["problem"]
    if problem not in get_args(Problem):
        raise InputError(f"there is no problem {problem!r}")
    entries = document["environments"]
    if len(entries) != document["count"] or not entries:
        raise InputError(f"it holds {len(entries)} of {document['count']} environments")
    environments = tuple(
        QueueEnvironment(
            _numbers(entry["arrival_rates"]),
            _numbers(entry["service_rates"]),
            _numbers(entry["reference_costs"]),
        )
        for entry in entries
    )
    queues = len(environments[0].service_rates)
    for place, environment in enumerate(environments):
        arrivals = queues if problem == "single_hop" else 1
        if (len(environment.arrival_rates), len(environment.service_rates)) != (arrivals, queues):
            raise InputError(f"environment {place} does not have the rates of {queues} queues")
    return EnvironmentSet(
        problem,
        environments,
        int(document["seed"]),
        int(document["candidates"]),
        str(document["reference"]),
        int(document["steps"]),
    )


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise InputError(f"{values} are not finite numbers, 0 or more")
    return numbers
