// SPDX-License-Identifier: GPL-2.0-only
// test-runner --suite=NAME --verbose, as in a tree of ns-3; --list says which suites there are.

#include <ns3/test.h>

int
main(int argc, char* argv[])
{
    return ns3::TestRunner::Run(argc, argv);
}
