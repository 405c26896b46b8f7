// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_CONGA_CHOOSER_H
#define NS3KAN_CONGA_CHOOSER_H

#include "uplink-chooser.h"

#include "ns3/rate-estimator.h"

#include <ns3/nstime.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * The uplink with the least congestion on the whole way to the other leaf (M. Alizadeh et al.,
 * "CONGA: distributed congestion-aware load balancing for datacenters", SIGCOMM 2014, Section 3).
 *
 * Each packet collects the greatest congestion of the links on its way. The leaf where it arrives
 * keeps that by leaf and uplink of origin, and tells it back, one uplink at a time, on packets
 * that go the other way. A placement takes the uplink for which the greater of the congestion at
 * the leaf itself and the congestion that was told is least; it stays where it was among equals.
 * What was told is forgotten after MaxAge. Placed by flowlets with a gap of 500 µs, as in the
 * paper, this is CONGA; placed by flows, it is what the paper calls CONGA-Flow.
 */
class CongaChooser : public UplinkChooser
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param devices of the leaf's uplinks
     * @param leaves how many leaves the fabric has
     */
    void Configure(const std::vector<Ptr<PointToPointNetDevice>>& devices, uint32_t leaves);

    uint32_t Choose(const Placement& placement, const std::vector<Uplink>& usable) override;
    void Depart(FabricTag& tag, uint32_t destination) override;
    void Arrive(const FabricTag& tag) override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    /// Congestion of the ways between this leaf and another that use one uplink.
    struct Way
    {
        uint8_t congestion{0};
        Time heard; //!< when it was last heard of; before that it is idle
    };

    /// What this leaf knows of its traffic with another leaf.
    struct Peer
    {
        std::vector<Way> to;    //!< by this leaf's uplinks, told by the other leaf
        std::vector<Way> from;  //!< by the other leaf's uplinks, measured here
        uint32_t nextToTell{0}; //!< uplink of the other leaf whose turn it is
    };

    /**
     * @param way what is known
     * @return its congestion, unless that is too old
     */
    uint8_t GetFresh(const Way& way) const;

    std::vector<Ptr<RateEstimator>> m_estimators; //!< one per uplink
    std::vector<Peer> m_peers;                    //!< by number of the leaf
    Time m_maxAge;
    Ptr<UniformRandomVariable> m_draw{CreateObject<UniformRandomVariable>()};
};

} // namespace ns3::kan

#endif // NS3KAN_CONGA_CHOOSER_H
