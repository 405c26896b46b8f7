// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_UPLINK_CHOOSER_H
#define NS3KAN_UPLINK_CHOOSER_H

#include "ns3/five-tuple.h"
#include "queue-controller.h"

#include "ns3/fabric-tag.h"

#include <ns3/object.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/random-variable-stream.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace ns3::kan
{

/// One way out of a leaf towards another leaf.
struct Uplink
{
    uint32_t number;                   //!< of the uplink at its leaf, which is that of the spine
    double capacity;                   //!< what routing knows of the whole way's rate [bit/s]
    Ptr<PointToPointNetDevice> device; //!< the leaf's device
};

/// What has to be placed on an uplink: a flow, a flowlet or a packet.
struct Placement
{
    const FiveTuple& tuple;           //!< the flow it belongs to
    uint32_t destination;             //!< number of the leaf that it goes to
    std::optional<uint32_t> previous; //!< uplink of what came before it in the flow, if known
};

/// Chooses uplinks at one leaf, placement by placement.
class UplinkChooser : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param placement what to place
     * @param usable the uplinks by which it can reach its destination, at least one
     * @return the place among them
     */
    virtual uint32_t Choose(const Placement& placement, const std::vector<Uplink>& usable) = 0;
    /// @return whether all packets of a flow are placed alike, whatever their number and gaps
    virtual bool IsFixedByFlow() const;
    /**
     * A packet is about to leave for another leaf.
     * @param tag its tag, which may be written to
     * @param destination number of the leaf that it goes to
     */
    virtual void Depart(FabricTag& tag, uint32_t destination);
    /**
     * A packet has come from another leaf.
     * @param tag its tag
     */
    virtual void Arrive(const FabricTag& tag);
    /**
     * @param stream first stream number
     * @return how many streams were taken
     */
    virtual int64_t AssignStreams(int64_t stream);
};

/**
 * By a hash of the five-tuple, with equal parts (equal-cost multipath; C. Hopps, "Analysis of an
 * equal-cost multi-path algorithm", RFC 2992, 2000) or parts in proportion to the capacities that
 * routing knows (J. Zhou et al., "WCMP: weighted cost multipathing for improved fairness in data
 * centers", EuroSys 2014).
 */
class HashChooser : public UplinkChooser
{
  public:
    /// @param weighted whether parts are in proportion to capacity
    explicit HashChooser(bool weighted);
    uint32_t Choose(const Placement& placement, const std::vector<Uplink>& usable) override;
    bool IsFixedByFlow() const override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    bool m_weighted;
    uint32_t m_salt{0}; //!< drawn, so that leaves hash independently
};

/// At random, with weights that somebody sets from time to time.
class WeightChooser : public UplinkChooser
{
  public:
    /// @param weights one per uplink of the leaf, not negative; those of usable ones count
    void SetWeights(const std::vector<double>& weights);
    uint32_t Choose(const Placement& placement, const std::vector<Uplink>& usable) override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    std::vector<double> m_weights; //!< empty for equal ones
    Ptr<UniformRandomVariable> m_draw{CreateObject<UniformRandomVariable>()};
};

/**
 * By the packets that wait at the leaf's own devices, with any controller of queues for routing.
 * Its rules take the first of equals; here the first is any, equally likely, lest an idle leaf use
 * one uplink only.
 */
class QueueChooser : public UplinkChooser
{
  public:
    /// @param controller chooses a queue
    explicit QueueChooser(Ptr<QueueController> controller);
    uint32_t Choose(const Placement& placement, const std::vector<Uplink>& usable) override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    Ptr<QueueController> m_controller;
    Ptr<UniformRandomVariable> m_draw{CreateObject<UniformRandomVariable>()};
};

/**
 * @param weights not negative
 * @param point from 0 to below 1
 * @return where the point lies on a line that is divided in proportion to the weights; equally if
 *         all are zero
 */
uint32_t FindPart(const std::vector<double>& weights, double point);

} // namespace ns3::kan

#endif // NS3KAN_UPLINK_CHOOSER_H
