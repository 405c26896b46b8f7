// SPDX-License-Identifier: GPL-2.0-only
#include "fabric-balancer.h"

#include "balancing/artefact-use.h"
#include "balancing/conga-chooser.h"
#include "balancing/controller-artefact.h"

#include <set>
#include <stdexcept>

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(FabricController);

TypeId
FabricController::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FabricController").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

ControlledPaths
GetLeafPaths(const LeafSpineNetwork& network)
{
    ControlledPaths paths;
    for (const DataRate& rate : network.parameters.uplinkRates)
    {
        paths.names.push_back("spine" + std::to_string(paths.names.size()));
        paths.rates.push_back(static_cast<double>(rate.GetBitRate()));
    }
    return paths;
}

void
FabricBalancer::SetWeights(const std::vector<LeafNumbers>& weights)
{
    for (size_t leaf = 0; leaf < weighted.size(); ++leaf)
    {
        weighted[leaf]->SetWeights(weights.at(leaf));
    }
}

namespace
{

/// A controller of paths at each leaf, which sees that leaf only.
class LeafwiseController : public FabricController
{
  public:
    /**
     * @param name of the controller of paths
     * @param network what it is to control
     */
    LeafwiseController(const std::string& name, const LeafSpineNetwork& network)
    {
        for (uint32_t leaf = 0; leaf < network.parameters.leaves; ++leaf)
        {
            m_controllers.push_back(MakePathController(name, GetLeafPaths(network)));
        }
    }

    std::vector<LeafNumbers> Decide(const std::vector<LeafNumbers>& features) override
    {
        std::vector<LeafNumbers> weights;
        for (size_t leaf = 0; leaf < features.size(); ++leaf)
        {
            weights.push_back(m_controllers[leaf]->Decide(features[leaf]));
        }
        return weights;
    }

  private:
    std::vector<Ptr<PathController>> m_controllers;
};

/// An artefact that decides for all leaves at once.
class WholeController : public FabricController
{
  public:
    /**
     * @param path file of the artefact
     * @param artefact what is in it
     * @param network what it is to control
     */
    WholeController(const std::string& path,
                    ControllerArtefact artefact,
                    const LeafSpineNetwork& network)
        : m_artefact(std::move(artefact))
        , m_leaves(network.parameters.leaves)
    {
        if (m_artefact.GetDecision() != ControllerArtefact::Decision::RATIO)
        {
            throw std::invalid_argument(path + ": an artefact for all leaves at once must have the "
                                               "decision ratio; the others decide for one leaf");
        }
        CheckShares(path, m_artefact);
        std::vector<std::string> names;
        for (uint32_t leaf = 0; leaf < m_leaves; ++leaf)
        {
            for (const std::string& name : GetLeafPaths(network).GetFeatureNames())
            {
                names.push_back("leaf" + std::to_string(leaf) + "_" + name);
            }
        }
        m_artefact.BindInputs(names);
    }

    std::vector<LeafNumbers> Decide(const std::vector<LeafNumbers>& features) override
    {
        std::vector<double> values;
        for (const LeafNumbers& own : features)
        {
            values.insert(values.end(), own.begin(), own.end());
        }
        const std::vector<double> ratios = EvaluateNow(m_artefact, values);
        const auto spines = static_cast<std::ptrdiff_t>(ratios.size() / m_leaves);
        std::vector<LeafNumbers> weights;
        for (auto own = ratios.begin(); own != ratios.end(); own += spines)
        {
            weights.push_back(ToShares(LeafNumbers(own, own + spines)));
        }
        return weights;
    }

