// SPDX-License-Identifier: MIT
// tie-to-parent PID COMMAND [ARGUMENTS…]
// Becomes COMMAND, after asking the kernel to kill it when the process that started it (PID)
// dies, however that happens: no simulator outlives its Python.

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char* argv[])
{
    if (argc < 3)
    {
        std::cerr << "usage: tie-to-parent PID COMMAND [ARGUMENTS...]" << std::endl;
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != std::atoi(argv[1]))
    {
        return 1; // the parent died before the request took effect
    }
    execv(argv[2], argv + 2);
    std::cerr << "cannot execute " << argv[2] << ": " << std::strerror(errno) << std::endl;
    return 127;
}
