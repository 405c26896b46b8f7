// SPDX-License-Identifier: GPL-2.0-only
#include "path-decision-loop.h"

#include <ns3/boolean.h>
#include <ns3/double.h>
#include <ns3/log.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("PathDecisionLoop");
NS_OBJECT_ENSURE_REGISTERED(PathDecisionLoop);

namespace
{

constexpr double LOAD_LIMIT = 10; //!< loads beyond this multiple of the paths' rates read so

} // namespace

TypeId
PathDecisionLoop::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::PathDecisionLoop")
            .SetParent<GymEnvironment>()
            .SetGroupName("Ns3kan")
            .AddConstructor<PathDecisionLoop>()
            .AddAttribute("Interval",
                          "Time between two decisions",
                          TimeValue(MilliSeconds(500)),
                          MakeTimeAccessor(&PathDecisionLoop::m_interval),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Warmup",
                          "Time of the first decision, with the balancer's own shares before; at "
                          "least Interval",
                          TimeValue(Seconds(3)),
                          MakeTimeAccessor(&PathDecisionLoop::m_warmup),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Duration",
                          "Time over which decisions are taken",
                          TimeValue(Seconds(60)),
                          MakeTimeAccessor(&PathDecisionLoop::m_duration),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Reward",
                          "What a decision earns: utility, loss, delay or combined",
                          StringValue("utility"),
                          MakeStringAccessor(&PathDecisionLoop::m_reward),
                          MakeStringChecker())
            .AddAttribute("UtilityWeight",
                          "Weight of the utility in the combined reward",
                          DoubleValue(1),
                          MakeDoubleAccessor(&PathDecisionLoop::m_utilityWeight),
                          MakeDoubleChecker<double>(0))
            .AddAttribute("LossWeight",
                          "Weight of the loss in the combined reward",
                          DoubleValue(1),
                          MakeDoubleAccessor(&PathDecisionLoop::m_lossWeight),
                          MakeDoubleChecker<double>(0))
            .AddAttribute("DelayWeight",
                          "Weight of the delay in the combined reward [1/s]",
                          DoubleValue(10),
                          MakeDoubleAccessor(&PathDecisionLoop::m_delayWeight),
                          MakeDoubleChecker<double>(0))
            .AddAttribute("SingleRatio",
                          "Whether an action is one number, the share of the second of two paths, "
                          "instead of a number per path",
                          BooleanValue(false),
                          MakeBooleanAccessor(&PathDecisionLoop::m_hasSingleRatio),
                          MakeBooleanChecker())
            .AddTraceSource("Decision",
                            "The shares of new flows have been decided",
                            MakeTraceSourceAccessor(&PathDecisionLoop::m_decision),
                            "ns3::kan::PathDecisionLoop::DecisionCallback");
    return tid;
}

void
PathDecisionLoop::DoDispose()
{
    NS_LOG_FUNCTION(this);
    Simulator::Cancel(m_next);
    m_balancer = nullptr;
    m_paths.clear();
    m_records = nullptr;
    m_controller = nullptr;
    m_gym = nullptr;
    m_log = nullptr;
    GymEnvironment::DoDispose();
}

void
PathDecisionLoop::SetBalancer(Ptr<PathBalancer> balancer)
{
    NS_LOG_FUNCTION(this << balancer);
    m_balancer = balancer;
}

void
PathDecisionLoop::AddPath(const DecidedPath& path)
{
    NS_LOG_FUNCTION(this << path.name << path.rate << path.longestDelay);
    NS_ABORT_MSG_UNLESS(path.monitor, "PathDecisionLoop: path " << path.name << " has no monitor");
    m_paths.push_back(path);
    m_totalRate += static_cast<double>(path.rate.GetBitRate());
    m_longestDelay = std::max(m_longestDelay, path.longestDelay.GetSeconds());
}

void
PathDecisionLoop::SetRecords(Ptr<FlowRecords> records)
{
    m_records = records;
}

void
PathDecisionLoop::SetController(Ptr<PathController> controller)
{
    NS_LOG_FUNCTION(this << controller);
    m_controller = controller;
}

void
PathDecisionLoop::SetController(const std::string& name)
{
    SetController(MakePathController(name, GetPaths()));
}

void
PathDecisionLoop::SetGym(Ptr<GymInterface> gym)
{
    NS_LOG_FUNCTION(this << gym);
    m_gym = gym;
}

