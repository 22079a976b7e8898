"""A service manager's end of NOTIFY_SOCKET: prints each message that comes as one line of JSON."""
import array
import json
import os
import socket
import sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print("ready", flush=True)
while True:
    data, ancillary, _flags, _address = server.recvmsg(65536, socket.CMSG_LEN(4 * 4))
    # BARRIER=1 comes with a descriptor: that it is closed says that all before was read.
    for _level, _kind, content in ancillary:
        descriptors = array.array("i")
        descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        for descriptor in descriptors:
            os.close(descriptor)
    print(json.dumps(data.decode().strip().split("\n")), flush=True)
