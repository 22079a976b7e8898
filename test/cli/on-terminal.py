"""Runs a command line on a terminal of its own, as a person would: python3 on-terminal.py STEPS COMMAND...

STEPS is a JSON array of ["expect", REGEX], ["type", TEXT], ["signal", NUMBER], ["pause", SECONDS], ["hang up", 0]; when
they are done it waits for the end. Prints {"output": ..., "status": ...}; the status is 128 + n after a signal. Gives up after 90 s.
"""
import json
import os
import pty
import re
import select
import signal
import sys
import time

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
give_up = time.monotonic() + 90
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
output = ""
seen = 0


def read(seconds):
    """Reads what comes within so many seconds; False at the end."""
    global output
    if not select.select([terminal], [], [], seconds)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    output += data.decode("utf-8", "replace")
    return data != b""


def stop(problem):
    os.kill(pid, signal.SIGKILL)
    sys.exit("%s; so far: %r" % (problem, output))


for what, how in steps:
    if what == "expect":
        while True:
            match = re.compile(how).search(output, seen)
            if match:
                seen = match.end()
                break
            if time.monotonic() > give_up or not read(0.1):
                stop("%r did not come" % how)
    elif what == "type":
        os.write(terminal, how.encode())
    elif what == "signal":
        os.kill(pid, how)
    elif what == "pause":
        until = time.monotonic() + how
        while time.monotonic() < until:
            read(0.05)
    elif what == "hang up":
        os.close(terminal)
        terminal = None
while terminal is not None and read(0.1):
    if time.monotonic() > give_up:
        stop("no end")
_, status = os.waitpid(pid, 0)
print(json.dumps({"output": output, "status": os.waitstatus_to_exitcode(status) % 256}))
