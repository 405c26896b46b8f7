// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_ROUTER_H
#define NS3KAN_LEAF_ROUTER_H

#include "ns3/flow-table.h"
#include "transit-routing.h"
#include "uplink-chooser.h"

#include "ns3/leaf-telemetry.h"

#include "ns3/fabric-tag.h"

#include <ns3/nstime.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/// How much of a flow is placed at a time.
enum class Granularity
{
    FLOW,    //!< all of it, with its first packet
    FLOWLET, //!< what comes without a gap (E. Vanini et al., "Let it flow", NSDI 2017)
    PACKET   //!< each packet
};

/**
 * Routes the packets of one leaf switch: those for its own hosts to them, all others to a spine
 * that an UplinkChooser chooses for each flow, flowlet or packet among those by which routing
 * knows a way.
 *
 * Hosts have addresses 10.LEAF.HOST.x. A packet that leaves for another leaf gets a FabricTag.
 */
class LeafRouter : public TransitRouting
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param leaf number of this leaf
     * @param leaves how many leaves the fabric has
     */
    void SetLeaf(uint32_t leaf, uint32_t leaves);
    /**
     * @param interface index of the IPv4 interface to the next host, in the order of their numbers
     * @param address the host's address
     */
    void AddHost(uint32_t interface, Ipv4Address address);
    /**
     * @param interface index of the IPv4 interface to the next spine, in the order of their numbers
     * @param gateway the spine's address
     */
    void AddUplink(uint32_t interface, Ipv4Address gateway);
    /// @param chooser chooses uplinks from now on
    void SetChooser(Ptr<UplinkChooser> chooser);
    /// @param telemetry goes with all packets between leaves from now on
    void SetTelemetry(Ptr<LeafTelemetry> telemetry);
    /// @param granularity how much of a flow is placed at a time
    void SetGranularity(Granularity granularity);
    /**
     * Tell what routing knows.
     * @param uplink number of one of this leaf's uplinks
     * @param leaf number of another leaf
     * @param capacity rate of the way there by this uplink [bit/s], 0 if there is none
     */
    void SetCapacity(uint32_t uplink, uint32_t leaf, double capacity);

    /**
     * A flow begins whose ports may have been used before: its first packet is to be placed anew.
     * @param tuple of the flow
     */
    void Forget(const FiveTuple& tuple);
    /// @return the devices of the uplinks
    const std::vector<Ptr<PointToPointNetDevice>>& GetUplinkDevices() const;
    /// @return how many bytes (IP) have come from the hosts for other leaves
    uint64_t GetOfferedBytes() const;

    /**
     * Signature of the trace source Arrived.
     * @param tag of the packet
     */
    typedef void (*ArrivedCallback)(const FabricTag& tag);

  protected:
    void DoDispose() override;

  private:
    /// Where a flow was placed last.
    struct Entry
    {
        uint32_t uplink; //!< number of the uplink
        Time lastPacket; //!< when the flow was last seen
    };

    Ptr<Ipv4Route> ChooseRoute(Ptr<Packet> packet, const Ipv4Header& header) override;
    /**
     * @param tuple the packet's flow
     * @param destination number of the leaf that it goes to, to which there is a way
     * @return number of its uplink
     */
    uint32_t Place(const FiveTuple& tuple, uint32_t destination);

    uint32_t m_leaf{0};
    std::vector<Ptr<Ipv4Route>> m_hosts;
    std::vector<Ptr<Ipv4Route>> m_uplinks;
    std::vector<Ptr<PointToPointNetDevice>> m_devices;
    std::vector<std::vector<Uplink>> m_usable; //!< by destination, sorted by number
    Ptr<UplinkChooser> m_chooser;
    Ptr<LeafTelemetry> m_telemetry; //!< null if there is none
    Granularity m_granularity{Granularity::FLOW};
    Time m_flowletGap;
    Time m_flowTimeout;
    FlowTable<Entry> m_flows;
    uint64_t m_offeredBytes{0};
    TracedCallback<const FabricTag&> m_arrived;
};

} // namespace ns3::kan

#endif // NS3KAN_LEAF_ROUTER_H
