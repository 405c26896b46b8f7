// SPDX-License-Identifier: MIT
// Queue systems stepped without Python: ns3kan._native.queues. The Python side checks what
// users give.

#include "queue-lanes.h"
#include "queue-policies.h"
#include "queue-run.h"

#include <algorithm>
#include <memory>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace nb = nanobind;
using namespace ns3kan;

namespace
{

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

template <class T, int N>
using Maybe = std::optional<Array<T, N>>;

template <class A>
std::vector<std::remove_const_t<typename A::Scalar>>
Values(const A& array)
{
    return {array.data(), array.data() + array.size()};
}

template <class A>
std::vector<std::remove_const_t<typename A::Scalar>>
Values(const std::optional<A>& array)
{
    return array ? Values(*array) : std::vector<std::remove_const_t<typename A::Scalar>>{};
}

template <class A>
typename A::Scalar*
Pointer(const std::optional<A>& array)
{
    return array ? array->data() : nullptr;
}

void
Require(bool isRight)
{
    if (!isRight)
    {
        throw std::invalid_argument("The arrays do not fit the lanes.");
    }
}

/// The lanes with their policies' streams and their constant features.
class Lanes
{
  public:
    Lanes(bool isSingleHop,
          const Array<const uint32_t, 1>& thresholds,
          const Array<const int64_t, 1>& firsts,
          const Array<const int32_t, 2>& columns,
          const Array<const int64_t, 2>& bases,
          const Array<const double, 3>& constants,
          const Maybe<const int64_t, 2>& buffers,
          const Maybe<const double, 2>& weights,
          bool isQuadratic,
          double dropCost,
          double scale)
        : m_lanes(isSingleHop ? QueueProblem::SINGLE_HOP : QueueProblem::MULTI_PATH,
                  constants.shape(0),
                  constants.shape(1),
                  Tables(thresholds, firsts),
                  Values(columns),
                  Values(bases),
                  Values(buffers),
                  QueueCost{isQuadratic, Values(weights), dropCost, scale})
        , m_constants(Values(constants))
        , m_numConstants(constants.shape(2))
        , m_policyStreams(constants.shape(0))
    {
        Require(m_numConstants <= MAX_CONSTANTS);
    }

    int64_t LargestCapacity() const
    {
        return m_lanes.LargestCapacity();
    }

    nb::ndarray<nb::numpy, int64_t, nb::ndim<2>> Queues()
    {
        return {m_lanes.Queues(0), {m_lanes.NumLanes(), m_lanes.NumQueues()}, nb::find(this)};
    }

    void Seed(const Array<const int64_t, 1>& lanes,
              const Array<const uint64_t, 2>& states,
              bool isPolicy)
    {
        Require(states.shape(0) == lanes.size() && states.shape(1) == 4);
        for (size_t i = 0; i < lanes.size(); i++)
        {
            const auto lane = static_cast<size_t>(lanes(i));
            Require(lane < m_lanes.NumLanes());
            const Sfc64::State state{states(i, 0), states(i, 1), states(i, 2), states(i, 3)};
            if (isPolicy)
            {
                m_policyStreams[lane] = Sfc64(state);
            }
            else
            {
                m_lanes.Seed(lane, state);
            }
        }
    }

    void Restart()
    {
        m_lanes.Restart();
    }

    void Observe(const Array<double, 3>& observations)
    {
        Require(observations.size() == NumFeatures() * m_lanes.NumLanes() * m_lanes.NumQueues());
        WithConstants(
            [&](auto numConstants)
            {
                for (size_t lane = 0; lane < m_lanes.NumLanes(); lane++)
                {
                    ObserveLane<numConstants>(lane, observations.data());
                }
            });
    }

    /// Let all lanes make one step, unless an action is no queue.
    bool Step(const Array<const int64_t, 1>& actions,
              const Array<double, 3>& observations,
              const Array<double, 1>& rewards,
              const Maybe<int64_t, 1>& drops)
    {
        const size_t numLanes = m_lanes.NumLanes();
        const size_t numQueues = m_lanes.NumQueues();
        Require(actions.size() == numLanes && rewards.size() == numLanes &&
                observations.size() == NumFeatures() * numLanes * numQueues &&
                (!drops || drops->size() == numLanes));
        const auto isWrong = [numQueues](int64_t action)
        { return static_cast<uint64_t>(action) >= numQueues; };
        if (std::any_of(actions.data(), actions.data() + numLanes, isWrong))
        {
            return false;
        }
        const int64_t* action = actions.data();
        double* reward = rewards.data();
        WithConstants(
            [&](auto numConstants)
            {
                for (size_t lane = 0; lane < numLanes; lane++)
                {
                    reward[lane] = -m_lanes.Step(lane,
                                                 static_cast<size_t>(action[lane]),
                                                 drops ? drops->data() + lane : nullptr);
                    ObserveLane<numConstants>(lane, observations.data());
                }
            });
        return true;
    }

