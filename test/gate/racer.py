# Passes the gate FILE with each token that comes on standard input, and runs `sh -c COMMAND LOG TOKEN` in it; says how that ended.
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../clients'))
sys.dont_write_bytecode = True
import lockd  # noqa: E402

FILE, LOG, COMMAND = sys.argv[1:]

for line in sys.stdin:
    token = line.strip()
    try:
        with lockd.gate(FILE, token):
            status = subprocess.run(['sh', '-c', COMMAND, LOG, token], stdin=subprocess.DEVNULL).returncode
    except lockd.GateClosed:
        status = 76
    print(status, flush=True)
