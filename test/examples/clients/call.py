# python3 call.py URL METHOD ARGUMENT…: makes one call and prints what came back as JSON.
import json
import sys
from xmlrpc.client import Fault, ServerProxy

url, method, *arguments = sys.argv[1:]
try:
    print(json.dumps({'value': getattr(ServerProxy(url), method)(*arguments)}, default=str))
except Fault as fault:
    print(json.dumps({'fault': [fault.faultCode, fault.faultString]}))
