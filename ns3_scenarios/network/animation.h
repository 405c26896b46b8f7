// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_ANIMATION_H
#define NS3KAN_ANIMATION_H

#include "recorded-parts.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A file for NetAnim that is written while the simulation runs.
 *
 * ns-3's netanim library is linked with all of its wireless models, which would triple the time
 * that every simulator takes to start. Hence it is only loaded, by a plug-in, when it is used.
 */
class Animation
{
  public:
    /**
     * Start to write.
     * @param file the file; replaced if it exists
     * @param nodes all nodes
     * @throws std::runtime_error if the plug-in is missing
     */
    Animation(const std::string& file, const std::vector<RecordedNode>& nodes);
    /// Completes the file.
    ~Animation();
    Animation(const Animation&) = delete;
    Animation& operator=(const Animation&) = delete;

    /// Type of the plug-in's function OpenNetAnim: takes what the constructor does.
    typedef void* (*Open)(const std::string& file, const std::vector<RecordedNode>& nodes);
    /// Type of the plug-in's function CloseNetAnim: takes what OpenNetAnim has returned.
    typedef void (*Close)(void* animation);

  private:
    void* m_animation; //!< the plug-in's
    Close m_close;     //!< ends it
};

} // namespace ns3::kan

#endif // NS3KAN_ANIMATION_H
