// SPDX-License-Identifier: GPL-2.0-only
#include "gym-environment.h"

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(GymEnvironment);

TypeId
GymEnvironment::GetTypeId()
{
    static TypeId tid = TypeId("ns3::GymEnvironment").SetParent<Object>().SetGroupName("Gym");
    return tid;
}

GymDescription
GymEnvironment::GetDescription() const
{
    return {};
}

bool
GymEnvironment::IsGameOver()
{
    return false;
}

std::string
GymEnvironment::GetExtraInfo()
{
    return "{}";
}

} // namespace ns3::kan
