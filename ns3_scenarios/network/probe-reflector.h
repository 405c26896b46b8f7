// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PROBE_REFLECTOR_H
#define NS3KAN_PROBE_REFLECTOR_H

#include <ns3/application.h>
#include <ns3/ipv4-address.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/socket.h>

#include <cstdint>
#include <map>

namespace ns3::kan
{

/**
 * The far end of paths that PathProbers probe: counts the balanced packets and probes that come by
 * each path, adds up their one-way delays, and answers each probe with these sums by the path that
 * it came by. Packets of others, cross traffic, do not count.
 */
class ProbeReflector : public Application
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param prober address that the probes of the path come from
     * @param device at the far end of the path
     */
    void AddPath(Ipv4Address prober, Ptr<PointToPointNetDevice> device);

    /// UDP port that probes go to.
    static constexpr uint16_t PORT = 5002;

  protected:
    void DoDispose() override;

  private:
    /// What has come by a path.
    struct Seen
    {
        uint32_t received{0};
        Time delaySum;
    };

    void StartApplication() override;
    void StopApplication() override;
    static void Deliver(Seen* seen, Ptr<const Packet> packet);
    void Answer(Ptr<Socket> socket);

    Ptr<Socket> m_socket;
    std::map<Ipv4Address, Seen> m_paths; //!< by the address of the prober; callbacks point into it
};

} // namespace ns3::kan

#endif // NS3KAN_PROBE_REFLECTOR_H
