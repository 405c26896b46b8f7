// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_GENERATOR_H
#define NS3KAN_FLOW_GENERATOR_H

#include "flow-records.h"

#include "five-tuple.h"

#include <ns3/application.h>
#include <ns3/data-rate.h>
#include <ns3/event-id.h>
#include <ns3/inet-socket-address.h>
#include <ns3/nstime.h>
#include <ns3/random-variable-stream.h>
#include <ns3/socket.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <map>

namespace ns3::kan
{

/**
 * Sends flows from one host to a FlowSink.
 *
 * Flows arrive as a Poisson process whose rate follows a sinusoidal load profile with a random
 * phase. Each flow has a socket of its own, draws its size from FlowSize and offers its packets
 * at the rate limit, over UDP or TCP. A host has 16,384 ports for its flows, which take them in
 * turn: who remembers flows by their ports needs to know of FlowStarted.
 */
class FlowGenerator : public Application
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    FlowGenerator();

    /**
     * @param local address that the packets of this host carry
     * @param remote where the sink listens
     * @param transport how the flows are carried
     * @param records where starts of flows are noted
     */
    void Configure(Ipv4Address local,
                   InetSocketAddress remote,
                   FlowTransport transport,
                   Ptr<FlowRecords> records);
    /**
     * @param t simulated time
     * @return the offered load at that time, application bytes as a rate [bit/s]
     */
    double GetOfferedLoad(Time t) const;
// Application has AssignStreams from ns-3.38 on only, so that this one cannot say `override`.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winconsistent-missing-override"
#endif
    /**
     * @param stream first stream number
     * @return how many streams were taken
     */
    int64_t AssignStreams(int64_t stream);
#ifdef __clang__
#pragma clang diagnostic pop
#endif

    /**
     * Signature of the trace source FlowStarted.
     * @param tuple of the flow
     */
    typedef void (*FlowStartedCallback)(const FiveTuple& tuple);

  protected:
    void DoDispose() override;

  private:
    /// A flow that has not handed all its bytes to its socket yet.
    struct Sender
    {
        Ptr<Socket> socket;  //!< the flow's own socket
        uint64_t bytesLeft;  //!< bytes not yet due
        uint64_t backlog{0}; //!< bytes that are due but that TCP has not taken yet
    };

    void StartApplication() override;
    void StopApplication() override;
    void ScheduleArrival();
    void Arrive();
    void StartFlow();
    void SendNext(uint16_t port);
    void Push(Sender& sender);
    void ResumePush(Ptr<Socket> socket, uint32_t available);

    Ipv4Address m_local;
    InetSocketAddress m_remote;
    FlowTransport m_transport{FlowTransport::UDP};
    Ptr<FlowRecords> m_records;
    DataRate m_minLoad;
    DataRate m_maxLoad;
    Time m_period;
    DataRate m_rateLimit;
    uint32_t m_payload{0};
    uint32_t m_buffer{0};
    Time m_segmentLifetime;
    Ptr<RandomVariableStream> m_size;
    double m_meanSize{0};
    double m_phase{0};
    Ptr<ExponentialRandomVariable> m_gap;
    Ptr<UniformRandomVariable> m_uniform;
    EventId m_nextArrival;
    std::map<uint16_t, Sender> m_senders; //!< by source port
    TracedCallback<const FiveTuple&> m_flowStarted;
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_GENERATOR_H
