// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_RECORDS_H
#define NS3KAN_FLOW_RECORDS_H

#include <ns3/data-rate.h>
#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace ns3::kan
{

struct FiveTuple;

/// Transport protocol of the generated flows.
enum class FlowTransport
{
    UDP,
    TCP
};

/// What came of one flow.
struct FlowRecord
{
    uint16_t port{0};      //!< its source port
    uint32_t number{0};    //!< number in the balancer, from 1; 0 if it was not placed
    uint32_t path{0};      //!< index of its path, if it was placed
    Time start;            //!< when it began
    Time end;              //!< when the last of it was delivered or, over UDP, lost; 0 before
    uint64_t size{0};      //!< bytes that the application wanted to send
    uint64_t delivered{0}; //!< bytes of them that the receiver got
    uint64_t received{0};  //!< packets (UDP) or pieces (TCP) in which it got them
    uint64_t lost{0};      //!< packets lost on the path, those that TCP sent again included
};

/// What FlowRecords saw of all flows in one interval.
struct FlowInterval
{
    double utility{0};       //!< mean over the active flows of log(goodput / demand), floored
    double goodput{0};       //!< application bytes delivered, as a rate [bit/s]
    uint32_t activeFlows{0}; //!< flows with a demand in the interval
};

/**
 * Keeps count of each flow's demand and goodput between sender and receiver.
 *
 * The share of its demand that a flow got in an interval is
 *  - UDP: delivered / (delivered + lost), over its packets whose fate was decided in the interval;
 *  - TCP: delivered bytes over rate limit × time, while not all of the flow had been delivered.
 *
 * The utility is that of proportional fairness (Kelly, "Charging and rate control for elastic
 * traffic", 1997), per flow and relative to the flow's demand.
 */
class FlowRecords : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param transport how the flows are carried
     * @param rateLimit rate at which a flow wants to send
     */
    void Configure(FlowTransport transport, DataRate rateLimit);
    /**
     * A flow starts.
     * @param port its source port, which another flow may have had before
     * @param bytes its size at the application
     * @param packets how many packets that makes (UDP)
     */
    void Start(uint16_t port, uint64_t bytes, uint32_t packets);
    /**
     * A balancer has placed a flow; connect to its trace source FlowPlaced.
     * @param number the flow's number in the balancer
     * @param tuple the flow
     * @param path index of its path
     */
    void Place(uint32_t number, const FiveTuple& tuple, uint32_t path);
    /**
     * A packet of a balanced flow was lost; connect to PathMonitor's FlowPacketLost.
     * @param number the flow's number in the balancer
     */
    void Lose(uint32_t number);
    /**
     * The receiver got application data.
     * @param port source port of the flow
     * @param number the flow's number in the balancer, 0 if the data do not say; then it is the
     *        last flow that started from the port
     * @param bytes how much
     */
    void Deliver(uint16_t port, uint32_t number, uint32_t bytes);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return what was seen in it
     */
    FlowInterval CloseInterval();
    /// @return the flows of which more may come, in the order of their starts
    std::vector<FlowRecord> GetUnfinished() const;

    /**
     * Signature of the trace source FlowCompleted.
     * @param flow what came of it
     */
    typedef void (*FlowCompletedCallback)(const FlowRecord& flow);

  private:
    /// One flow, from its start to the end of the interval in which it ended.
    struct Flow
    {
        FlowRecord record;             //!< what has come of it so far
        std::vector<uint32_t> numbers; //!< all that the balancer has given it
        int64_t packetsLeft;           //!< packets neither delivered nor lost yet (UDP)
        uint32_t intervalBytes{0};     //!< bytes delivered in this interval
        uint32_t intervalPackets{0};   //!< packets delivered in this interval
        uint32_t intervalLost{0};      //!< packets lost in this interval (UDP)
    };

    /**
     * @param flow a flow
     * @return share of its demand that it got in this interval; negative if it had no demand
     */
    double GetShare(const Flow& flow) const;
    /**
     * @param number a flow's number in the balancer
     * @return the flow, or null if it is over
     */
    Flow* Find(uint32_t number);
    /**
     * Note the end of a flow if nothing more will come of it.
     * @param flow a flow of which something has just been delivered or lost
     */
    void EndIfOver(Flow& flow);

    FlowTransport m_transport{FlowTransport::UDP};
    double m_rateLimit{0}; //!< bit/s
    double m_utilityFloor{0.05};
    Time m_intervalStart;
    uint64_t m_started{0};
    std::map<uint64_t, Flow> m_flows; //!< in the order of their starts, so that sums are the same
    std::unordered_map<uint16_t, uint64_t> m_ofPort; //!< the last flow that started from a port
    std::unordered_map<uint32_t, uint64_t> m_ofNumber;
    TracedCallback<const FlowRecord&> m_flowCompleted;
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_RECORDS_H
