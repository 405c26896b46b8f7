// SPDX-License-Identifier: GPL-2.0-only
#include "flow-sink.h"

#include "path-tag.h"

#include <ns3/inet-socket-address.h>
#include <ns3/log.h>
#include <ns3/node.h>
#include <ns3/packet.h>
#include <ns3/uinteger.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FlowSink");
NS_OBJECT_ENSURE_REGISTERED(FlowSink);

TypeId
FlowSink::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FlowSink")
                            .SetParent<Application>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<FlowSink>();
    return tid;
}

void
FlowSink::Configure(uint16_t port,
                    FlowTransport transport,
                    Ptr<FlowRecords> records,
                    uint32_t buffer)
{
    NS_LOG_FUNCTION(this);
    m_buffer = buffer;
    m_port = port;
    m_transport = transport;
    m_records = records;
}

void
FlowSink::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_records = nullptr;
    m_listener = nullptr;
    m_connections.clear();
    Application::DoDispose();
}

void
FlowSink::StartApplication()
{
    NS_LOG_FUNCTION(this);
    const bool udp = m_transport == FlowTransport::UDP;
    m_listener = Socket::CreateSocket(
        GetNode(), TypeId::LookupByName(udp ? "ns3::UdpSocketFactory" : "ns3::TcpSocketFactory"));
    m_listener->Bind(InetSocketAddress(Ipv4Address::GetAny(), m_port));
    if (!udp)
    {
        m_listener->SetAttribute("RcvBufSize", UintegerValue(m_buffer));
        m_listener->Listen();
        m_listener->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(),
                                      MakeCallback(&FlowSink::Accept, this));
    }
    m_listener->SetRecvCallback(MakeCallback(&FlowSink::Receive, this));
}

void
FlowSink::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_listener->Close();
    for (const Ptr<Socket>& connection : m_connections)
    {
        connection->Close();
    }
    m_connections.clear();
}

void
FlowSink::Accept(Ptr<Socket> socket, const Address&)
{
    socket->SetRecvCallback(MakeCallback(&FlowSink::Receive, this));
    socket->SetCloseCallbacks(MakeCallback(&FlowSink::PeerClosed, this),
                              MakeCallback(&FlowSink::PeerClosed, this));
    m_connections.push_back(socket);
}

void
FlowSink::Receive(Ptr<Socket> socket)
{
    Address from;
    while (Ptr<Packet> packet = socket->RecvFrom(from))
    {
        if (packet->GetSize() == 0)
        {
            return; // TCP's end of stream
        }
        // TCP keeps no tags, but no port either that is still in use.
        PathTag tag;
        const bool isKnown = m_transport == FlowTransport::UDP && packet->PeekPacketTag(tag);
        m_records->Deliver(InetSocketAddress::ConvertFrom(from).GetPort(),
                           isKnown ? tag.GetFlow() : PathTag::UNBALANCED,
                           packet->GetSize());
    }
}

void
FlowSink::PeerClosed(Ptr<Socket> socket)
{
    socket->Close();
    m_connections.remove(socket);
}

} // namespace ns3::kan