void
PathDecisionLoop::SetLog(IntervalLog* log)
{
    m_log = log;
}

void
PathDecisionLoop::Start()
{
    NS_LOG_FUNCTION(this);
    NS_ABORT_MSG_UNLESS(m_balancer && !m_paths.empty(),
                        "PathDecisionLoop: set a balancer and add its paths before Start");
    NS_ABORT_MSG_UNLESS(m_gym || m_controller,
                        "PathDecisionLoop: set a controller or a GymInterface before Start");
    NS_ABORT_MSG_IF(m_warmup < m_interval,
                    "PathDecisionLoop: Warmup is shorter than Interval: the first decision needs "
                    "one measured interval");
    m_decisionsLeft = m_duration.GetTimeStep() / m_interval.GetTimeStep();
    Simulator::Schedule(m_warmup - m_interval, &PathDecisionLoop::CloseInterval, this);
    m_next = Simulator::Schedule(m_warmup, &PathDecisionLoop::Decide, this);
    if (m_gym)
    {
        m_gym->Start(this);
    }
}

void
PathDecisionLoop::Finish()
{
    NS_LOG_FUNCTION(this);
    if (m_gym)
    {
        m_gym->Finish();
    }
}

std::vector<Ptr<PathMonitor>>
PathDecisionLoop::GetMonitors() const
{
    std::vector<Ptr<PathMonitor>> monitors;
    for (const DecidedPath& path : m_paths)
    {
        monitors.push_back(path.monitor);
    }
    return monitors;
}

ControlledPaths
PathDecisionLoop::GetPaths() const
{
    ControlledPaths paths;
    for (const DecidedPath& path : m_paths)
    {
        paths.names.push_back(path.name);
        paths.rates.push_back(static_cast<double>(path.rate.GetBitRate()));
    }
    return paths;
}

void
PathDecisionLoop::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    const uint64_t offered = m_balancer->GetOfferedBytes();
    const double length = (Simulator::Now() - m_lastClosed).GetSeconds();
    const double load =
        length > 0 ? std::min(LOAD_LIMIT, 8.0 * (offered - m_lastOffered) / (m_totalRate * length))
                   : 0;
    m_features = {load, load - m_load};
    m_lastClosed = Simulator::Now();
    m_lastOffered = offered;
    m_load = load;

    uint32_t delivered = 0;
    uint32_t lost = 0;
    double delaySum = 0;
    for (const DecidedPath& path : m_paths)
    {
        const PathInterval all = path.monitor->CloseInterval();
        const PathInterval seen = path.prober ? path.prober->CloseInterval() : all;
        m_features.insert(m_features.end(), {seen.delay, seen.loss, seen.utilisation});
        delivered += all.flowDelivered;
        lost += all.flowLost;
        delaySum += all.flowDelaySum;
    }

    const FlowInterval flows = m_records ? m_records->CloseInterval() : FlowInterval{};
    m_metrics.utility = flows.utility;
    m_metrics.goodput = flows.goodput;
    m_metrics.activeFlows = flows.activeFlows;
    m_metrics.delay = delivered > 0 ? delaySum / delivered : lost > 0 ? m_longestDelay : 0;
    m_metrics.loss = delivered + lost > 0 ? static_cast<double>(lost) / (delivered + lost) : 0;
    m_metrics.reward = Judge();
}

double
PathDecisionLoop::Judge() const
{
    if (m_reward == "utility")
    {
        return m_metrics.utility;
    }
    if (m_reward == "loss")
    {
        return -m_metrics.loss;
    }
    if (m_reward == "delay")
    {
        return -m_metrics.delay;
    }
    NS_ABORT_MSG_UNLESS(m_reward == "combined",
                        "PathDecisionLoop: there is no Reward \""
                            << m_reward << "\"; use utility, loss, delay or combined");
    return m_utilityWeight * m_metrics.utility - m_lossWeight * m_metrics.loss -
           m_delayWeight * m_metrics.delay;
}

void
PathDecisionLoop::LogDecision()
{
    if (!m_log || m_decidedAt < 0)
    {
        return;
    }
    std::vector<double> row{m_decidedAt};
    row.insert(row.end(), m_decidedOn.begin(), m_decidedOn.end());
    row.insert(row.end(), m_shares.begin() + (m_hasSingleRatio ? 1 : 0), m_shares.end());
    row.insert(row.end(),
               {m_metrics.reward,
                m_metrics.goodput,
                m_metrics.delay,
                m_metrics.loss,
                static_cast<double>(m_metrics.activeFlows)});
    m_log->Write(row);
}