  private:
    ControllerArtefact m_artefact;
    uint32_t m_leaves;
};

/**
 * @param path file of an artefact
 * @param network what it is to control
 * @return the controller in it
 */
Ptr<FabricController>
LoadController(const std::string& path, const LeafSpineNetwork& network)
{
    const uint32_t spines = network.parameters.spines;
    const uint32_t all = network.parameters.leaves * spines;
    auto artefact = ControllerArtefact::Load(path);
    const size_t outputs = artefact.GetOutputs().size();
    const bool isIndex = artefact.GetDecision() == ControllerArtefact::Decision::INDEX;
    if (!isIndex && outputs == all)
    {
        return CreateObject<WholeController>(path, std::move(artefact), network);
    }
    if (!isIndex && outputs != spines && !(spines == 2 && outputs == 1))
    {
        throw std::invalid_argument(path + ": it decides on " + std::to_string(outputs) +
                                    "; give " + std::to_string(spines) +
                                    " outputs, one for each uplink of a leaf, or " +
                                    std::to_string(all) + ", one for each uplink of every leaf");
    }
    return CreateObject<LeafwiseController>(path, network);
}

/**
 * @param text any text
 * @param ending an ending
 * @return whether the text ends so
 */
bool
EndsWith(const std::string& text, const std::string& ending)
{
    return text.size() >= ending.size() &&
           text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

/**
 * @param name of a balancer
 * @param network a fabric
 * @param leaf number of one of its leaves
 * @return a chooser for this leaf, or null if there is none of this name
 */
Ptr<UplinkChooser>
MakeChooser(const std::string& name, const LeafSpineNetwork& network, uint32_t leaf)
{
    static const std::set<std::string> queues{
        "random", "round-robin", "join-shortest-queue", "shortest-expected-delay", "power-of-two"};
    if (name == "ecmp" || name == "wcmp" || name == INFINITE_FABRIC)
    {
        return CreateObject<HashChooser>(name == "wcmp");
    }
    if (queues.count(name) > 0)
    {
        return CreateObject<QueueChooser>(
            MakeQueueController(name, QueueProblem::ROUTING, network.parameters.spines));
    }
    if (name == "conga")
    {
        auto conga = CreateObject<CongaChooser>();
        conga->Configure(network.leafRouters[leaf]->GetUplinkDevices(), network.parameters.leaves);
        return conga;
    }
    return nullptr;
}

/**
 * @param name of a balancer that sets weights
 * @param network a fabric
 * @return the controller that sets them, or null for Python
 */
Ptr<FabricController>
MakeController(const std::string& name, const LeafSpineNetwork& network)
{
    static const std::set<std::string> paths{
        "equal", "capacity", "primary", "least-delay", "least-utilised"};
    if (name == "gym")
    {
        return nullptr;
    }
    if (EndsWith(name, ".json"))
    {
        return LoadController(name, network);
    }
    if (paths.count(name) > 0 || name.rfind("constant:", 0) == 0)
    {
        return CreateObject<LeafwiseController>(name, network);
    }
    throw std::invalid_argument(
        "there is no controller \"" + name +
        "\"; use ecmp, wcmp, random, round-robin, join-shortest-queue, shortest-expected-delay, "
        "power-of-two, conga, equal, capacity, primary, least-delay, least-utilised, "
        "constant:SHARES, infinite-fabric, gym, or the path of a controller.json");
}

} // namespace

FabricBalancer
MakeFabricBalancer(const std::string& name, const LeafSpineNetwork& network, int64_t stream)
{
    FabricBalancer balancer;
    for (uint32_t leaf = 0; leaf < network.parameters.leaves; ++leaf)
    {
        Ptr<UplinkChooser> chooser = MakeChooser(name, network, leaf);
        if (!chooser)
        {
            balancer.weighted.push_back(CreateObject<WeightChooser>());
            chooser = balancer.weighted.back();
        }
        stream += chooser->AssignStreams(stream);
        network.leafRouters[leaf]->SetChooser(chooser);
        balancer.choosers.push_back(chooser);
    }
    if (!balancer.weighted.empty())
    {
        balancer.controller = MakeController(name, network);
    }
    if (name == "conga")
    {
        for (const Ptr<SpineRouter>& spine : network.spineRouters)
        {
            spine->MeasureCongestion();
        }
    }
    return balancer;
}

} // namespace ns3::kan
