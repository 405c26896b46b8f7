// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_SINK_H
#define NS3KAN_FLOW_SINK_H

#include "flow-records.h"

#include <ns3/application.h>
#include <ns3/socket.h>

#include <cstdint>
#include <list>

namespace ns3::kan
{

/// Receives the flows of a FlowGenerator and notes what was delivered of each.
class FlowSink : public Application
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param port UDP or TCP port to listen at
     * @param transport how the flows are carried
     * @param records where deliveries are noted
     * @param buffer what a TCP socket holds [byte]
     */
    void Configure(uint16_t port,
                   FlowTransport transport,
                   Ptr<FlowRecords> records,
                   uint32_t buffer);

  protected:
    void DoDispose() override;

  private:
    void StartApplication() override;
    void StopApplication() override;
    void Accept(Ptr<Socket> socket, const Address& from);
    void Receive(Ptr<Socket> socket);
    void PeerClosed(Ptr<Socket> socket);

    uint16_t m_port{0};
    uint32_t m_buffer{0};
    FlowTransport m_transport{FlowTransport::UDP};
    Ptr<FlowRecords> m_records;
    Ptr<Socket> m_listener;
    std::list<Ptr<Socket>> m_connections;
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_SINK_H