void
PathDecisionLoop::Decide()
{
    NS_LOG_FUNCTION(this);
    CloseInterval();
    LogDecision();
    if (m_decisionsLeft == 0)
    {
        Simulator::Stop();
        return;
    }
    --m_decisionsLeft;
    m_decidedAt = Simulator::Now().GetSeconds();
    m_decidedOn = m_features;
    if (m_gym)
    {
        if (!m_gym->Step())
        {
            return;
        }
    }
    else
    {
        m_shares = m_controller->Decide(m_features);
    }
    m_balancer->SetShares(m_shares);
    NS_LOG_INFO("decided at " << m_decidedAt << " s after a reward of " << m_metrics.reward);
    m_decision(m_decidedOn, m_shares);
    m_next = Simulator::Schedule(m_interval, &PathDecisionLoop::Decide, this);
}

GymSpace
PathDecisionLoop::GetObservationSpace() const
{
    const float infinity = std::numeric_limits<float>::infinity();
    const auto size = static_cast<uint32_t>(GetDescription().features.size());
    return GymSpace(GymSpace::Box{-infinity, infinity, {size}, GymDtype::DOUBLE});
}

GymSpace
PathDecisionLoop::GetActionSpace() const
{
    const auto size = static_cast<uint32_t>(GetActions().size());
    return GymSpace(GymSpace::Box{0, 1, {size}, GymDtype::DOUBLE});
}

GymDescription
PathDecisionLoop::GetDescription() const
{
    GymDescription description;
    description.features = {{"load", "1", 0, LOAD_LIMIT},
                            {"load_delta", "1", -LOAD_LIMIT, LOAD_LIMIT}};
    for (const DecidedPath& path : m_paths)
    {
        description.features.push_back(
            {path.name + "_delay", "s", 0, path.longestDelay.GetSeconds()});
        description.features.push_back({path.name + "_loss", "1", 0, 1});
        description.features.push_back({path.name + "_utilisation", "1", 0, 1});
    }
    description.actions = GetActions();
    return description;
}

std::vector<GymComponent>
PathDecisionLoop::GetActions() const
{
    if (m_hasSingleRatio)
    {
        NS_ABORT_MSG_UNLESS(m_paths.size() == 2,
                            "PathDecisionLoop: SingleRatio is for two paths, not for "
                                << m_paths.size());
        return {{"ratio", "1", 0, 1}};
    }
    std::vector<GymComponent> actions;
    for (const DecidedPath& path : m_paths)
    {
        actions.push_back({path.name + "_ratio", "1", 0, 1});
    }
    return actions;
}

GymContainer
PathDecisionLoop::GetObservation()
{
    return GymContainer::Vector(m_features);
}

double
PathDecisionLoop::GetReward()
{
    return m_metrics.reward;
}

std::string
PathDecisionLoop::GetExtraInfo()
{
    std::ostringstream info;
    info.precision(17);
    info << "{\"time\": " << Simulator::Now().GetSeconds() << ", \"goodput\": " << m_metrics.goodput
         << ", \"delay\": " << m_metrics.delay << ", \"loss\": " << m_metrics.loss
         << ", \"utility\": " << m_metrics.utility
         << ", \"active_flows\": " << m_metrics.activeFlows << "}";
    return info.str();
}

void
PathDecisionLoop::ExecuteAction(const GymContainer& action)
{
    const std::vector<double>& numbers = action.GetBox<double>();
    m_shares = m_hasSingleRatio ? std::vector<double>{1 - numbers.at(0), numbers.at(0)}
                                : ToShares(numbers);
}

std::vector<IntervalLog::Column>
PathDecisionLoop::GetColumns() const
{
    const GymDescription description = GetDescription();
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    for (const std::vector<GymComponent>& components : {description.features, description.actions})
    {
        for (const GymComponent& component : components)
        {
            columns.push_back({component.name, component.unit});
        }
    }
    columns.insert(columns.end(),
                   {{"reward", "1"},
                    {"goodput", "bit/s"},
                    {"delay", "s"},
                    {"loss", "1"},
                    {"active_flows", "1"}});
    return columns;
}

} // namespace ns3::kan
