// SPDX-License-Identifier: GPL-2.0-only
#include "animation.h"

#include <dlfcn.h>

#include <stdexcept>

namespace ns3::kan
{

Animation::Animation(const std::string& file, const std::vector<RecordedNode>& nodes)
{
    // Lazily, since libraries of the wheel name functions that only their build machine had. Never
    // closed: the types that ns-3 registers stay.
    void* plugin = dlopen("libns3kan-netanim.so", RTLD_LAZY | RTLD_GLOBAL);
    if (!plugin)
    {
        throw std::runtime_error(std::string("no animation can be written, since this build has no "
                                             "netanim: build with ns-3's netanim module (") +
                                 dlerror() + ")");
    }
    const auto open = reinterpret_cast<Open>(dlsym(plugin, "OpenNetAnim"));
    m_close = reinterpret_cast<Close>(dlsym(plugin, "CloseNetAnim"));
    m_animation = open(file, nodes);
}

Animation::~Animation()
{
    m_close(m_animation);
}

} // namespace ns3::kan
