// SPDX-License-Identifier: GPL-2.0-only
// What every ns-3 type of this module must have: help texts, checkers, signatures of its traces.

#include <ns3/test.h>
#include <ns3/type-id.h>

#include <string>

using namespace ns3;

namespace
{

/// Looks at all types of this module that are registered.
class DocumentationTestCase : public TestCase
{
  public:
    DocumentationTestCase()
        : TestCase("attributes have help and a checker, trace sources help and a signature")
    {
    }

  private:
    void DoRun() override
    {
        uint32_t types = 0;
        uint32_t attributes = 0;
        uint32_t traces = 0;
        for (uint16_t i = 0; i < TypeId::GetRegisteredN(); ++i)
        {
            const TypeId type = TypeId::GetRegistered(i);
            if (type.GetGroupName() != "Ns3kan" && type.GetGroupName() != "Gym")
            {
                continue;
            }
            ++types;
            for (std::size_t j = 0; j < type.GetAttributeN(); ++j)
            {
                const TypeId::AttributeInformation attribute = type.GetAttribute(j);
                const std::string name = type.GetAttributeFullName(j);
                ++attributes;
                NS_TEST_EXPECT_MSG_EQ(attribute.help.empty(), false, name << " lacks help");
                NS_TEST_ASSERT_MSG_NE(attribute.checker, nullptr, name << " lacks a checker");
                NS_TEST_EXPECT_MSG_NE(attribute.checker->CreateValidValue(*attribute.initialValue),
                                      nullptr,
                                      name << " refuses its own default");
            }
            for (std::size_t j = 0; j < type.GetTraceSourceN(); ++j)
            {
                const TypeId::TraceSourceInformation trace = type.GetTraceSource(j);
                const std::string name = type.GetName() + "::" + trace.name;
                ++traces;
                NS_TEST_EXPECT_MSG_EQ(trace.help.empty(), false, name << " lacks help");
                NS_TEST_EXPECT_MSG_EQ(
                    trace.callback.rfind("ns3::", 0), 0, name << " lacks a signature");
            }
        }
        NS_TEST_EXPECT_MSG_GT(types, 10, "the module's types are registered");
        NS_TEST_EXPECT_MSG_GT(attributes, 10, "and have attributes");
        NS_TEST_EXPECT_MSG_GT(traces, 4, "and trace sources");
    }
};

/// The module's types.
class TypesTestSuite : public TestSuite
{
  public:
    TypesTestSuite()
        : TestSuite("ns3kan-types")
    {
        AddTestCase(new DocumentationTestCase);
    }
};

TypesTestSuite g_typesTestSuite; //!< registers itself

} // namespace
