// SPDX-License-Identifier: GPL-2.0-only
// What Animation loads when it is used, and the only part that is linked with ns-3's netanim.

#include "animation.h"

#include <ns3/animation-interface.h>

#include <cstdint>
#include <limits>

/**
 * Begin a file for NetAnim.
 * @param file the file
 * @param nodes all nodes
 * @return what CloseNetAnim ends
 */
extern "C" void*
OpenNetAnim(const std::string& file, const std::vector<ns3::kan::RecordedNode>& nodes)
{
    for (const ns3::kan::RecordedNode& recorded : nodes)
    {
        ns3::AnimationInterface::SetConstantPosition(recorded.node, recorded.x, recorded.y);
    }
    auto animation = new ns3::AnimationInterface(file);
    animation->SetMaxPktsPerTraceFile(std::numeric_limits<uint64_t>::max());
    for (const ns3::kan::RecordedNode& recorded : nodes)
    {
        animation->UpdateNodeDescription(recorded.node, recorded.name);
    }
    return animation;
}

/**
 * Complete a file.
 * @param animation as OpenNetAnim has returned it
 */
extern "C" void
CloseNetAnim(void* animation)
{
    delete static_cast<ns3::AnimationInterface*>(animation);
}

static_assert(std::is_same_v<decltype(&OpenNetAnim), ns3::kan::Animation::Open>);
static_assert(std::is_same_v<decltype(&CloseNetAnim), ns3::kan::Animation::Close>);