    template <class T>
    int64_t RunIndex(const Array<const T, 3>& values,
                     const Array<const int32_t, 2>& rows,
                     int64_t steps,
                     int rule,
                     const Array<double, 1>& totals,
                     const Maybe<double, 2>& costs,
                     int64_t every,
                     const Maybe<int32_t, 3>& queues,
                     const Maybe<int32_t, 3>& capacities,
                     const Maybe<int32_t, 2>& actions)
    {
        Require(rows.size() == m_lanes.NumLanes() * m_lanes.NumQueues() &&
                values.shape(2) > static_cast<size_t>(m_lanes.LargestCapacity()));
        IndexPolicy<T> policy(
            values.data(), values.shape(1), values.shape(2), rows.data(), m_lanes.NumQueues());
        return RunFor(policy,
                      steps,
                      rule,
                      {totals.data(),
                       Pointer(costs),
                       every,
                       Pointer(queues),
                       Pointer(capacities),
                       Pointer(actions)});
    }

    using Layer = std::pair<Array<const float, 2>, Array<const float, 1>>;

    int64_t RunNetwork(const std::vector<Layer>& layers,
                       const Array<const double, 2>& scales,
                       const Array<const float, 3>& constants,
                       int64_t steps,
                       int rule,
                       const Array<double, 1>& totals,
                       const Maybe<double, 2>& costs,
                       int64_t every,
                       const Maybe<int32_t, 3>& queues,
                       const Maybe<int32_t, 3>& capacities,
                       const Maybe<int32_t, 2>& actions)
    {
        Require(scales.size() == 4 && constants.shape(0) == m_lanes.NumLanes() &&
                constants.shape(1) == m_lanes.NumQueues() && !layers.empty());
        NetworkPolicy policy(m_lanes.NumQueues(),
                             {{{scales(0, 0), scales(0, 1)}, {scales(1, 0), scales(1, 1)}}},
                             constants.data(),
                             constants.shape(2));
        size_t inputs = m_lanes.NumQueues() * (2 + constants.shape(2));
        for (const auto& [weight, bias] : layers)
        {
            Require(weight.shape(1) == inputs && bias.size() == weight.shape(0));
            inputs = bias.size();
            policy.AddLayer(weight.data(), bias.data(), weight.shape(0), weight.shape(1));
        }
        Require(inputs == m_lanes.NumQueues());
        return RunFor(policy,
                      steps,
                      rule,
                      {totals.data(),
                       Pointer(costs),
                       every,
                       Pointer(queues),
                       Pointer(capacities),
                       Pointer(actions)});
    }

  private:
    /// Lane-steps after which signals are handled.
    static constexpr int64_t PIECE = 1 << 18;
    static constexpr size_t MAX_CONSTANTS = 2;

    static CountTables Tables(const Array<const uint32_t, 1>& thresholds,
                              const Array<const int64_t, 1>& firsts)
    {
        CountTables tables;
        for (size_t i = 0; i + 1 < firsts.size(); i++)
        {
            Require(0 <= firsts(i) && firsts(i) <= firsts(i + 1) &&
                    static_cast<size_t>(firsts(i + 1)) <= thresholds.size());
            tables.Add(thresholds.data() + firsts(i),
                       static_cast<size_t>(firsts(i + 1) - firsts(i)));
        }
        return tables;
    }

    size_t NumFeatures() const
    {
        return 2 + m_numConstants;
    }

    /// Call a function with the number of constant features, which the compiler then knows.
    template <class Function>
    void WithConstants(Function function) const
    {
        switch (m_numConstants)
        {
        case 0:
            return function(std::integral_constant<size_t, 0>());
        case 1:
            return function(std::integral_constant<size_t, 1>());
        default:
            return function(std::integral_constant<size_t, MAX_CONSTANTS>());
        }
    }

