# Waits for a lock with a retry key, through restarts of the daemon, as any program should; prints its token.
import http.client
import sys
import time
import xmlrpc.client

url, resource, client = sys.argv[1:]
options = {"wait": 25, "ttl": 30, "request": f"{client} wants {resource}"}


def lock():
    while True:
        try:
            return xmlrpc.client.ServerProxy(url).lock(resource, client, options)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in (4, 16):
                raise
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)


hold = lock()
print(hold["token"])
