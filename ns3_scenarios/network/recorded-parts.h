// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_RECORDED_PARTS_H
#define NS3KAN_RECORDED_PARTS_H

#include <ns3/net-device.h>
#include <ns3/node.h>

#include <string>
#include <vector>

namespace ns3::kan
{

/// A node of a network and where it is drawn.
struct RecordedNode
{
    Ptr<Node> node;   //!< the node
    std::string name; //!< what it is called
    double x;         //!< to the right [1]
    double y;         //!< downwards [1]
};

/// A device of a network whose packets are worth a file.
struct RecordedDevice
{
    Ptr<NetDevice> device; //!< the device
    std::string name;      //!< what it is called, fit for the name of a file
};

/// What of a network can be recorded.
struct RecordedParts
{
    std::vector<RecordedNode> nodes;     //!< all nodes
    std::vector<RecordedDevice> devices; //!< those whose packets are captured
};

} // namespace ns3::kan

#endif // NS3KAN_RECORDED_PARTS_H