    template <size_t numConstants>
    void ObserveLane(size_t lane, double* observations)
    {
        const size_t numQueues = m_lanes.NumQueues();
        const int64_t* queues = m_lanes.Queues(lane);
        const int64_t* capacities = m_lanes.Capacities(lane);
        const double* constants = m_constants.data() + lane * numQueues * numConstants;
        double* out = observations + lane * numQueues * (2 + numConstants);
        for (size_t k = 0; k < numQueues; k++)
        {
            *out++ = static_cast<double>(queues[k]);
            *out++ = static_cast<double>(capacities[k]);
            for (size_t i = 0; i < numConstants; i++)
            {
                *out++ = *constants++;
            }
        }
    }

    template <class Policy>
    int64_t RunFor(Policy& policy, int64_t steps, int rule, const QueueRecord& record)
    {
        const auto piece = std::max<int64_t>(PIECE / static_cast<int64_t>(m_lanes.NumLanes()), 1);
        nb::gil_scoped_release release;
        int64_t step = 0;
        while (true)
        {
            const int64_t end = step + std::min(piece, steps - step);
            step = Run(
                m_lanes, policy, static_cast<ChoiceRule>(rule), m_policyStreams, step, end, record);
            if (step < end || step == steps)
            {
                return step;
            }
            nb::gil_scoped_acquire acquire;
            if (PyErr_CheckSignals() != 0)
            {
                throw nb::python_error();
            }
        }
    }

    QueueLanes m_lanes;
    std::vector<double> m_constants;
    size_t m_numConstants;
    std::vector<Sfc64> m_policyStreams;
};

} // namespace

NB_MODULE(queues, m)
{
    m.attr("GREATEST_LOWEST") = static_cast<int>(ChoiceRule::GREATEST_LOWEST);
    m.attr("GREATEST_RANDOM") = static_cast<int>(ChoiceRule::GREATEST_RANDOM);
    m.attr("SAMPLE") = static_cast<int>(ChoiceRule::SAMPLE);
    const auto run = [](auto& lanes, const char* name, auto method)
    {
        // Conversions would write the results to copies.
        lanes.def(name,
                  method,
                  nb::arg("values").noconvert(),
                  nb::arg("rows").noconvert(),
                  nb::arg("steps"),
                  nb::arg("rule"),
                  nb::arg("totals").noconvert(),
                  nb::arg("costs").noconvert().none(),
                  nb::arg("every"),
                  nb::arg("queues").noconvert().none(),
                  nb::arg("capacities").noconvert().none(),
                  nb::arg("actions").noconvert().none());
    };
    nb::class_<Lanes> lanes(m, "Lanes");
    lanes
        .def(nb::init<bool,
                      const Array<const uint32_t, 1>&,
                      const Array<const int64_t, 1>&,
                      const Array<const int32_t, 2>&,
                      const Array<const int64_t, 2>&,
                      const Array<const double, 3>&,
                      const Maybe<const int64_t, 2>&,
                      const Maybe<const double, 2>&,
                      bool,
                      double,
                      double>(),
             nb::arg("is_single_hop"),
             nb::arg("thresholds"),
             nb::arg("firsts"),
             nb::arg("columns"),
             nb::arg("bases"),
             nb::arg("constants"),
             nb::arg("buffers").none(),
             nb::arg("weights").none(),
             nb::arg("is_quadratic"),
             nb::arg("drop_cost"),
             nb::arg("scale"))
        .def_prop_ro("largest_capacity", &Lanes::LargestCapacity)
        .def_prop_ro("queues", &Lanes::Queues)
        .def("seed", &Lanes::Seed, nb::arg("lanes"), nb::arg("states"), nb::arg("is_policy"))
        .def("restart", &Lanes::Restart)
        .def("observe", &Lanes::Observe, nb::arg("observations").noconvert())
        .def("step",
             &Lanes::Step,
             nb::arg("actions").noconvert(),
             nb::arg("observations").noconvert(),
             nb::arg("rewards").noconvert(),
             nb::arg("drops").noconvert().none())
        .def("run_network",
             &Lanes::RunNetwork,
             nb::arg("layers"),
             nb::arg("scales").noconvert(),
             nb::arg("constants").noconvert(),
             nb::arg("steps"),
             nb::arg("rule"),
             nb::arg("totals").noconvert(),
             nb::arg("costs").noconvert().none(),
             nb::arg("every"),
             nb::arg("queues").noconvert().none(),
             nb::arg("capacities").noconvert().none(),
             nb::arg("actions").noconvert().none());
    run(lanes, "run_index", &Lanes::RunIndex<double>);
    run(lanes, "run_index", &Lanes::RunIndex<float>);
}
