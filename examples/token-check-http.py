#!/usr/bin/env python3
"""
The token check behind HTTP: a value that only the newest holder of its lock may change.

    python3 token-check-http.py value.db 8080
    curl -X PUT -H "X-Fencing-Token: $LOCKD_TOKEN" --data 'new value' http://localhost:8080/

204: written. 409: a higher token was here; stop. 428: no token. The highest token is saved in the same transaction as the
value, so that a restart forgets neither.
"""
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

path, port = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(path)
database.execute('CREATE TABLE IF NOT EXISTS value (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER, text BLOB)')
WRITE = """INSERT INTO value (one, token, text) VALUES (1, :token, :text)
ON CONFLICT (one) DO UPDATE SET token = excluded.token, text = excluded.text WHERE value.token <= excluded.token"""


class Handler(BaseHTTPRequestHandler):
    def do_PUT(self):
        text = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        token = self.headers.get('X-Fencing-Token', '')
        if not (token.isascii() and token.isdigit() and len(token) <= 18 and int(token) > 0):
            return self.answer(428, 'Send the token of your lock as X-Fencing-Token')
        with database:
            written = database.execute(WRITE, {'token': int(token), 'text': text}).rowcount
        if not written:
            return self.answer(409, 'A higher token was here: the lock is somebody else\'s by now')
        self.answer(204)

    def do_GET(self):
        found = database.execute('SELECT text FROM value').fetchone()
        self.answer(200, found[0].decode(errors='replace') if found else '')

    def answer(self, status, text=''):
        body = text.encode()
        self.send_response(status)
        if status != 204:
            self.send_header('Content-Type', 'text/plain; charset=utf-8')
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(('127.0.0.1', port), Handler)
print(f'http://127.0.0.1:{server.server_port}/', flush=True)
server.serve_forever()
