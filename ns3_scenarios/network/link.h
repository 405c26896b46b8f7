// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LINK_H
#define NS3KAN_LINK_H

#include <ns3/ipv4-interface-container.h>
#include <ns3/node.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/queue-disc.h>

#include <string>

namespace ns3::kan
{

/**
 * Join two nodes by a point-to-point link on which the queue of the device stands alone: no flow
 * control, and no queue discipline above it.
 * @param helper how to make the link
 * @param near first node
 * @param far second node
 * @param network network address of the link, mask /24
 * @return the interfaces of both nodes, with addresses
 */
Ipv4InterfaceContainer Link(PointToPointHelper& helper,
                            Ptr<Node> near,
                            Ptr<Node> far,
                            const std::string& network);

/**
 * Put a queue discipline before a device, which holds packets back while the device is busy.
 * @param device one end of such a link
 * @param discipline what waits before it
 */
void InstallBefore(Ptr<PointToPointNetDevice> device, Ptr<QueueDisc> discipline);

} // namespace ns3::kan

#endif // NS3KAN_LINK_H
