// SPDX-License-Identifier: MIT
// raw-echo PORT BYTES
// Sends a message of BYTES bytes to a reply socket on this host, over and over, until an answer is
// empty: what a step costs ZeroMQ itself.

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>
#include <zmq.h>

int
main(int argc, char* argv[])
{
    char* end = nullptr;
    const unsigned long bytes = argc == 3 ? std::strtoul(argv[2], &end, 10) : 0;
    if (argc != 3 || *end != '\0')
    {
        std::cerr << "usage: raw-echo PORT BYTES" << std::endl;
        return 2;
    }
    const std::string endpoint = std::string("tcp://localhost:") + argv[1];
    const std::vector<char> request(bytes);
    void* context = zmq_ctx_new();
    void* socket = zmq_socket(context, ZMQ_REQ);
    bool isWanted = zmq_connect(socket, endpoint.c_str()) == 0;
    while (isWanted && zmq_send(socket, request.data(), request.size(), 0) >= 0)
    {
        zmq_msg_t answer;
        zmq_msg_init(&answer);
        isWanted = zmq_msg_recv(&answer, socket, 0) > 0;
        zmq_msg_close(&answer);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
