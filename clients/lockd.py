#!/usr/bin/env python3
"""
lockd.py: locks of a lockd daemon, in one file. Python 3.8 or later, nothing but the standard library.

As a module. The lock is renewed in the background; the token rises with every grant, give it to whatever you write to:

    import lockd
    with lockd.lock('deploy/prod', ttl=30, wait=10) as hold:
        deploy(fencing_token=hold.token)
        hold.check()                      # raises LockLost as soon as the lock may be somebody else's

As a command. It ends the command before the lock can be anybody else's, and gives the lock back on every way out:

    python3 lockd.py run --wait 5m deploy/prod -- ./deploy

At the resource itself, with no daemon: an old command never runs after a newer one, nor beside it:

    python3 lockd.py gate /srv/app/token "$LOCKD_TOKEN" -- ./switch-release

Where the daemon is: LOCKD_URL, Client(url=...), or --url; http://HOST:PORT, https://HOST:PORT or unix:/PATH, several
addresses of one cluster by comma. Who locks: LOCKD_CLIENT, Client(client=...), or --client. Who calls, where the daemon
wants to know: LOCKD_USER with LOCKD_SECRET_FILE, or user and secret in LOCKD_URL. Whom to trust with https: the system's
authorities, or LOCKD_CA alone; LOCKD_CERT and LOCKD_KEY are shown. In Robot Framework: `Library  lockd.py`, see the class
`lockd`.

How long a lock is counted on: from the moment when the request for it was SENT, for nine tenths of its ttl, by a clock
that goes on while the machine sleeps. So it ends here before it ends at the daemon. A renewal that fails is tried again
until then; that the daemon says the lock is lost counts at once.
"""
import atexit
import base64
import calendar
import collections
import contextlib
import datetime
import errno
import http.client
import io
import itertools
import json
import logging
import math
import os
import random
import re
import select
import shlex
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import unicodedata
import urllib.parse
import uuid
import xmlrpc.client
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

try:
    import fcntl
    import pwd
except ImportError:  # Windows has locks from here, but no `run` and no `gate`.
    fcntl = pwd = None
try:
    import ssl
except ImportError:  # a Python without it speaks http:// only
    ssl = None

VERSION = '0.0.0'  # the daemon that handed this file out fills this in
DEFAULT_URL = 'http://127.0.0.1:7420'

__all__ = [
    'lock', 'try_lock', 'enqueue', 'default_client', 'gate', 'Client', 'Hold', 'Place', 'Retry',
    'Error', 'Refused', 'Unavailable', 'OutcomeUnknown', 'NotLockd', 'NotAllowed', 'LockLost', 'GateRefused', 'GateClosed', 'GateBusy',
    'BadParameter', 'Held', 'NotOwner', 'NotLocked', 'TimedOut', 'LimitMismatch', 'NotQueued', 'LineFull', 'Lost',
    'Fencing', 'StaleToken', 'RequestReused', 'Unreadable', 'Denied', 'TooMany', 'StorageFull', 'Stopping', 'Ended',
    'AlreadyInLine', 'TakenOver',
]

_log = logging.getLogger('lockd')

# Seconds for one connection: a lost SYN is sent again after 1 s.
CONNECT_SECONDS = 2.0
# Seconds for which one call waits in the line: many proxies cut what is silent for 30 s.
SLICE_SECONDS = 25.0
# The same in a cluster, whose leader may have been stopped, and the seconds for its answer: then another one is asked.
CLUSTER_SLICE_SECONDS = 5.0
COMEBACK_SECONDS = 5.0
# Seconds for the first answer to what can be asked of another one, too; twice as many each time that it is asked again.
SOON_SECONDS = 2.5
# Seconds for which a call to a cluster is tried: another one leads within 10. And the pauses within.
FAILOVER_SECONDS = 15.0
LONGEST_PAUSE_SECONDS, LEAST_PAUSE_SECONDS = 1.0, 0.2
# Seconds for which the daemon keeps the place of a client that is away, unless it is asked otherwise.
CLAIM_SECONDS = 30.0
# Seconds between two tries to come back to a place, and between two looks at who is in the way.
RETURN_SECONDS = 1.0
LOOK_SECONDS = 5.0
# Bytes of an answer: 10,000 resources are 12 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
# The part of a lease that is counted on, and the part after which it is renewed.
SAFE_PART = 0.9
RENEW_PART = 1 / 3
# Seconds for which processes may withstand SIGKILL, as those do that hang in a dead file system.
KILL_SECONDS = 10.0
# A gate's file is written anew beyond the first; beyond the second it cannot be one.
GATE_BYTES = 4096
MAX_GATE_BYTES = 1024 * 1024

# Exit statuses of the command line; 69, 70, 75 and 77 are those of sysexits.h.
DONE, REFUSED, USAGE, NO_DAEMON, DEFECT, GAVE_UP, STALE, NOT_ALLOWED = 0, 1, 2, 69, 70, 75, 76, 77
CANNOT_RUN, NOT_FOUND = 126, 127


# ---------------------------------------------------------------- errors


class Error(Exception):
    """Everything that this module raises by itself."""

    exit_status = DEFECT


class Refused(Error):
    """The daemon says no, and nothing has changed. `code` is the number of the refusal, `text` what it says."""

    code = 0
    exit_status = REFUSED
    # Whether an earlier try of the same call may have been carried out, its answer lost.
    after_lost_answer = False

    def __init__(self, text: str, code: Optional[int] = None):
        super().__init__(text)
        self.text = text
        if code is not None:
            self.code = code

    @property
    def name(self) -> str:
        """How JSON calls it: lineFull is the name of LineFull."""
        name = type(self).__name__
        return name[0].lower() + name[1:]


class Unavailable(Error):
    """No daemon answers, and nothing has changed."""

    exit_status = NO_DAEMON


class OutcomeUnknown(Unavailable):
    """The call was sent and its answer was lost: it may have been carried out or not."""


class NotLockd(Unavailable):
    """Something answered, but not the lockd that was meant."""


class NotAllowed(Error):
    """The daemon does not let us in: it wants to know who calls, or does not know this user with this secret."""

    exit_status = NOT_ALLOWED


class LockLost(Error):
    """The lock is, or may be, no longer ours: stop the work that it was for."""

    exit_status = STALE


class GateRefused(Error):
    """The gate cannot tell which tokens it has seen, and lets nobody pass."""

    exit_status = REFUSED


class GateClosed(GateRefused):
    """A higher token has passed before: the work of this one is over."""

    exit_status = STALE


class GateBusy(GateRefused):
    """Somebody else's command did not end in time."""

    exit_status = GAVE_UP


class BadParameter(Refused, ValueError):
    """No daemon could do that; the text names the parameter."""

    code, exit_status = -32602, USAGE


class Held(Refused):
    """As many hold it as may, or it is kept for the first in the line, or the caller holds it already."""

    code = 1


class NotOwner(Refused):
    """Somebody else holds it."""

    code = 2


class NotLocked(Refused):
    """Nobody holds it."""

    code = 3


class TimedOut(Refused):
    """It did not come free in time."""

    code, exit_status = 4, GAVE_UP


class LimitMismatch(Refused):
    """It is in use with another limit."""

    code = 5


class NotQueued(Refused):
    """The client has no place in the line."""

    code = 6


class LineFull(Refused):
    """The line has no place left."""

    code, exit_status = 7, GAVE_UP


class Lost(Refused):
    """The hold ended against its holder's will."""

    code, exit_status = 8, STALE


class Fencing(Refused):
    """Whoever lost it is not fenced yet."""

    code, exit_status = 9, GAVE_UP


class StaleToken(Refused):
    """The token is not that of the hold."""

    code, exit_status = 10, STALE


class RequestReused(Refused):
    """The retry key came before with other options."""

    code, exit_status = 11, USAGE


class Unreadable(Refused):
    """Its lock file cannot be read: an operator must look at it."""

    code = 12


class Denied(Refused):
    """This user may not do that."""

    code, exit_status = 13, NOT_ALLOWED


class TooMany(Refused):
    """The client waits in too many lines, or the daemon holds too many locks."""

    code, exit_status = 14, GAVE_UP


class StorageFull(Refused):
    """The daemon cannot save the change."""

    code, exit_status = 15, GAVE_UP


class Stopping(Refused, Unavailable):
    """The daemon is stopping, or is not the one that decides."""

    code, exit_status, name = 16, NO_DAEMON, 'unavailable'
    # Where the leader of the cluster is, as one says who does not lead, and knows.
    leader: Optional[str] = None


class Ended(Refused):
    """The hold of this retry key has ended."""

    code = 17


class AlreadyInLine(Refused):
    """The client waits for it already."""

    code = 18


class TakenOver(Refused):
    """Another call waits on the same place now."""

    code, exit_status = 19, GAVE_UP


_REFUSALS = {kind.code: kind for kind in Refused.__subclasses__()}

# What a renewal may be answered that leaves no doubt: the lock is not ours any more.
_LOSSES = (Lost, StaleToken, NotLocked, NotOwner, Ended)


def _refusal(code: int, text: str) -> Refused:
    if code in _REFUSALS:
        return _REFUSALS[code](text)
    refused = Refused(text, code)
    # Other faults of the protocol are defects of one side; positive codes are refusals of a newer lockd.
    refused.exit_status = DEFECT if code < 0 else REFUSED
    return refused


# ---------------------------------------------------------------- time

# The clock that goes on while the machine sleeps: Linux calls it so, on other systems CLOCK_MONOTONIC does.
_SLEEPLESS = getattr(time, 'CLOCK_BOOTTIME', getattr(time, 'CLOCK_MONOTONIC', None))


def _sleepless() -> float:
    return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)


_CLOCK_START = (time.monotonic(), _sleepless())


def clock() -> float:
    """Seconds since this module was loaded, on whichever clock has gone further: leases are counted by it."""
    return max(time.monotonic() - _CLOCK_START[0], _sleepless() - _CLOCK_START[1])


# ---------------------------------------------------------------- where the daemon is, and who calls


class _Address(NamedTuple):
    """Where a daemon listens, without user and secret, so that it can be shown."""

    text: str  # as people write it
    scheme: str
    host: str
    port: int
    path: str  # of the requests, or of the socket


class _User(NamedTuple):
    """Who calls, and what proves it. It never shows the secret."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return '<lockd user {!r}>'.format(self.name)

    @property
    def authorization(self) -> str:
        """For the header of that name."""
        return 'Basic ' + base64.b64encode(':'.join(self).encode('utf-8')).decode('ascii')


def _user(name: str, secret: str) -> _User:
    """Who calls, where that can be one."""
    if not name or not secret or ':' in name or any(unicodedata.category(one) == 'Cc' for one in name + secret):
        raise BadParameter('a user is a name without colon, and a secret, both printable text; both, or neither')
    return _User(name, secret)


def _read_urls(text: str) -> Tuple[List[_Address], Optional[_User]]:
    """The addresses of one cluster, by comma, and who calls there, where one of them says so."""
    # Empty ones are left out, as those behind the last comma.
    parts = [part.strip() for part in text.split(',') if part.strip()] or ['']
    try:
        addresses, users = zip(*map(_read_url, parts))
    except BadParameter:
        if '@' not in text:
            raise
        # Whatever is wrong with it, a secret is not shown, nor a part of it.
        problem = 'must be like http://user:secret@127.0.0.1:7420, both percent-encoded where they have odd characters'
        raise BadParameter(problem) from None
    if len(addresses) > 1 and any(address.scheme == 'open' for address in addresses):
        raise BadParameter('must not name open:// beside other addresses')
    if len(set(users)) > 1:
        raise BadParameter('must name the same user and secret with every address of a cluster, or with none')
    return list(addresses), users[0]


def _read_url(text: str) -> Tuple[_Address, Optional[_User]]:
    if text == 'open://':
        return _Address(text, 'open', '', 0, ''), None
    if text.startswith('unix:'):
        socket_path = text[len('unix:') :]
        if not socket_path or re.search('[?#]', socket_path) or not hasattr(socket, 'AF_UNIX'):
            raise BadParameter("must be like unix:/run/lockd.sock, on a system that has such sockets, not '{}'".format(text))
        return _Address(text, 'unix', 'localhost', 80, socket_path), None
    found = re.match(r'(?i)(https?)://(?:([^/?#\\\s]*)@)?([^@]*|[^/?#]*/.*)$', text)
    scheme, userinfo, rest = found.groups() if found else ('', None, '')
    try:
        # Without what may be in a secret, such as the brackets of an address.
        url = urllib.parse.urlsplit('{}://{}'.format(scheme.lower(), rest))
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not found or not host or port == 0:
        raise BadParameter("must be like http://127.0.0.1:7420, not '{}'".format(text))
    if url.query or url.fragment:
        raise BadParameter("must end with its path, not '{}'".format(text))
    if re.search('[^!-~]', rest):
        raise BadParameter("must be written without spaces and in ASCII, not '{}'".format(text))
    if url.scheme == 'https' and ssl is None:
        raise BadParameter("is '{}', but this Python was built without TLS".format(text))
    user = None
    if userinfo is not None:
        name, _, secret = userinfo.partition(':')
        user = _user(urllib.parse.unquote(name), urllib.parse.unquote(secret))
    path = url.path.rstrip('/')
    place = '{}://{}{}'.format(url.scheme, url.netloc, path)
    return _Address(place, url.scheme, host, port or (443 if url.scheme == 'https' else 80), path or '/'), user


def _environment() -> Dict[str, str]:
    """Ours, for a command: where the daemon is, but no secret."""
    environment = dict(os.environ)
    if '@' in environment.get('LOCKD_URL', ''):
        try:
            environment['LOCKD_URL'] = ','.join(address.text for address in _read_urls(environment['LOCKD_URL'])[0])
        except BadParameter:
            del environment['LOCKD_URL']
    return environment


def _find_user(name: Optional[str], secret: Optional[str], in_url: Optional[_User], is_url_given: bool) -> Optional[_User]:
    """Who calls: as given, or as a URL that was given says; without one as the variables say, in one way; nobody, perhaps."""
    if name is None and secret is None:
        # A daemon that the program named itself is not shown the secret of another one.
        if is_url_given:
            return in_url
        name, file = os.environ.get('LOCKD_USER') or None, os.environ.get('LOCKD_SECRET_FILE') or None
        if (name is None) != (file is None):
            raise BadParameter('LOCKD_USER and LOCKD_SECRET_FILE belong together: set both, or neither')
        if in_url and name is not None:
            raise BadParameter('LOCKD_URL names a user, and so does LOCKD_USER: leave one of them out')
        secret = None if file is None else _read_secret(file)
    if name is None and secret is None:
        return in_url
    return _user(name or '', secret or '')


def _read_secret(file: str) -> str:
    try:
        with open(file, 'rb') as opened:
            secret = opened.read(4096).decode('utf-8')
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, 'strerror', None) or 'it is no text'
        raise BadParameter('LOCKD_SECRET_FILE: {} cannot be read ({})'.format(file, reason)) from None
    secret = re.sub('\r?\n\\Z', '', secret)
    if not secret or re.search('[\0-\x1f]', secret):
        raise BadParameter('LOCKD_SECRET_FILE: {} must have the secret alone, on one line'.format(file))
    return secret


def _tls_context(ca: Optional[str], cert: Optional[str], key: Optional[str]) -> Any:
    """Whom we trust, and what we show. A given authority stands for those of the system."""
    if key and not cert:
        raise BadParameter('LOCKD_KEY belongs to a certificate: set LOCKD_CERT, too')
    names = 'LOCKD_CA: {}'.format(ca)
    try:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        names = 'LOCKD_CERT: {}, LOCKD_KEY: {}'.format(cert, key or cert)
        if cert:
            # Without a password of its own it would ask at the terminal for that of an encrypted key.
            context.load_cert_chain(cert, key, password='')
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, FileNotFoundError) else 'it is no PEM that can be used without password'
        raise BadParameter('{} cannot be read ({})'.format(names, reason)) from problem
    return context


# ---------------------------------------------------------------- one exchange with a daemon


class _Cut(Exception):
    """No whole answer came."""

    def __init__(self, sent: bool, problem: str, slow: bool = False):
        super().__init__(problem)
        self.sent = sent  # whether a connection stood, so that the request may have been read
        self.slow = slow  # whether our patience ended, and not the connection


class _Page(NamedTuple):
    """An HTTP answer, whatever its status."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class _BoundedSocket:
    """A socket whose every wait ends at one deadline, however slowly the other end drips."""

    def __init__(self, sock: socket.socket, deadline: float):
        self._sock, self._deadline = sock, deadline

    def _patience(self) -> None:
        left = self._deadline - clock()
        if left <= 0:
            raise socket.timeout('no answer in time')
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self._patience()
        self._sock.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._patience()
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_SocketBytes(self))

    def close(self) -> None:
        """Nothing yet: http.client lets go of the connection before it has read the answer."""


class _SocketBytes(io.RawIOBase):
    def __init__(self, sock: _BoundedSocket):
        super().__init__()
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)


class _Wire:
    """How requests get to a daemon: as whom, and over which connections."""

    def __init__(self, user: Optional[_User], context: Any):
        self.user, self._context = user, context
        # Where the last one led: a name is looked up again only when that does not answer any more.
        self._peers: Dict[Tuple[str, int], Tuple[str, int]] = {}

    def exchange(self, address: _Address, path: str, body: Optional[bytes], connect: float, answer: float) -> _Page:
        """One request and its answer over a connection of its own. It tries once and follows no redirect. Raises _Cut."""
        connection = http.client.HTTPConnection(address.host, address.port)
        target = address.host, address.port
        # Others call at the same time, and know it too.
        peer = self._peers.get(target)
        sock, sent, page = None, False, None
        try:
            sock = self._connect(address, peer or target, connect)
            sent = True
            connection.sock = _BoundedSocket(sock, clock() + answer)
            headers = {'Content-Type': 'text/xml', 'Connection': 'close', 'User-Agent': 'lockd.py/' + VERSION}
            if self.user:
                headers['Authorization'] = self.user.authorization
            connection.request('GET' if body is None else 'POST', path, body, headers)
            page = _read_page(connection.getresponse())
            if address.scheme != 'unix':
                self._peers[target] = sock.getpeername()[:2]
            return page
        except socket.timeout as problem:
            raise _Cut(sent, 'no answer within {:g} s'.format(answer) if sent else 'no connection', sent) from problem
        except (OSError, UnicodeError, http.client.HTTPException) as problem:
            refused = isinstance(problem, ConnectionRefusedError)
            raise _Cut(sent, 'connection refused' if refused else str(problem) or type(problem).__name__) from problem
        finally:
            if page is None and self._peers.get(target) == peer:
                self._peers.pop(target, None)
            if sock is not None:
                sock.close()

    def _connect(self, address: _Address, target: Tuple[str, int], seconds: float) -> socket.socket:
        if address.scheme == 'unix':
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(seconds)
            return _connected(sock, lambda: sock.connect(address.path))
        sock = socket.create_connection(target, timeout=seconds)
        return _connected(sock, lambda: self._greet(sock, address))

    def _greet(self, sock: socket.socket, address: _Address) -> Optional[socket.socket]:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if address.scheme != 'https':
            return None
        try:
            return self._context.wrap_socket(sock, server_hostname=address.host)
        except ssl.SSLCertVerificationError as problem:
            raise NotLockd(
                '{} shows a certificate that is not trusted ({}). Name the authority that signed it with LOCKD_CA, and the '
                'daemon as the certificate does'.format(address.text, problem.verify_message)
            ) from problem


def _connected(sock: socket.socket, connect: Callable[[], Optional[socket.socket]]) -> socket.socket:
    """The socket, or what `connect` makes of it; closed where that fails."""
    try:
        return connect() or sock
    except BaseException:
        sock.close()
        raise


def _read_page(response: http.client.HTTPResponse) -> _Page:
    # http.client takes the end of a connection for the end of the head.
    if response.length is None and not response.chunked:
        raise _Cut(True, 'the answer was cut off, or does not say how long it is')
    content = bytearray()
    for piece in iter(lambda: response.read(65536), b''):
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise _Cut(True, 'an answer of more than {:,} bytes'.format(MAX_ANSWER_BYTES))
    if response.length:
        raise _Cut(True, 'the answer was cut off')
    return _Page(response.status, response.headers, bytes(content))


_NOT_IN_XML = re.compile('[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def _write_call(method: str, parameters: Tuple[Any, ...]) -> bytes:
    """The call as XML; options without a value are left out."""

    def writable(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {one: writable(one, member) for one, member in value.items() if member is not None}
        odd = _NOT_IN_XML.search(value) if isinstance(value, str) else None
        if odd:
            text = "{}: parameter '{}' must be printable text, but has U+{:04X}"
            raise BadParameter(text.format(method, name, ord(odd.group())))
        if isinstance(value, float) and not math.isfinite(value):
            raise BadParameter("{}: parameter '{}' must be a number of seconds, not {}".format(method, name, value))
        return value

    try:
        texts = tuple(map(writable, ('resource', 'client', 'seconds', 'options'), parameters))
        text = xmlrpc.client.dumps(texts, method, encoding='utf-8')
    except (TypeError, OverflowError) as problem:
        raise BadParameter('{}: a parameter cannot be written as XML: {}'.format(method, problem)) from problem
    return text.encode('utf-8')


def _read_answer(page: _Page, url: str, user: Optional[_User]) -> Any:
    """The value that a method answered. Raises Refused, NotAllowed, NotLockd, or _Cut where it is open what happened."""
    # From a proxy, for instance, behind which the daemon may have done its work.
    if page.status >= 500:
        raise _Cut(True, 'HTTP status {}'.format(page.status))
    if page.status != 200 or page.headers.get_content_type() not in ('text/xml', 'application/xml'):
        raise _no_answer(page, url, user)
    try:
        text = page.body.decode('utf-8')
        # No answer of a lockd has one, and entities can make a small answer a huge one.
        if '<!DOCTYPE' in text:
            raise ValueError('it has a DOCTYPE')
        (value,), _ = xmlrpc.client.loads(text, use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        if not isinstance(fault.faultCode, int) or not isinstance(fault.faultString, str):
            raise _Cut(True, 'its fault cannot be read') from fault
        raise _refusal(fault.faultCode, fault.faultString) from None
    except Exception as problem:  # whatever a parser thinks of what is no answer
        raise _Cut(True, 'it cannot be read: {}'.format(problem)) from problem
    return _with_zone(value)


def _no_answer(page: _Page, url: str, user: Optional[_User]) -> Error:
    """What a page says that answers no method."""
    words = _printable(' '.join(page.body[:300].decode('utf-8', 'replace').split()))
    status = 'HTTP status {}{}'.format(page.status, ': ' + words if words and words[0] != '<' else '')
    if page.status == 401 and user:
        return NotAllowed(
            "{} does not know user '{}', or not with this secret. Look at LOCKD_USER and LOCKD_SECRET_FILE, or at user and "
            'secret in LOCKD_URL'.format(url, user.name)
        )
    if page.status == 401:
        return NotAllowed(
            '{} lets nobody in whom it does not know. Say who calls: set LOCKD_USER and LOCKD_SECRET_FILE, or user and '
            'secret in LOCKD_URL'.format(url)
        )
    # Others that refuse may be no lockd, and say something else.
    if page.status == 403 and 'X-Lockd-Id' in page.headers:
        return NotAllowed(
            '{} does not let us in ({}). Where it wants a certificate, set LOCKD_CERT and LOCKD_KEY'.format(url, status)
        )
    if 300 <= page.status < 400:
        return NotLockd(
            '{} answers with a redirect to {}, and none is followed. Name the address of the daemon itself with --url or '
            'LOCKD_URL'.format(url, _printable(page.headers.get('Location', 'nowhere')))
        )
    return NotLockd(
        '{} does not answer as a lockd does ({}). Is it the address of a lockd? Name the right one with --url or '
        'LOCKD_URL'.format(url, status)
    )


def _with_zone(value: Any) -> Any:
    """The value with its dates, which are UTC, saying so."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=datetime.timezone.utc)
    if isinstance(value, dict):
        return {name: _with_zone(member) for name, member in value.items()}
    return list(map(_with_zone, value)) if isinstance(value, list) else value


# ---------------------------------------------------------------- the client


class Retry(NamedTuple):
    """
    How often a call is tried, and the seconds between: `delay`, each time `factor` longer, give or take `jitter`.

    failover  seconds for which a call to a cluster goes on to be tried, beyond `attempts`: to several addresses, or to one
              that says that it does not lead; None: 15, and 0 where `attempts` is not 4
    """

    attempts: int = 4
    delay: float = 0.5
    factor: float = 2.0
    jitter: float = 0.2
    failover: Optional[float] = None

    @property
    def failover_seconds(self) -> float:
        if self.failover is not None:
            return self.failover
        return FAILOVER_SECONDS if self.attempts == Retry().attempts else 0.0

    def pause(self, attempt: int, least: float = 0.0, most: float = math.inf) -> float:
        try:
            seconds = self.delay * self.factor ** (attempt - 1)
        except OverflowError:
            seconds = most
        return min(most, max(least, seconds)) * (1 + self.jitter * random.uniform(-1, 1))


_ONCE = Retry(attempts=1)


class _Answer(NamedTuple):
    value: Any
    sent: float  # the clock when the attempt that was answered was sent
    received: float


class _Offer(NamedTuple):
    """What is asked for with `lock` and with `enqueue`; every call of one request has the same key."""

    resource: str
    client: str
    ttl: Optional[float]
    limit: Optional[int]
    note: Optional[str]
    request: str
    claim: Optional[float]

    @property
    def options(self) -> Dict[str, Any]:
        return {name: value for name, value in self._asdict().items() if name not in ('resource', 'client')}


class Client:
    """
    Calls a lockd daemon. Threads may share one; threads that compete for one lock need a client, or a name, each.

    url      http://HOST:PORT, https://HOST:PORT or unix:/PATH, several of one cluster by comma; `open://` grants
             everything, for tests
    client   who locks; user@host:pid-random unless said otherwise, with `USER/` before it where a user calls
    prefix   stands before the name of every resource
    timeout  seconds for an answer, beyond what the call itself may wait
    retry    how a call is tried again; never one that might then be carried out twice
    user     who calls, and its `secret`; may also stand in the URL
    ca       path of the authority (PEM) that https:// trusts, instead of those of the system
    cert     path of a certificate (PEM) to show, and its `key`, where that stands in a file of its own
    """

    def __init__(
        self,
        url: Optional[str] = None,
        client: Optional[str] = None,
        prefix: str = '',
        timeout: float = 10,
        retry: Retry = Retry(),
        user: Optional[str] = None,
        secret: Optional[str] = None,
        ca: Optional[str] = None,
        cert: Optional[str] = None,
        key: Optional[str] = None,
    ):
        try:
            self._addresses, in_url = _read_urls(url or os.environ.get('LOCKD_URL') or DEFAULT_URL)
        except BadParameter as problem:
            raise BadParameter('the URL {}'.format(problem)) from None
        self.url = _urls_text(self._addresses)
        tls = [given or os.environ.get(name) for given, name in ((ca, 'LOCKD_CA'), (cert, 'LOCKD_CERT'), (key, 'LOCKD_KEY'))]
        is_secure = any(address.scheme == 'https' for address in self._addresses)
        self._wire = _Wire(_find_user(user, secret, in_url, bool(url)), _tls_context(*tls) if is_secure or any(tls) and ssl else None)
        self._turn = 0
        self._name = client or os.environ.get('LOCKD_CLIENT')
        self._make_name = _process_name
        self._made_name = (0, '')
        self._cluster: Optional[str] = None
        self.prefix, self.timeout, self.retry = prefix, timeout, retry
        if self._is_open:
            _log.warning('open://: every lock is granted and none is real; use it for tests only')

    @property
    def client(self) -> str:
        """Who locks. A name that nobody gave is another one in every process."""
        if self._name is not None:
            return self._name
        if self._made_name[0] != os.getpid():
            # Under such a name the daemon lets a user act without further leave.
            user = '' if self._wire.user is None else self._wire.user.name + '/'
            self._made_name = (os.getpid(), user + self._make_name())
        return self._made_name[1]

    # Locks that are renewed by themselves

    def lock(
        self,
        resource: str,
        ttl: Optional[float] = 30,
        wait: Optional[float] = 10,
        limit: Optional[int] = None,
        note: Optional[str] = None,
        request: Optional[str] = None,
        claim: Optional[float] = None,
        renew: bool = True,
        tell: Optional[Callable[[Dict[str, Any]], None]] = None,
    ) -> 'Hold':
        """
        Takes `resource`, or waits for it `wait` seconds (None: for ever), or raises what refused it.

        ttl      seconds after which it is free again if nothing is heard of us; None: only unlocking ends it
        limit    how many may hold it at once; the same for all who do
        note     why, for everybody who looks
        request  retry key, made up where there is none
        claim    seconds for which the place in the line is kept while we are away
        renew    whether a thread keeps it
        tell     is called with the status of the resource from time to time while this waits
        """
        offer = self._offer(resource, ttl, limit, note, request, claim)
        line = _Line(self, offer)
        try:
            return Hold(self, offer, line.take(math.inf if wait is None else wait, tell), renew)
        except (Refused, Unavailable, NotAllowed) as problem:
            # After a refusal there is no place, and a daemon that cannot be reached forgets it by itself.
            if isinstance(problem, OutcomeUnknown):
                line.leave()
            raise
        except BaseException:
            line.leave()
            raise

    def try_lock(self, resource: str, wait: Optional[float] = 0, **options: Any) -> 'Optional[Hold]':
        """As lock, but None where that is refused because others have it."""
        try:
            return self.lock(resource, wait=wait, **options)
        except (Held, TimedOut, Fencing):
            return None

    def enqueue(
        self,
        resource: str,
        ttl: Optional[float] = 30,
        limit: Optional[int] = None,
        note: Optional[str] = None,
        request: Optional[str] = None,
        claim: Optional[float] = None,
        renew: bool = True,
    ) -> 'Place':
        """First half of a lock in two steps: a place in the line that outlives this call, for its claim time."""
        return Place(self, self._offer(resource, ttl, limit, note, request, claim), renew)

    def _offer(
        self,
        resource: str,
        ttl: Optional[float],
        limit: Optional[int],
        note: Optional[str],
        request: Optional[str],
        claim: Optional[float],
    ) -> _Offer:
        return _Offer(self.prefix + resource, self.client, ttl, limit, note, request or uuid.uuid4().hex, claim)

    # Plain calls: what the daemon answers, as dicts

    def unlock(self, resource: str, token: Optional[str] = None) -> bool:
        """Gives it back; with a token, only that very hold, and then it may be asked again after a lost answer."""
        if token is None:
            return self._call('unlock', self.prefix + resource, self.client, {}).value is True
        self._give_back(self.prefix + resource, self.client, str(token))
        return True

    def renew(self, resource: str, ttl: Optional[float] = None, token: Optional[str] = None) -> Dict[str, Any]:
        """The lease runs for the greater of what is left and its ttl; a new `ttl` may shorten it."""
        options = dict(_token(token), ttl=ttl)
        return _read_hold(self._call('renew', self.prefix + resource, self.client, options, repeatable=True))

    def extend(self, resource: str, seconds: float, token: Optional[str] = None) -> Dict[str, Any]:
        """Adds to what is left of the lease. After OutcomeUnknown look before you repeat it: that adds again."""
        return _read_hold(self._call('extend', self.prefix + resource, self.client, seconds, _token(token)))

    def update(
        self,
        resource: str,
        note: Optional[str] = None,
        ttl: Optional[float] = None,
        new_client: Optional[str] = None,
        token: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Changes note or ttl; an operator also hands it over to `new_client`, who gets a new token."""
        options = dict(_token(token), note=note, ttl=ttl, newClient=new_client)
        repeatable = new_client is None
        return _read_hold(self._call('update', self.prefix + resource, self.client, options, repeatable=repeatable))

    def check(self, resource: str, token: str) -> bool:
        """Whether the token is that of a current hold: not lost, not being fenced."""
        return self._ask('check', self.prefix + resource, str(token)) is True

    def status(self, resource: str) -> Dict[str, Any]:
        """Who holds it and who waits; a free one has a status too."""
        return _struct(self._ask('status', self.prefix + resource))

    def list(self, prefix: str = '', **options: Any) -> List[Dict[str, Any]]:
        """What is not free, a page of at most `count` after the resource `after`; also `client`, `state`."""
        options['prefix'] = (self.prefix + prefix) or None
        return list(map(_struct, self._ask('list', options)))

    def history(self, resource: Optional[str] = None, **options: Any) -> List[Dict[str, Any]]:
        """What happened, newest first, a page of at most `count` before the id `before`; also `client`."""
        options['resource'] = None if resource is None else self.prefix + resource
        return list(map(_struct, self._ask('history', options)))

    def stats(self) -> Dict[str, Any]:
        """What the daemon has done since its start."""
        return _struct(self._ask('stats'))

    def force_unlock(
        self,
        resource: str,
        reason: str,
        client: Optional[str] = None,
        fenced: bool = False,
        token: Optional[str] = None
    ) -> bool:
        """Ends somebody's hold (with `token` only that very one); `fenced`: you vouch that they can do no more harm."""
        options = dict(_token(token), reason=reason, client=client, fenced=fenced or None)
        return self._call('forceUnlock', self.prefix + resource, options).value is True

    def confirm_fenced(self, resource: str, reason: str, token: Optional[str] = None) -> bool:
        """Ends a fencing that does not succeed: you vouch that whoever lost it can do no more harm."""
        return self._call('confirmFenced', self.prefix + resource, dict(_token(token), reason=reason)).value is True

    # How calls are made

    @property
    def _is_open(self) -> bool:
        return self._addresses[0].scheme == 'open'

    def _call(
        self,
        method: str,
        *parameters: Any,
        repeatable: bool = False,
        wait: float = 0,
        timeout: Optional[float] = None,
        retry: Optional[Retry] = None,
        failover: float = math.inf
    ) -> _Answer:
        """
        Calls until there is an answer, as often as `retry` says; a cluster has `failover` seconds at most to find another
        leader. Once the call may have arrived, only a `repeatable` one is sent again: one that twice comes to the same as once.
        """
        body = _write_call(method, parameters)
        if self._is_open:
            return _Answer(_open_answer(method, parameters), clock(), clock())
        retry = retry or self.retry
        most = min(retry.failover_seconds, failover)
        tries = _Tries(self._addresses, repeatable, wait, self.timeout if timeout is None else timeout, most > 0)
        over = clock() + most
        for attempt in itertools.count(1):
            addresses = tries.order(self._turn)
            while addresses:
                address, sent = addresses.pop(0), clock()
                try:
                    path = '/' if address.scheme == 'unix' else address.path
                    page = self._wire.exchange(address, path, body, *tries.patience(address, over - sent))
                    self._compare_cluster(page, address)
                    answer = _Answer(_read_answer(page, address.text, self._wire.user), sent, clock())
                    self._turn = self._addresses.index(address)
                    return answer
                except _Cut as cut:
                    # The next call may find another one that answers.
                    self._leave(address)
                    if tries.is_in_doubt(address, cut):
                        raise OutcomeUnknown(_lost_text(address, method, cut)) from cut
                except Stopping as stopping:
                    self._leave(address)
                    leader = tries.follower(address, stopping, page.headers.get('X-Lockd-Leader'))
                    if leader in addresses:
                        addresses.insert(0, addresses.pop(addresses.index(leader)))
                except Refused as refused:
                    self._turn = self._addresses.index(address)
                    refused.after_lost_answer = tries.may_have_arrived
                    raise
            left = over - clock() if tries.is_of_cluster and not wait else 0.0
            # Whoever waits counts the time that has gone by before this is sent again.
            if attempt >= retry.attempts and left <= 0 or wait and tries.followers:
                break
            longest = max(LONGEST_PAUSE_SECONDS, retry.delay) if tries.is_of_cluster else math.inf
            least = LEAST_PAUSE_SECONDS if attempt >= retry.attempts else 0.0
            time.sleep(retry.pause(attempt, least, longest))
        raise tries.failure(method, attempt)

    def _leave(self, address: _Address) -> None:
        """Whoever calls next begins behind this one, unless another one was found meanwhile."""
        if self._addresses[self._turn % len(self._addresses)] == address:
            self._turn += 1

    def _ask(self, method: str, *parameters: Any, **patience: Any) -> Any:
        """The answer to a question: where it is lost, nothing has happened."""
        try:
            return self._call(method, *parameters, repeatable=True, **patience).value
        except OutcomeUnknown as problem:
            raise Unavailable(
                'No daemon answers at {} ({}). Start one with: lockd serve. Or name the right address with --url or '
                'LOCKD_URL'.format(self.url, problem.__cause__)
            ) from problem

    def _compare_cluster(self, page: _Page, address: _Address) -> None:
        """Two daemons that know nothing of each other would grant one lock twice."""
        found = page.headers.get('X-Lockd-Id')
        if found is None:
            return
        if self._cluster is None:
            self._cluster = found
        if found != self._cluster:
            raise NotLockd(
                '{} belongs to another lockd ({}) than the one that answered before ({}): the addresses of one client '
                'must be those of one cluster'.format(address.text, _printable(found), _printable(self._cluster))
            )

    def _give_back(self, resource: str, client: str, token: str, **patience: Any) -> None:
        """Unlocks that very hold; that it is gone after an answer was lost means that it worked."""
        try:
            self._call('unlock', resource, client, {'token': token}, repeatable=True, **patience)
        except (NotLocked, NotOwner, StaleToken) as refused:
            if not refused.after_lost_answer:
                raise

    def _health(self) -> Dict[str, Any]:
        """Whether all is well with the daemon."""
        address = self._addresses[self._turn % len(self._addresses)]
        try:
            page = self._wire.exchange(address, '/healthz', None, CONNECT_SECONDS, self.timeout)
            health = json.loads(page.body.decode('utf-8'))
            return {'status': str(health['status']), 'problems': list(map(str, health['problems']))}
        except (_Cut, ValueError, TypeError, LookupError) as problem:
            raise Unavailable('{}/healthz cannot be read ({})'.format(address.text, problem)) from problem


class _Tries:
    """What the tries of one call have met, and what follows from it: where to ask next, and for how long, or which failure."""

    def __init__(self, addresses: List[_Address], repeatable: bool, wait: float, seconds: float, is_patient: bool):
        self._addresses, self._repeatable, self._wait, self._seconds = addresses, repeatable, wait, seconds
        self._is_patient = is_patient  # whether it is tried for long enough to ask anybody again
        self.is_of_cluster = len(addresses) > 1
        self.may_have_arrived = False
        # How each one failed last: who says that it does not lead, and who did not answer.
        self.followers: Dict[_Address, Stopping] = {}
        self._silent: Dict[_Address, _Cut] = {}
        self._slow: Dict[_Address, int] = {}
        self._last: Tuple[_Address, Exception] = (addresses[0], Stopping('not tried'))

    def order(self, turn: int) -> List[_Address]:
        """All addresses, beginning with that one; those behind the others of which no answer came in time."""
        start = turn % len(self._addresses)
        return sorted(self._addresses[start:] + self._addresses[:start], key=lambda one: self._slow.get(one, 0))

    def patience(self, address: _Address, left: float) -> Tuple[float, float]:
        """Seconds to connect and for the answer. One that was stopped holds up nobody who can ask another one."""
        connect, seconds = min(CONNECT_SECONDS, self._seconds), self._seconds
        if len(self._addresses) > 1 and self._wait:
            seconds = min(seconds, COMEBACK_SECONDS)
        elif len(self._addresses) > 1 and self._repeatable and self._is_patient:
            first = max(SOON_SECONDS, seconds / 4)
            # It is asked again, and longer; the last ones to be asked are those that answer.
            seconds = min(seconds, first * 2 ** self._slow.get(address, 0), max(first, left - 2))
        return connect, seconds + self._wait

    def is_in_doubt(self, address: _Address, cut: _Cut) -> bool:
        """Nobody has answered there; whether it must not be sent again, although it may have been carried out."""
        self._last, self._silent[address] = (address, cut), cut
        self.followers.pop(address, None)
        self.may_have_arrived = self.may_have_arrived or cut.sent
        if cut.slow:
            self._slow[address] = self._slow.get(address, 0) + 1
        return cut.sent and (not self._repeatable or cut.slow and len(self._addresses) == 1)

    def follower(self, address: _Address, stopping: Stopping, leader: Optional[str]) -> Optional[_Address]:
        """One says that it stops, or does not lead; answers which one does, if that is one of ours."""
        self._last, self.is_of_cluster = (address, stopping), True
        self.followers.pop(address, None)
        self.followers[address] = stopping
        if not leader or not re.match('https?://[^@]+$', leader):
            return None
        stopping.leader = leader
        return self._find(leader)

    def _find(self, leader: str) -> Optional[_Address]:
        with contextlib.suppress(BadParameter):
            meant = _read_url(leader)[0]
            return next((one for one in self._addresses if one[1:] == meant[1:]), None)
        return None

    def failure(self, method: str, attempts: int) -> Unavailable:
        """What the call fails with after its last try."""
        address, problem = self._last
        if self.may_have_arrived:
            failure: Unavailable = OutcomeUnknown(_lost_text(address, method, problem))
        elif self.followers:
            return self._not_led(list(self.followers.values())[-1])
        else:
            failure = Unavailable(
                'No daemon answers at {} ({}; {}). Start one with: lockd serve. Or name the right address with --url or '
                'LOCKD_URL'.format(_urls_text(self._addresses), problem, '1 try' if attempts == 1 else '{} tries'.format(attempts))
            )
        failure.__cause__ = problem
        return failure

    def _not_led(self, stopping: Stopping) -> Stopping:
        """Somebody answers, and says that another one leads: why that one was of no use."""
        address = self._find(stopping.leader) if stopping.leader else None
        if stopping.leader and address is None:
            # Whoever has written its address may be anybody: user and secret are not sent there.
            return Stopping(
                '{}. That is none of the addresses that were given, and no other is called. Name it, too, with --url or '
                'LOCKD_URL: {},{}'.format(stopping.text, _urls_text(self._addresses), _printable(stopping.leader))
            )
        silence = self._silent.get(address) if address else None
        return Stopping('{}, which does not answer ({})'.format(stopping.text, silence)) if silence else stopping


def _urls_text(addresses: List[_Address]) -> str:
    return ','.join(address.text for address in addresses)


def _open_answer(method: str, parameters: Tuple[Any, ...]) -> Any:
    """What `open://` answers: yes, without a lease. Its token is 0, which no gate lets pass, and no check."""
    now = datetime.datetime.now(datetime.timezone.utc)
    resource = parameters[0] if parameters and isinstance(parameters[0], str) else ''
    if method in ('lock', 'wait', 'renew', 'extend', 'update', 'enqueue'):
        options = next((one for one in parameters if isinstance(one, dict)), {})
        hold = {'resource': resource, 'client': parameters[1], 'token': '0', 'limit': options.get('limit') or 1}
        hold.update(state='held', acquired=now, renewed=now, waited=0.0)
        hold['from'] = 'open://'
        if options.get('note') is not None:
            hold['note'] = options['note']
        return {'state': 'granted', 'position': 0, 'hold': hold} if method == 'enqueue' else hold
    if method == 'status':
        lines = {'held': 0, 'holders': [], 'waiting': 0, 'queue': []}
        return dict(lines, resource=resource, state='free', limit=1, file='')
    if method == 'stats':
        raise Unavailable('stats: there is no daemon behind open://')
    return [] if method in ('list', 'history') else method != 'check'


def _lost_text(address: _Address, method: str, problem: Exception) -> str:
    return (
        'The daemon at {} was sent {}, but its answer was lost ({}): it may have been carried out or not'
    ).format(address.text, method, problem)


def _token(token: Optional[str]) -> Dict[str, Any]:
    # As a number it would be too large for an XML-RPC integer.
    return {} if token is None else {'token': str(token)}


def _struct(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise NotLockd('The answer is no struct, but {!r:.60}. Is it a lockd of another version?'.format(value))
    return value


def _read_hold(answer: _Answer) -> Dict[str, Any]:
    hold = _struct(answer.value)
    token, ttl, waited = hold.get('token'), hold.get('ttl'), hold.get('waited')
    numbers = [number for number in (ttl, waited) if number is not None]
    if not isinstance(token, str) or not re.fullmatch('[0-9]+', token) or waited is None:
        raise NotLockd('The answer is no hold: {!r:.200}. Is it a lockd of another version?'.format(hold))
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers):
        raise NotLockd('The answer has no seconds: {!r:.200}. Is it a lockd of another version?'.format(hold))
    return hold


def _user_at_host() -> str:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name if pwd else os.environ['USERNAME']
    except KeyError:  # containers often run as a number that no password file knows
        user = 'uid{}'.format(os.getuid() if pwd else '')
    return '{}@{}'.format(user, socket.gethostname())


def _process_name() -> str:
    """For a program that lives as long as its locks."""
    return '{}:{}-{}'.format(_user_at_host(), os.getpid(), os.urandom(3).hex())


def _caller_name() -> str:
    """For single calls from scripts: the steps of one CI job are one client, and two jobs are two."""
    jobs = filter(None, map(os.environ.get, ('CI_JOB_ID', 'GITHUB_RUN_ID', 'BUILD_TAG')))
    return ':'.join([_user_at_host(), *itertools.islice(jobs, 1)])


# ---------------------------------------------------------------- waiting in the line


class _Line:
    """
    One request for a lock, from the first call to the grant: in slices, so that no proxy cuts a connection that is silent
    for too long, with one key, so that the place is kept between them and a lost answer never takes a lock twice.
    """

    def __init__(self, client: Client, offer: _Offer):
        self._client, self._offer = client, offer
        self._is_known = False  # whether a daemon has, or may have, heard of us

    def take(self, seconds: float, tell: Optional[Callable[[Dict[str, Any]], None]] = None) -> _Answer:
        """The hold as it was answered. Raises TimedOut, or what else refused it."""
        until = clock() + seconds
        if seconds <= 0:
            return self.lock(0)
        if seconds <= self.slice_seconds and not tell:
            return self._through_outages(lambda: self.lock(max(0.0, until - clock())), until)
        answer = self._through_outages(lambda: self.enqueue(until), until)
        slices = itertools.chain([0.2], itertools.repeat(LOOK_SECONDS)) if tell else itertools.repeat(self.slice_seconds)
        look = _Look(self._client, self._offer, tell)
        while 'hold' not in answer.value:
            try:
                answer = self._slice(next(slices), until)
            except TimedOut as timed_out:
                if clock() >= until:
                    self.cancel(failover=0)
                    raise TimedOut(_GAVE_UP_TEXT.sub('Gave up after ' + _seconds(seconds), timed_out.text)) from None
                look.and_tell()
        return answer._replace(value=answer.value['hold'])

    def _slice(self, seconds: float, until: float) -> _Answer:
        def wait() -> _Answer:
            answer = self.wait(max(0.0, min(seconds, until - clock())))
            return answer._replace(value={'hold': answer.value})

        try:
            return self._through_outages(wait, until)
        except NotQueued:
            # We were away for too long, as a machine that slept: back to the end of the line.
            return self._through_outages(lambda: self.enqueue(until), until)

    @property
    def slice_seconds(self) -> float:
        """For how long one call waits."""
        return CLUSTER_SLICE_SECONDS if len(self._client._addresses) > 1 else SLICE_SECONDS

    def lock(self, seconds: float) -> _Answer:
        options = dict(self._offer.options, wait=seconds)
        return self._call('lock', options, wait=seconds, repeatable=not seconds)

    def enqueue(self, until: float = math.inf) -> _Answer:
        left = max(0.0, until - clock())
        answer = self._call('enqueue', self._offer.options, repeatable=True, failover=left)
        _struct(answer.value)
        self._is_known = True
        return answer

    def wait(self, seconds: float, **patience: Any) -> _Answer:
        named = {'request': self._offer.request}
        return self._call('wait', seconds, named, wait=seconds, repeatable=not seconds, **patience)

    def cancel(self, **patience: Any) -> None:
        with contextlib.suppress(Error):
            self._call('cancel', repeatable=True, **patience)

    def leave(self) -> None:
        """Gives back what was granted meanwhile, or leaves the line; the key tells whether either is ours."""
        offer, quickly = self._offer, {'retry': _ONCE, 'timeout': CONNECT_SECONDS}
        try:
            token = _read_hold(self.wait(0, **quickly))['token']
            self._client._give_back(offer.resource, offer.client, token, **quickly)
        except TimedOut:
            self.cancel(**quickly)
        except Error as problem:
            _log.debug('the line for %r could not be left: %s', offer.resource, problem)

    def _call(self, method: str, *parameters: Any, **patience: Any) -> _Answer:
        offer = self._offer
        return self._client._call(method, offer.resource, offer.client, *parameters, **patience)

    def _through_outages(self, call: Callable[[], _Answer], until: float) -> _Answer:
        """Repeats a call whose connection is lost, for as long as the place is kept and there is time left."""
        claim = CLAIM_SECONDS if self._offer.claim is None else self._offer.claim
        away_since = None
        while True:
            try:
                return call()
            except Unavailable as problem:
                self._is_known = self._is_known or isinstance(problem, (OutcomeUnknown, Stopping))
                away_since = clock() if away_since is None else away_since
                is_over = clock() - away_since >= claim or clock() >= until
                if not self._is_known or isinstance(problem, NotLockd) or is_over:
                    raise
                time.sleep(min(RETURN_SECONDS, max(0.0, until - clock())))


_GAVE_UP_TEXT = re.compile('^Gave up after [0-9.,]+ s')


class _Look:
    """Tells who is in the way, whenever that has changed."""

    def __init__(self, client: Client, offer: _Offer, tell: Optional[Callable[[Dict[str, Any]], None]]):
        self._client, self._offer, self._tell = client, offer, tell
        self._told: Any = None

    def and_tell(self) -> None:
        if self._tell is None:
            return
        try:
            status = _struct(self._client._ask('status', self._offer.resource, retry=_ONCE))
        except Error:
            return
        places = [place['position'] for place in status['queue'] if place['client'] == self._offer.client]
        if not places and status['waiting'] <= len(status['queue']):
            return
        essence = status['state'], [hold['token'] for hold in status['holders']], places
        if essence != self._told:
            self._told = essence
            self._tell(status)


class Place:
    """A place in the line, as `enqueue` gives it. It is kept for its claim time (30 s) from one wait to the next."""

    def __init__(self, client: Client, offer: _Offer, renew: bool = True):
        self._client, self._offer, self._renew = client, offer, renew
        self._line = _Line(client, offer)
        self.resource = offer.resource
        self._hold: Optional[Hold] = None
        try:
            answer = self._line.enqueue()
            # 1 is next; 0: it was granted at once, and `wait` gives it
            self.position: int = answer.value['position']
            if 'hold' in answer.value:
                self._hold = Hold(client, offer, answer._replace(value=answer.value['hold']), renew)
        except BaseException as problem:
            if not isinstance(problem, (Refused, NotAllowed)):
                self._line.leave()
            raise

    def wait(self, seconds: Optional[float] = 10) -> 'Hold':
        """The lock when it is our turn. Raises TimedOut after so many seconds: the place is kept, so wait again."""
        if self._hold is not None:
            return self._hold
        until = math.inf if seconds is None else clock() + seconds
        while True:
            span = min(self._line.slice_seconds, max(0.0, until - clock()))
            try:
                answer = self._line._through_outages(lambda: self._line.wait(span), until)
            except TimedOut:
                if clock() >= until:
                    raise
                continue
            self._hold, self.position = Hold(self._client, self._offer, answer, self._renew), 0
            return self._hold

    def cancel(self) -> None:
        """Leaves the line, or gives back what was granted already."""
        if self._hold is not None:
            self._hold.release()
        else:
            self._line.leave()


# ---------------------------------------------------------------- a lock that is held


class Hold:
    """
    A lock that is held. With a ttl, a thread renews it; when that does not work, it counts as lost before its lease can
    have ended at the daemon. Use it in a `with` statement, or call release(). At the end of the program everything that
    is held is given back. A child process has no part in its parent's hold: it neither renews nor releases it.
    """

    def __init__(self, client: Client, offer: _Offer, answer: _Answer, renew: bool = True):
        hold = _read_hold(answer)
        self.resource, self.client, self.token = offer.resource, offer.client, hold['token']
        self.limit, self.note = hold.get('limit', 1), offer.note
        self.answer = hold  # as the daemon gave it
        self._daemon, self._process = client, os.getpid()
        self._releasing = threading.RLock()
        self._over = threading.Event()  # released or lost: nothing is left to renew
        self._news = threading.Event()  # for the thread that renews: that, or another ttl
        self._released = False
        self._loss: Optional[str] = None
        self._lost_at = math.inf
        self._failure = ''  # why the last renewal failed
        self._answered = 0  # how many did not
        # When the lease began at the earliest, and its ttl: replaced as one, so that whoever looks need not wait.
        self._lease: Tuple[float, Optional[float]] = (_start_of_lease(answer, hold), hold.get('ttl'))
        self._changed_at = -math.inf  # what was sent before says nothing of the lease
        self._renews = renew
        self._renewer: Optional[threading.Thread] = None
        _held.add(self)
        if renew:
            self._start_renewing()

    def _start_renewing(self) -> None:
        self._renews = True
        if self.ttl is not None and self._renewer is None:
            self._renewer = threading.Thread(target=self._keep_renewing, name='lockd ' + self.resource, daemon=True)
            self._renewer.start()

    # What is known of it

    @property
    def ttl(self) -> Optional[float]:
        """Seconds for which each renewal makes it run, None for a hold that only unlocking ends."""
        return self._lease[1]

    @property
    def left(self) -> Optional[float]:
        """Seconds for which it can be counted on, None without a ttl."""
        started, ttl = self._lease
        return None if ttl is None else started + SAFE_PART * ttl - clock()

    @property
    def lost(self) -> bool:
        """Whether it is, or may be, no longer ours. Looks at the clock each time, also after the machine slept."""
        left = self.left
        if self._loss is None and not self._released and left is not None and left <= 0:
            self._lose('it could not be renewed in time' + (self._failure and ': ' + self._failure))
        return self._loss is not None

    def check(self, ask: bool = False) -> None:
        """Raises LockLost unless it is still held; `ask`: the daemon is asked, too."""
        if ask and not (self.lost or self._released or self._daemon._is_open):
            if self._daemon._ask('check', self.resource, self.token) is not True:
                self._lose('the daemon says that token {} is no current hold'.format(self.token))
        if self.lost:
            raise LockLost(self._loss)
        if self._released:
            raise LockLost("'{}' is no longer locked: it was released".format(self.resource))

    def on_loss(self, callback: 'Callable[[Hold], Any]') -> None:
        """Calls `callback` with this hold as soon as it is lost, from a thread of its own."""
        threading.Thread(target=self._watch, args=(callback,), name='lockd loss', daemon=True).start()

    def _watch(self, callback: 'Callable[[Hold], Any]') -> None:
        while not self.lost and not self._released:
            left = self.left
            # No longer at a time than a second: the clock of this wait stands still while the machine sleeps.
            self._over.wait(1.0 if left is None else max(0.001, min(left, 1.0)))
            if self._over.is_set() and not self.lost and not self._released:
                time.sleep(0.01)  # it is just being released
        if self.lost:
            callback(self)

    # What can be done with it

    def release(self, **patience: Any) -> None:
        """Gives it back. Raises LockLost where it was lost before: what was done under it may have met others."""
        if self._process != os.getpid():
            return
        with self._releasing:
            if self._released:
                return
            lost = self.lost
            self._end()
            if lost:
                _held.discard(self)
                raise LockLost(self._loss)
            try:
                self._daemon._give_back(self.resource, self.client, self.token, **patience)
            except _LOSSES as refused:
                self._lose(refused.text)
                _held.discard(self)
                raise LockLost(self._loss) from refused
            self._released = True
            _held.discard(self)

    def renew(self) -> None:
        """Makes the lease run for its whole ttl again, now and with one try; the thread does it by itself."""
        self.check()
        try:
            self._renew_once()
        except _LOSSES as refused:
            self._lose(refused.text)
        self.check()

    def extend(self, seconds: float) -> None:
        """Adds to what is left of the lease."""
        self._changed('extend', seconds, {'token': self.token}, repeatable=False)

    def update(self, note: Optional[str] = None, ttl: Optional[float] = None) -> None:
        """Changes the note, or the ttl from now on."""
        self._changed('update', {'token': self.token, 'note': note, 'ttl': ttl}, repeatable=True)
        self.note = self.note if note is None else note

    def _changed(self, method: str, *parameters: Any, repeatable: bool) -> None:
        self.check()
        answer = self._daemon._call(method, self.resource, self.client, *parameters, repeatable=repeatable)
        hold = _read_hold(answer)
        if self._is_ours(hold) and 'ttl' in hold:
            self._changed_at = answer.received
            # Of what is left we count on all but the last tenth of a ttl.
            self._lease = answer.sent + hold.get('left', hold['ttl']) - hold['ttl'], hold['ttl']
            self._news.set()
            if self._renews:
                self._start_renewing()
        self.check()

    def __enter__(self) -> 'Hold':
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.release()
        except LockLost as problem:
            if kind is None:
                raise
            if not isinstance(error, LockLost):
                _log.warning('%s', problem)
        except Error as problem:
            # The work is done, and the lease ends by itself; without one somebody must know.
            if kind is None and self.ttl is None:
                raise
            _log.warning("'%s' could not be unlocked: %s", self.resource, problem)

    def __repr__(self) -> str:
        state = 'lost' if self.lost else 'released' if self._released else 'held'
        return '<lockd.Hold {!r} token {} {}>'.format(self.resource, self.token, state)

    # Renewal

    def _keep_renewing(self) -> None:
        """A try every tenth of the ttl until one is answered, whether the others still hang or not."""
        tried, tries = -math.inf, []  # type: float, List[threading.Thread]
        while not self._over.is_set() and not self.lost:
            due = max(self._moment(RENEW_PART), tried + self.ttl / 10)
            if clock() < due:
                # No longer at a time than a second: the clock of this wait stands still while the machine sleeps.
                self._news.wait(min(due - clock(), 1.0))
                self._news.clear()
                continue
            tried, tries = clock(), [one for one in tries if one.is_alive()]
            if tries:
                self._daemon._turn += 1  # another address may answer
            tries.append(threading.Thread(target=self._try_to_renew, name='lockd try', daemon=True))
            try:
                tries[-1].start()
            except RuntimeError:  # there can be no more threads
                self._try_to_renew()

    def _try_to_renew(self) -> None:
        answered = self._answered
        try:
            self._renew_once()
            self._answered, self._failure = self._answered + 1, ''
        except _LOSSES as refused:
            self._lose(refused.text)
        except Exception as problem:  # whatever it is, the lease runs on, and so do the tries
            # Where another one was answered meanwhile, nobody needs to know.
            if self._answered == answered and not self.lost:
                level = logging.DEBUG if self._failure else logging.WARNING
                _log.log(level, "'%s' could not be renewed, and is tried again: %s", self.resource, problem)
                self._failure = str(problem)

    def _renew_once(self) -> None:
        patience = max(0.001, min(self._daemon.timeout, self.left or math.inf))
        answer = self._daemon._call(
            'renew', self.resource, self.client, {'token': self.token}, repeatable=True, timeout=patience, retry=_ONCE
        )
        hold = _read_hold(answer)
        # An answer that comes when all is over does not bring it back.
        if self.lost or not self._is_ours(hold) or 'ttl' not in hold or answer.sent < self._changed_at:
            return
        # A renewal waits in no line: whatever its answer says, it counts from its sending.
        started, is_same = answer.sent, hold['ttl'] == self.ttl
        # One that was extended runs for longer than a renewal makes it.
        self._lease = max(started, self._lease[0]) if is_same else started, hold['ttl']

    def _moment(self, part: float) -> float:
        """When this part of the lease is over; for one without a lease, never."""
        started, ttl = self._lease
        return math.inf if ttl is None else started + part * ttl

    def _is_ours(self, hold: Dict[str, Any]) -> bool:
        if hold['token'] != self.token:
            self._lose('the daemon answers with token {}'.format(hold['token']))
        return hold['token'] == self.token

    def _lose(self, why: str) -> None:
        if self._loss is not None or self._released:
            return
        text = "'{}' lost '{}' (token {}): {}. Stop work on it".format(self.client, self.resource, self.token, why)
        # The daemon's word for it says all that already, and when, and by whom.
        self._lost_at, self._loss = clock(), why if why.endswith('Stop work on it') else text
        _log.info('%s', self._loss)
        self._end()

    def _end(self) -> None:
        self._over.set()
        self._news.set()


def _start_of_lease(answer: _Answer, hold: Dict[str, Any]) -> float:
    """The daemon counts `waited` from the reading of the request, which cannot have been before it was sent."""
    return min(answer.sent + max(0.0, hold['waited']), answer.received)


_held = set()  # type: ignore[var-annotated]


@atexit.register
def _release_all() -> None:
    for hold in list(_held):
        try:
            hold.release(retry=_ONCE, timeout=CONNECT_SECONDS)
        except Unavailable:
            return  # an end that is slow for each of many is worse than leases that end by themselves
        except Error:
            pass


# ---------------------------------------------------------------- without a client of one's own

_default = (0, None)  # type: Tuple[int, Optional[Client]]


def default_client() -> Client:
    """The client of this process, as LOCKD_URL and LOCKD_CLIENT say."""
    global _default
    if _default[0] != os.getpid() or _default[1] is None:
        _default = os.getpid(), Client()
    return _default[1]


def lock(resource: str, **options: Any) -> Hold:
    """Client.lock of the default client."""
    return default_client().lock(resource, **options)


def try_lock(resource: str, **options: Any) -> Optional[Hold]:
    """Client.try_lock of the default client."""
    return default_client().try_lock(resource, **options)


def enqueue(resource: str, **options: Any) -> Place:
    """Client.enqueue of the default client."""
    return default_client().enqueue(resource, **options)


# ---------------------------------------------------------------- the gate


class Gate:
    """
    Lets a token pass at the resource itself, unless a higher one has passed before; needs no daemon. While it is open,
    nobody else passes: an old and a new command never overlap.

        with lockd.gate('/srv/app/token', hold.token):
            switch_release()

    FILE is locked by flock, is never renamed, and has one token per line, decimal digits; the highest one counts. A new
    one is appended and flushed to disk before anything else happens; a last line without its line feed is one that a
    crash cut, and did not pass. Beyond 4,096 bytes the file is begun anew, and until the first line of that is on disk
    the token stands in FILE.old. Anything else in it closes the gate for everybody.
    """

    def __init__(self, path: str, token: str, wait: Optional[float] = None):
        self.path, self.token = path, _digits(token)
        if self.token == '0':
            raise GateRefused(
                'Token 0 is no fencing token: open:// gives it to everybody, and the gate {} does not let it pass. Take '
                'the lock from a daemon'.format(path)
            )
        self.descriptor = -1
        try:
            self._lock(math.inf if wait is None else clock() + wait, wait)
            self._pass()
        except OSError as problem:
            self.close()
            raise GateRefused(
                'The gate {} cannot be used ({}): nobody may pass. Mend that first'.format(path, problem.strerror)
            ) from problem
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets the next one in, also where a process that the command left behind still has the file open."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __enter__(self) -> 'Gate':
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _lock(self, until: float, wait: Optional[float]) -> None:
        while True:
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
            if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
                raise OSError(errno.EINVAL, 'it is no regular file')
            self._flock(until, wait)
            # Whoever removed the file meanwhile has made another one the gate.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self.descriptor), os.stat(self.path)):
                    return
            self.close()

    def _flock(self, until: float, wait: Optional[float]) -> None:
        if until == math.inf:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            return
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if clock() >= until:
                text = (
                    "Gave up after {}: somebody else's command is still in the gate {}. Wait longer with --wait, or look "
                    'whose it is with: fuser -v {}'
                )
                raise GateBusy(text.format(_seconds(wait or 0), self.path, shlex.quote(self.path)))
            time.sleep(max(0.0, min(0.02, until - clock())))

    def _pass(self) -> None:
        recorded, complete, size = self._recorded()
        if _order(self.token) < _order(recorded):
            raise GateClosed(
                'Token {0} is stale: the gate {1} has let token {2} pass. Stop the work of token {0}; to go on with it, '
                'take the lock anew'.format(self.token, self.path, recorded)
            )
        if _order(self.token) > _order(recorded):
            if size > GATE_BYTES:
                self._keep_beside(recorded)
                complete = 0
            # Nothing but what a crash has cut, or what stands in FILE.old now, is lost here.
            os.ftruncate(self.descriptor, complete)
            _write_all(self.descriptor, (self.token + '\n').encode('ascii'), complete)
        # Also where it stood there already: whoever wrote it may have died before this.
        os.fsync(self.descriptor)
        if size == 0:
            self._sync_directory()

    def _recorded(self) -> Tuple[str, int, int]:
        """The highest token that has passed, the bytes up to the last complete line, and all bytes."""
        with open(self.descriptor, 'rb', closefd=False) as file:
            file.seek(0)
            content = file.read(MAX_GATE_BYTES + 1)
        complete = content.rfind(b'\n') + 1
        tokens = self._tokens(content, self.path)
        if not tokens:
            with contextlib.suppress(FileNotFoundError), open(self.path + '.old', 'rb') as file:
                tokens = self._tokens(file.read(MAX_GATE_BYTES + 1), self.path + '.old')
        return max(tokens, key=_order, default='0'), complete, len(content)

    def _tokens(self, content: bytes, path: str) -> List[str]:
        """Every complete line. What a crash has cut are digits, or the zero bytes that some file systems leave there."""
        if len(content) > MAX_GATE_BYTES or not re.fullmatch(b'(?:[0-9\n]*\n)?[0-9\0]*', content):
            raise GateRefused(
                'The gate {} cannot be read: it has more in it than tokens. Nobody may pass. Look at it; to mend it, write '
                'the highest token that can have passed: echo TOKEN > {}'.format(path, shlex.quote(path))
            )
        return [_digits(line.decode('ascii')) for line in content.split(b'\n')[:-1] if line]

    def _keep_beside(self, recorded: str) -> None:
        """Before the file is begun anew, the token stands in FILE.old, on disk."""
        temporary = self.path + '.old.tmp'
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(descriptor, (recorded + '\n').encode('ascii'), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, self.path + '.old')
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


gate = Gate


def _digits(token: str) -> str:
    """A token without the zeros at its beginning."""
    if not re.fullmatch('[0-9]+', str(token)):
        raise BadParameter("must be decimal digits, as lockd lock prints them, not '{}'".format(token))
    return str(token).lstrip('0') or '0'


def _order(digits: str) -> Tuple[int, str]:
    """Whole numbers of any length compare like this."""
    return len(digits), digits


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


# ---------------------------------------------------------------- Robot Framework


class lockd:  # Robot Framework takes the class that is called like the file
    """
    Keywords for Robot Framework: `Library  lockd.py`, or `Library  lockd.py  url=http://lockhost:7420`.

        Lock Resource      test-rack/7    ttl=1m    wait=10 minutes
        Resource Should Be Locked    test-rack/7
        Unlock Resource    test-rack/7

    Durations are seconds or carry a unit. What is still locked at the end is given back.
    """

    ROBOT_LIBRARY_SCOPE = 'GLOBAL'
    ROBOT_LIBRARY_VERSION = VERSION

    def __init__(self, url: Optional[str] = None, client: Optional[str] = None, prefix: str = ''):
        """Where the daemon is, who locks, and what stands before the name of every resource."""
        self._options = {'url': url, 'client': client, 'prefix': prefix}
        self._client: Optional[Client] = None
        self._holds: Dict[str, Hold] = {}

    def lock_resource(self, resource, ttl='30s', wait='10s', limit=None, note=None):
        """Locks `resource`, waits for it if need be, and renews it until it is unlocked. Returns the token."""
        # Made only now: Robot Framework also loads libraries to document them.
        self._client = self._client or Client(**self._options)
        hold = self._client.lock(
            resource, ttl=_robot_seconds(ttl), wait=_robot_seconds(wait), limit=limit and int(limit), note=note
        )
        self._holds[resource] = hold
        return hold.token

    def unlock_resource(self, resource):
        """Gives `resource` back. Fails where it was lost meanwhile."""
        hold = self._hold(resource)
        del self._holds[resource]
        hold.release()

    def unlock_all_resources(self):
        """Gives back all that these keywords have locked: for a teardown."""
        losses = []
        while self._holds:
            try:
                self._holds.popitem()[1].release()
            except Error as problem:
                losses.append(problem)
        if losses:
            raise losses[0]

    def resource_should_be_locked(self, resource):
        """Fails unless `resource` is locked by these keywords and was not lost."""
        try:
            self._hold(resource).check(ask=True)
        except LockLost as problem:
            raise AssertionError(str(problem)) from None

    def get_lock_token(self, resource):
        """The token of `resource`, for whatever checks tokens."""
        return self._hold(resource).token

    def run_keyword_while_locked(self, resource, keyword, *arguments):
        """Locks `resource`, runs a keyword, and unlocks it on every way out."""
        from robot.libraries.BuiltIn import BuiltIn

        self.lock_resource(resource)
        with self._holds[resource]:
            try:
                result = BuiltIn().run_keyword(keyword, *arguments)
                self.resource_should_be_locked(resource)
                return result
            finally:
                self._holds.pop(resource, None)

    def _hold(self, resource: str) -> Hold:
        if resource not in self._holds:
            raise AssertionError("'{}' is not locked here: use Lock Resource first".format(resource))
        return self._holds[resource]


_ROBOT_UNITS = {
    unit: words.split()[0]
    for words in ('ms millis millisecond', 's sec second', 'm min minute', 'h hour', 'd day')
    for word in words.split()
    for unit in (word, word + 's')
}


def _robot_seconds(duration: Any) -> Optional[float]:
    """Seconds of `30`, `30s`, `10 minutes`, `1 min 30 s`; nothing of `none`."""
    text = str(duration).strip().lower()
    if text == 'none':
        return None
    parts = re.findall(r'([0-9.]+)\s*([a-z]*)\s*', text)
    if ''.join(map(''.join, parts)) != re.sub(r'\s', '', text) or not parts:
        return _duration(text)
    return sum(_duration(number + _ROBOT_UNITS.get(unit, unit)) for number, unit in parts)


# ---------------------------------------------------------------- running a command


class _Interruption(BaseException):
    """A signal asked for an end."""

    what = 'The command'

    def __init__(self, number: int):
        super().__init__(number)
        self.number, self.exit_status = number, 128 + number

    def __str__(self) -> str:
        return '{} was ended by {}'.format(self.what, signal.Signals(self.number).name)


class _Signals:
    """
    Signals to this process: at first one raises _Interruption, a second one ends the process; after `collect` they are
    passed on to the command. Those that this process was started to ignore are ignored still.
    """

    PASSED_ON = ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2')
    ENDING = ('SIGINT', 'SIGTERM', 'SIGHUP')

    def __init__(self) -> None:
        self._found: Dict[int, Any] = {}
        self._taken = collections.deque()  # type: collections.deque[int]
        self._awake, self._alarm = -1, -1

    def __enter__(self) -> '_Signals':
        for name in self.ENDING:
            self._handle(name, self._interrupt)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._awake >= 0:
            signal.set_wakeup_fd(-1)
            os.close(self._awake)
            os.close(self._alarm)
        for number, handler in self._found.items():
            signal.signal(number, handler)

    def collect(self) -> None:
        """From now on they are only noted, and end the waiting of `wait`; so does a change of the command."""
        self._awake, self._alarm = os.pipe()
        os.set_blocking(self._awake, False)
        os.set_blocking(self._alarm, False)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        for name in self.PASSED_ON:
            self._handle(name, lambda number, _: self._taken.append(number))
        self._found.setdefault(signal.SIGCHLD, signal.signal(signal.SIGCHLD, lambda *_: None))

    def wait(self, seconds: float) -> List[int]:
        """The signals that came, after so many seconds at most."""
        _is_ready(self._awake, select.POLLIN, max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            os.read(self._awake, 4096)
        taken = list(self._taken)
        self._taken.clear()
        return taken

    def _handle(self, name: str, handler: Callable[[int, Any], None]) -> None:
        number = getattr(signal, name, None)  # Windows knows only some
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            return
        before = signal.signal(number, handler)
        self._found.setdefault(number, before)

    def _interrupt(self, number: int, _: Any) -> None:
        for taken in self._found:
            signal.signal(taken, signal.SIG_DFL)
        raise _Interruption(number)


def _is_ready(descriptor: int, event: int, seconds: float) -> bool:
    """Whether it can be read or written within so many seconds; `select` knows no descriptors beyond 1,023."""
    watch = select.poll()
    watch.register(descriptor, event)
    return bool(watch.poll(math.ceil(seconds * 1000)))


class _CannotRun(Error):
    """The command could not be started."""

    def __init__(self, text: str, exit_status: int):
        super().__init__(text)
        self.exit_status = exit_status


class _Command:
    """
    A command and whatever it starts. With a terminal it becomes the foreground there: it may read, and gets the
    terminal's signals itself. `own_group`: signals go to its whole group, which is one of its own; without a terminal
    also a session. Names and values of `environment` are how its processes are known wherever they are.
    """

    def __init__(self, words: List[str], environment: Dict[str, str], own_group: bool, terminal: int = -1, lend: int = -1):
        self._terminal, self._has_group = terminal, own_group
        self.status: Optional[int] = None  # as a shell tells it
        if terminal >= 0:
            # Whoever is not in the foreground may otherwise not even give it away.
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        if lend >= 0:
            os.set_inheritable(lend, True)
        try:
            # What was opened for the command stays open for it; what Python opens is closed by itself.
            self._process = subprocess.Popen(
                words,
                env=dict(_environment(), **environment),
                close_fds=False,
                start_new_session=own_group and terminal < 0,
                preexec_fn=self._take_terminal if terminal >= 0 else None,
            )
        except FileNotFoundError as problem:
            raise _CannotRun("'{}' was not found".format(words[0]), NOT_FOUND) from problem
        except OSError as problem:
            raise _CannotRun("'{}' cannot be run: {}".format(words[0], problem.strerror), CANNOT_RUN) from problem
        except ValueError as problem:
            raise _CannotRun("{!r} cannot be run: {}".format(words[0], problem), CANNOT_RUN) from problem
        self._hunt = _Hunt(self._process.pid, environment)

    def _take_terminal(self) -> None:
        """In the child, before the command: no other thread has been started yet."""
        os.setpgid(0, 0)
        os.tcsetpgrp(self._terminal, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)

    def signal(self, number: int) -> bool:
        """Signals the command, or all of its group; says whether anybody was there."""
        try:
            if self._has_group:
                os.killpg(self._process.pid, number)
            elif self.status is None:
                os.kill(self._process.pid, number)
            return self._has_group or self.status is None
        except ProcessLookupError:
            return False
        except PermissionError:
            # Others there have changed their user; ours were signalled.
            return True

    def end(self, number: int) -> None:
        """Signals the group, and whoever has left it."""
        self.signal(number)
        self._hunt.order(number)

    def is_anybody_there(self) -> bool:
        return self.signal(0) or not self._hunt.over.is_set()

    def see_off(self, seconds: float) -> Set[int]:
        """Waits until all who got the last signal are gone; answers who is not after so many seconds."""
        return set() if self._hunt.over.wait(seconds) else self._hunt.living

    def look(self, before_going_on: Callable[[], Any] = lambda: None) -> None:
        """Learns whether it has ended, or was stopped at the terminal: then we stop, too, until we are continued."""
        if self.status is not None:
            return
        pid, state = os.waitpid(self._process.pid, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            self._pass_terminal_on()
        elif not os.WIFSTOPPED(state):
            self.status = 128 + os.WTERMSIG(state) if os.WIFSIGNALED(state) else os.WEXITSTATUS(state)
            self._process.returncode = self.status  # or subprocess would wait for it
        elif self._terminal >= 0:
            self.give_terminal_back()
            os.kill(0, signal.SIGTSTP)
            before_going_on()
            self._pass_terminal_on()
            self.signal(signal.SIGCONT)

    def _pass_terminal_on(self) -> None:
        """To the command, where a shell has given it to us, as `fg` does."""
        with contextlib.suppress(OSError):
            if self._terminal >= 0 and os.tcgetpgrp(self._terminal) == os.getpgrp():
                os.tcsetpgrp(self._terminal, self._process.pid)

    def give_terminal_back(self) -> None:
        if self._terminal >= 0:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._terminal, os.getpgrp())


class _Hunt:
    """
    Finds those of a command who have left its group: in other sessions, under other parents; Linux tells of them. In a
    thread, because a look at another process can hang, and no signal to the group may wait for that.
    """

    def __init__(self, leader: int, environment: Dict[str, str]):
        self._leader = leader
        self._marks = {os.fsencode('{}={}'.format(*item)) for item in environment.items()}
        self._orders: List[int] = []
        self._news = threading.Event()
        self.living: Set[int] = set()
        self.over = threading.Event()  # nobody of the command is left

    def order(self, number: int) -> None:
        """A signal for all of them, also for those who appear later."""
        self._orders.append(number)
        self._news.set()
        if len(self._orders) == 1:
            threading.Thread(target=self._run, name='lockd hunt', daemon=True).start()

    def _run(self) -> None:
        told: Dict[int, int] = {}
        looks_in_vain = 0
        # Whoever is born while we look may be missed once.
        while looks_in_vain < 2:
            orders = list(self._orders)
            self.living = self._family()
            for pid in self.living:
                for number in orders[told.get(pid, 0) :] or filter(signal.SIGKILL.__eq__, orders[-2:]):
                    with contextlib.suppress(OSError):
                        if os.getpgid(pid) != self._leader:
                            os.kill(pid, number)
                told[pid] = len(orders)
            looks_in_vain = 0 if self.living else looks_in_vain + 1
            self._news.wait(0.01 if signal.SIGKILL in orders else 0.05)
            self._news.clear()
        self.over.set()

    def _family(self) -> Set[int]:
        """Those that live and descend from the command, or have its group, session or environment."""
        parents: Dict[int, int] = {}
        family: Set[int] = set()
        seen: Set[str] = {str(os.getpid())}
        while True:
            # Who has gone while we looked has left a child, perhaps: so we look until nobody is new.
            fresh = set(filter(str.isdigit, os.listdir('/proc') if os.path.isdir('/proc/self') else [])) - seen
            for name in fresh:
                with contextlib.suppress(OSError, ValueError):
                    parents[int(name)] = self._look_at(int(name), family)
            seen |= fresh
            if not fresh:
                break
        size = -1
        while size != len(family):
            size = len(family)
            family.update(pid for pid, parent in parents.items() if parent in family)
        return family

    def _look_at(self, pid: int, family: Set[int]) -> int:
        """Its parent; adds it to the family where it is known by itself. Raises OSError or ValueError where it does not live."""
        with open('/proc/{}/stat'.format(pid), 'rb') as file:
            state, *numbers = file.read().rpartition(b')')[2].split()[:4]
        parent, group, session = map(int, numbers)
        if state in (b'Z', b'X'):
            raise ValueError('it is dead, and can do no more harm')
        if self._leader in (pid, group, session):
            family.add(pid)
        with contextlib.suppress(OSError), open('/proc/{}/environ'.format(pid), 'rb') as file:
            if self._marks <= set(file.read().split(b'\0')):
                family.add(pid)
        return parent


def _foreground_terminal() -> int:
    """A descriptor of our terminal, where we are in its foreground and use it; else -1."""
    if not any(os.isatty(descriptor) for descriptor in range(3)):
        return -1
    try:
        terminal = os.open('/dev/tty', os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return -1
    with contextlib.suppress(OSError):
        if os.tcgetpgrp(terminal) == os.getpgrp():
            return terminal
    os.close(terminal)
    return -1


class _Enforcement:
    """
    Ends a command whose lock is being lost, before the lease can have ended at the daemon: the parts of the lease after
    which it gets which signal. Where the daemon has said that it is lost already, they follow at once.
    """

    PARTS = {
        'term': ((0.7, signal.SIGTERM), (0.8, signal.SIGTERM), (0.9, getattr(signal, 'SIGKILL', None))),
        'kill': ((0.8, getattr(signal, 'SIGKILL', None)),),
        'keep': ((0.9, None),),
    }

    def __init__(self, hold: Hold, on_loss: str, say: Callable[[str], None]):
        self._hold, self._mode, self._parts, self._say = hold, on_loss, self.PARTS[on_loss], say
        self._done = 0
        self._moments: List[float] = []

    @property
    def has_begun(self) -> bool:
        return self._done > 0

    @property
    def is_awaited(self) -> bool:
        """Whether what is left of the command may still end by itself."""
        return self.has_begun and self._done < len(self._parts)

    @property
    def has_killed(self) -> bool:
        """The last signal, which nobody can ignore, was sent."""
        return self._mode != 'keep' and self._done == len(self._parts)

    def pause(self) -> float:
        """Seconds until there may be something to do; a sleeping machine's clock is not what is waited on for long."""
        due = self._due()[self._done] if self._done < len(self._parts) else math.inf
        # Polled: no signal tells of the last process of a group, nor of the daemon's word.
        longest = 0.02 if self.has_begun else min(0.5, (self._hold.ttl or 30) / 50)
        return max(0.0, min(longest, due - clock()))

    def act(self, command: _Command) -> None:
        while self._done < len(self._parts) and clock() >= self._due()[self._done]:
            self._moments = self._due()
            number, text = self._parts[self._done][1], '' if self.has_begun else self._text()
            self._done += 1
            if number is not None:
                command.end(number)
                command.end(signal.SIGCONT)  # who is stopped could not end
            if text:
                self._say(text)

    def _due(self) -> List[float]:
        """When each signal is due; fixed from the first one on."""
        if self._moments:
            return self._moments
        hold = self._hold
        planned = [hold._moment(part) for part, _ in self._parts]
        ttl, first = hold.ttl or 30, self._parts[0][0]
        return [min(moment, hold._lost_at + (part - first) * ttl) for moment, (part, _) in zip(planned, self._parts)]

    def _text(self) -> str:
        hold = self._hold
        deed = {'term': 'ending the command', 'kill': 'killing the command', 'keep': 'the command goes on'}[self._mode]
        if hold._loss is not None:
            return '{}: {}'.format(hold._loss, deed)
        return "'{}' cannot be renewed ({}), and may be somebody else's in {}: {}".format(
            hold.resource, hold._failure or 'no answer yet', _seconds(max(0.0, hold._moment(1) - clock())), deed
        )


def _run_under(hold: Hold, call: '_Call', signals: _Signals) -> int:
    """Runs a command for as long as the hold lasts; answers the exit status."""
    terminal = _foreground_terminal() if call.settings['foreground'] is not False else -1
    environment = {'LOCKD_RESOURCE': hold.resource, 'LOCKD_CLIENT': hold.client, 'LOCKD_TOKEN': hold.token}
    command = _Command(call.command, environment, own_group=True, terminal=terminal)
    enforcement = _Enforcement(hold, call.settings['on-loss'] or 'term', call.say)
    try:
        # Only now: before, no thread stood between us and the new process.
        hold._start_renewing()
        # After a loss nothing that the command has started may go on.
        while command.status is None or enforcement.is_awaited and command.is_anybody_there():
            for number in signals.wait(enforcement.pause()):
                command.signal(number)
            enforcement.act(command)
            command.look(before_going_on=lambda: enforcement.act(command))
        withstand = command.see_off(KILL_SECONDS) if enforcement.has_killed else set()
    except BaseException:
        # Nobody would watch it any more.
        command.end(signal.SIGKILL)
        raise
    finally:
        command.give_terminal_back()
    if withstand:
        pids = ', '.join(map(str, sorted(withstand)))
        text = "These processes withstand SIGKILL, and may still change '{}': {}"
        call.say(text.format(hold.resource, pids))
        hold._lose('the lock is not given back while they are there')
    return STALE if enforcement.has_begun else command.status


def _run_in_gate(words: List[str], opened: Gate, signals: _Signals) -> int:
    """Runs a command in our own group; the lock on the file is its own, too, so that it outlives us."""
    has_terminal = _foreground_terminal() >= 0
    command = _Command(words, {}, own_group=False, lend=opened.descriptor)
    while True:
        for number in signals.wait(1.0):
            # A terminal sends these to the command itself.
            if not (has_terminal and number in (signal.SIGINT, signal.SIGQUIT)):
                command.signal(number)
        command.look()
        if command.status is not None:
            return command.status


# ---------------------------------------------------------------- texts


def _printable(text: str) -> str:
    """On one line, without what could move a cursor or turn a line around."""
    odd = 'CZ'
    return ''.join(
        '\\u{%x}' % ord(letter) if unicodedata.category(letter)[0] in odd and letter != ' ' else letter for letter in text
    )


def _count(number: int, thing: str) -> str:
    return '{:,} {}{}'.format(number, thing, '' if number == 1 else 's')


def _seconds(value: float) -> str:
    digits = '{:,.1f}'.format(value).replace('.0', '') if value < 10 else '{:,.0f}'.format(value)
    return digits + ' s'


def _utc(moment: datetime.datetime) -> str:
    return moment.strftime('%Y-%m-%d %H:%M:%S UTC')


def _span(seconds: float) -> str:
    for name, length in (('d', 86_400), ('h', 3_600), ('min', 60)):
        if seconds >= length:
            return '{} {}'.format(int(seconds // length), name)
    return '{} s'.format(max(0, int(seconds)))


def _since(moment: datetime.datetime) -> str:
    return '{} ({} ago)'.format(_utc(moment), _span(time.time() - calendar.timegm(moment.utctimetuple())))


def _holder_texts(status: Dict[str, Any]) -> List[str]:
    """One sentence for each holder, without its full stop; the last one counts those that have no room."""
    texts = []
    for hold in status['holders'][:3]:
        lost = {'fencing': 'who is being fenced', 'delayed': 'whose lock-delay runs'}.get(hold['state'])
        if lost:
            text = "Lost by '{}' (token {}), {}".format(hold['client'], hold['token'], lost)
        else:
            lease = 'lease left ' + _span(hold['left']) if 'left' in hold else 'no lease'
            text = "Held by '{}' since {}, {}".format(hold['client'], _since(hold['acquired']), lease)
        texts.append(text + (', note: ' + hold['note'] if 'note' in hold else ''))
    more = status['held'] - len(texts)
    return texts + (['And {:,} more'.format(more)] if more > 0 else [])


def _line_texts(status: Dict[str, Any], client: str) -> List[str]:
    """Where a client stands in the line, or how many do."""
    waiting = status['waiting']
    for place in status['queue']:
        if place['client'] == client:
            return ["'{}' is number {} of {:,} in the line".format(client, place['position'], waiting)]
    if waiting == 0:
        return []
    return ['1 waits in the line' if waiting == 1 else '{:,} wait in the line'.format(waiting)]


def _status_text(status: Dict[str, Any], call: '_Call') -> str:
    """A resource on a page: its holders with their leases, its line, its fencing, and what an operator can do."""
    facts: List[Tuple[str, str]] = []
    if status['limit'] > 1:
        facts.append(('holders', '{} of at most {}'.format(status['held'], status['limit'])))
    fences = {fence['token']: fence for fence in status.get('fence', [])}
    for hold in status['holders']:
        facts.extend(_hold_facts(hold, fences.get(hold['token'])))
    if status['held'] > len(status['holders']):
        facts.append(('', 'and {:,} more'.format(status['held'] - len(status['holders']))))
    if status['waiting']:
        facts.append(('waiting', '{:,}'.format(status['waiting'])))
        for place in status['queue']:
            note = ', note: ' + place['note'] if 'note' in place else ''
            facts.append(('', '{position}. {client} since '.format(**place) + _since(place['since']) + note))
        if status['waiting'] > len(status['queue']):
            facts.append(('', 'and {:,} more'.format(status['waiting'] - len(status['queue']))))
    file = status.get('file', 'unknown')
    facts.append(('file', file + ' (not there at present)' if status['state'] == 'free' else file))
    steps = [_printable(_confirm_text(fence, call)) for fence in fences.values()]
    if status['state'] == 'unreadable':
        force = call.line('force-unlock', [status['resource']], '--reason', 'WHY')
        steps.append(_printable('The file cannot be read. Look at it; if nobody needs the lock: ' + force))
    head = _printable('{resource}: {state}'.format(**status))
    return '\n'.join([head, *_fact_lines(facts), *('  ' + step for step in steps)])


def _hold_facts(hold: Dict[str, Any], fence: Optional[Dict[str, Any]]) -> List[Tuple[str, str]]:
    facts = [('holder' if hold['state'] == 'held' else 'lost by', hold['client']), ('since', _since(hold['acquired']))]
    if hold['state'] == 'held':
        until = ', until ' + _utc(hold['expires']) if 'expires' in hold else ''
        has_lease = 'ttl' in hold and 'left' in hold
        lease = '{} left of {}{}'.format(_span(hold['left']), _span(hold['ttl']), until) if has_lease else ''
        facts.append(('lease', lease or 'none: held until it is unlocked'))
    if hold['state'] == 'delayed':
        facts.append(('state', 'delayed: the lock-delay runs'))
    if fence:
        tries = 'once' if fence['tries'] == 1 else '{:,} times'.format(fence['tries'])
        last = ', last with ' + fence['lastError'] if 'lastError' in fence else ''
        before = 'failed {}{}; '.format(tries, last) if fence['tries'] else ''
        facts.append(('fencing', before + ('runs again at ' + _utc(fence['nextTry']) if 'nextTry' in fence else 'runs now')))
    facts += [('token', hold['token']), ('from', hold['from'])]
    return facts + ([('note', hold['note'])] if 'note' in hold else [])


def _fact_lines(facts: List[Tuple[str, str]]) -> List[str]:
    return ['  {:9}  {}'.format(name, _printable(value)) for name, value in facts]


def _table(rows: List[List[str]]) -> str:
    """Columns as wide as their widest cell, the last one ragged."""
    cells = [list(map(_printable, row)) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells)]
    padded = [[cell + ' ' * (width - _width(cell)) for cell, width in zip(row, widths)] for row in cells]
    return '\n'.join('  '.join(row).rstrip() for row in padded)


def _width(text: str) -> int:
    """Columns that a printable text takes on a terminal."""
    letters = [letter for letter in text if unicodedata.category(letter)[0] != 'M']
    return len(letters) + sum(unicodedata.east_asian_width(letter) in 'WF' for letter in letters)


def _as_json(value: Any) -> str:
    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: plain(member) for name, member in part.items()}
        if isinstance(part, list):
            return list(map(plain, part))
        if isinstance(part, datetime.datetime):
            return part.strftime('%Y-%m-%dT%H:%M:%S.000Z')
        return int(part) if isinstance(part, float) and part.is_integer() else part

    return json.dumps(plain(value), ensure_ascii=False, separators=(',', ':'))


# ---------------------------------------------------------------- the words of the command line


class _UsageError(Error):
    """What was asked for makes no sense; the text says where."""

    exit_status = USAGE


def _misread(text: str) -> _UsageError:
    """The words are no command line at all."""
    return _UsageError('{}\nTry: python3 {} help'.format(text, sys.argv[0]))


_UNIT_SECONDS = {'': 1.0, 'ms': 0.001, 's': 1.0, 'm': 60.0, 'h': 3600.0, 'd': 86400.0}


def _duration(text: str) -> float:
    match = re.fullmatch(r'([0-9]+(?:\.[0-9]+)?)(ms|[smhd]?)', text)
    seconds = float(match.group(1)) * _UNIT_SECONDS[match.group(2)] if match else math.inf
    if seconds == math.inf:
        raise BadParameter("must be seconds, or like 1500ms, 30s, 5m, 2h or 7d, not '{}'".format(text))
    return round(seconds, 3)


def _lease_duration(text: str) -> float:
    seconds = _duration(text)
    if not 0.1 <= seconds <= 31 * 86_400:
        raise BadParameter("must be from 0.1s to 31d, not '{}'".format(text))
    return seconds


def _text(text: str) -> str:
    if not text:
        raise BadParameter('must not be empty')
    return text


def _url(text: str) -> str:
    _read_urls(text)
    return text


def _whole_number(least: int, most: Optional[int] = None) -> Callable[[str], int]:
    span = 'of at least {}'.format(least) if most is None else 'from {} to {}'.format(least, most)

    def read(text: str) -> int:
        number = int(text[-30:]) if re.fullmatch('[0-9]+', text) else -1
        if number < least or most is not None and (number > most or len(text) > 30):
            raise BadParameter("must be a whole number {}, not '{}'".format(span, text))
        return number

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise BadParameter("must be {}; it is '{}'".format(', '.join(choices), text))
        return text

    return read


def _truth(text: str) -> bool:
    yes, no = ('1', 'true', 'yes', 'on'), ('0', 'false', 'no', 'off')
    if text.lower() not in yes + no:
        raise BadParameter("must be true or false, not '{}'".format(text))
    return text.lower() in yes


class _Setting(NamedTuple):
    """What a flag, a variable or the file of --config may give."""

    placeholder: str  # stands for the value; a switch has none
    help: str
    read: Callable[[str], Any] = _truth
    opposite: Optional[str] = None  # the text for which --no-NAME stands; a switch has one anyway


# Where a setting is not the same for all, that of a command stands behind its name.
_SETTINGS = {
    'url': _Setting('URL', 'the daemon; several addresses of one cluster by comma (default: {})'.format(DEFAULT_URL), _url),
    'user': _Setting('NAME', 'who calls, where the daemon wants to know', _text),
    'secret-file': _Setting('FILE', 'the file with the secret of that user, alone', _text),
    'ca': _Setting('FILE', "the authority (PEM) that https:// trusts (default: the system's)", _text),
    'cert': _Setting('FILE', 'a certificate (PEM) to show', _text),
    'key': _Setting('FILE', 'its private key (PEM)', _text),
    'client': _Setting('NAME', 'who locks (default: user@host, in a CI job user@host:JOB)', _text),
    'run client': _Setting('NAME', 'who locks (default: user@host:pid-random)', _text),
    'ttl': _Setting('DURATION', 'a new lease from now on', _lease_duration),
    'lock ttl': _Setting('DURATION', 'how long it lasts unless it is renewed (default: until unlocked)', _lease_duration),
    'run ttl': _Setting('DURATION', 'how long it lasts unless it is renewed, at a third (default: 30s)', _lease_duration),
    'lock wait': _Setting('DURATION', 'how long to wait in the line (default: not at all)', _duration),
    'run wait': _Setting('DURATION', 'how long to wait (default: for ever); --no-wait: refused at once', _duration, '0'),
    'gate wait': _Setting('DURATION', 'how long to wait for the command in the gate (default: for ever)', _duration),
    'limit': _Setting('N', 'how many may hold it at once (default: 1)', _whole_number(1, 1000)),
    'note': _Setting('TEXT', 'why, for everybody who looks at the lock', _text),
    'update note': _Setting('TEXT', "a new note; '' removes it", str),
    'new-client': _Setting('NAME', 'for operators: who holds it from now on, with a new token', _text),
    'request': _Setting('KEY', 'retry key: a repeat gets the same hold, or the same place in the line', _text),
    'token': _Setting('TOKEN', 'that very hold, as lock printed it', _digits),
    'seconds': _Setting('DURATION', 'how much to add (required)', _lease_duration),
    'reason': _Setting('TEXT', 'why (required); the holder is told', _text),
    'holder': _Setting('NAME', 'only what this client holds or waits for', _text),
    'force-unlock holder': _Setting('NAME', 'whose hold ends; needed where several hold it', _text),
    'fenced': _Setting('', 'the holder can do no more harm for certain: no fence command runs'),
    'prefix': _Setting('TEXT', 'only resources that begin so', _text),
    'state': _Setting('STATE', 'only those in this state', _one_of('held', 'reserved', 'delayed', 'fencing', 'unreadable')),
    'count': _Setting('N', 'at most so many (list: all; history: 100)', _whole_number(1)),
    'after': _Setting('RESOURCE', 'only resources behind this one', _text),
    'before': _Setting('ID', 'only events before this one: the last of what was shown', _text),
    'on-loss': _Setting('HOW', 'what a loss of the lock does to the command: term (default), kill, keep', _one_of(*_Enforcement.PARTS)),
    'foreground': _Setting('', 'stay at the terminal (default: where there is one)'),
    'conflict-exit-code': _Setting('N', 'exit status instead of 1 and 75', _whole_number(0, 255)),
    'json': _Setting('', 'print one JSON document, a failure too, on standard output'),
    'run json': _Setting('', 'what it says itself, on standard error, is one JSON object per line'),
    'config': _Setting('FILE', 'a JSON file with settings', _text),
    'help': _Setting('', 'show help'),
}


class _Verb(NamedTuple):
    """A command. A word with the name of a setting stands for its flag."""

    run: Callable[['_Call'], int]
    words: str
    settings: str
    command: str = ''  # what is run, behind --

    def known(self, name: str) -> Dict[str, _Setting]:
        names = (self.settings + ' json config help').split()
        return {one: _SETTINGS.get(name + ' ' + one) or _SETTINGS[one] for one in names}


_NEGATIVE_NUMBER = re.compile(r'-([0-9]+|[0-9]*\.[0-9]+)(e[+-]?[0-9]+)?')


class _Given:
    """What a command line names, by its parts: the words, the command behind them, and the flags."""

    def __init__(self, name: str, verb: _Verb, given: List[str]):
        self._settings = verb.known(name)
        self.flags: Dict[str, str] = {}
        words, behind = self._take_flags(collections.deque(given))
        if '@' in self.flags.get('url', ''):
            raise _UsageError(
                '--url must name neither user nor secret: lists of processes show them. Set LOCKD_USER and LOCKD_SECRET_FILE, '
                'or put them into LOCKD_URL'
            )
        names = [one.strip('[]') for one in verb.words.split()]
        # The command may also stand before --, and the words behind it.
        needed = 0 if 'help' in self.flags else sum('[' not in one for one in verb.words.split())
        if not verb.command or len(words) < needed:
            words, behind = words + behind, []
        self.words = dict(zip(names, words))
        self.command = words[len(names) :] + behind
        if len(words) < needed:
            raise _misread("missing required argument '{}'".format(names[len(words)]))
        if self.command and not verb.command:
            text = "too many arguments for '{}'. Expected {} but got {}."
            raise _misread(text.format(name, _count(len(names), 'argument'), len(names) + len(self.command)))
        for one in set(self.words) & set(self._settings):
            word, flag = self.words[one], self.flags.setdefault(one, self.words[one])
            if word != flag:
                raise _UsageError("The {0} is named twice: '{1}', and '{2}' by --{0}".format(one, word, flag))

    def _take_flags(self, rest: 'collections.deque[str]') -> Tuple[List[str], List[str]]:
        """The words before and behind --."""
        words: List[str] = []
        while rest:
            word = rest.popleft()
            if word == '--':
                break
            if word == '-' or not word.startswith('-') or _NEGATIVE_NUMBER.fullmatch(word):
                words.append(word)
                continue
            name, text = self._flag(word, rest)
            if name in self.flags and name != 'url':
                raise _UsageError('--{} is given twice'.format(name))
            self.flags[name] = ','.join(filter(None, [self.flags.get(name), text])) if name == 'url' else text
        return words, list(rest)

    def _flag(self, word: str, rest: 'collections.deque[str]') -> Tuple[str, str]:
        """The name of a flag, and its text, which may be the next word."""
        name, equals, text = word[2:].partition('=')
        setting, positive = self._settings.get(name), self._settings.get(name[3:])
        if word.startswith('--') and setting and setting.placeholder:
            if not equals and not rest:
                raise _misread("option '--{} <{}>' argument missing".format(name, setting.placeholder))
            return name, text if equals else rest.popleft()
        if word.startswith('--') and setting and not equals:
            return name, 'true'
        if word.startswith('--no-') and positive and not equals:
            opposite = positive.opposite if positive.placeholder else 'false'
            if opposite:
                return name[3:], opposite
        raise _misread("unknown option '{}'".format(word))


class _Settings:
    """What the flags say, or else the variables (--on-loss is LOCKD_ON_LOSS), or else the file of --config."""

    def __init__(self, known: Dict[str, _Setting], flags: Dict[str, str], resource: Optional[str] = None):
        self._known, self._flags = known, flags
        # Within `run` LOCKD_TOKEN is that of LOCKD_RESOURCE: of a call about another resource it is not meant.
        self._is_another = resource is not None and os.environ.get('LOCKD_RESOURCE', '') not in ('', resource)
        self._path = flags.get('config') or os.environ.get('LOCKD_CONFIG')
        # It may have keys for other commands of lockd, which are not known here.
        self._file = _read_config(self._path) if self._path else {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            return None
        variable = 'LOCKD_' + name.replace('-', '_').upper()
        places = (
            ('--' + name, self._flags.get(name)),
            (variable, None if name == 'token' and self._is_another else os.environ.get(variable) or None),
            ("'{}' in {}".format(name, self._path), self._file.get(name)),
        )
        place, text = next((found for found in places if found[1] is not None), ('', None))
        try:
            return None if text is None else self._known[name].read(text)
        except BadParameter as problem:
            raise _UsageError('{} {}'.format(place, problem)) from None

    def check(self) -> None:
        """Raises _UsageError where one of them cannot be read."""
        for name in self._known:
            self[name]


def _read_config(path: str) -> Dict[str, str]:
    """The texts of a JSON object, as flags would give them."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            content = json.load(file)
    except (OSError, ValueError) as problem:
        raise _UsageError('The configuration file {} cannot be read: {}'.format(path, problem)) from problem
    if not isinstance(content, dict):
        raise _UsageError('The configuration file {} must be one JSON object, like {{"url": "{}"}}'.format(path, DEFAULT_URL))
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in content.items()}


class _CannotWrite(Error):
    """The answer did not reach its reader."""

    exit_status = REFUSED


class _Call:
    """One command line: its words and settings, and where it writes."""

    def __init__(self, name: str, given: _Given, settings: _Settings):
        self.name, self.words, self.command, self.settings = name, given.words, given.command, settings
        self._json = settings['json']
        # The standard output of `run` is that of its command.
        self._output = sys.stderr if name == 'run' else sys.stdout

    @property
    def resource(self) -> str:
        return self.words['resource']

    def client(self, name: Callable[[], str] = _caller_name) -> Client:
        user, file = self.settings['user'], self.settings['secret-file']
        if (user is None) != (file is None):
            raise _UsageError('--user and --secret-file belong together (LOCKD_USER, LOCKD_SECRET_FILE): give both, or neither')
        tls = {one: self.settings[one] for one in ('ca', 'cert', 'key')}
        # With connections that time out, three tries take 10 s.
        retry = Retry(attempts=3, delay=1, factor=3, jitter=0, failover=FAILOVER_SECONDS)
        try:
            if user is not None and self._has_user:
                raise _UsageError('The address names a user, and so does --user or LOCKD_USER: leave one of them out')
            secret = None if file is None else _read_secret(file)
            client = Client(self._url, self.settings['client'], retry=retry, user=user, secret=secret, **tls)
        except BadParameter as problem:
            raise _UsageError(str(problem)) from problem
        client._make_name = name
        return client

    @property
    def _url(self) -> str:
        return self.settings['url'] or DEFAULT_URL

    @property
    def _has_user(self) -> bool:
        """Whether the URL says who calls."""
        return _read_urls(self._url)[1] is not None

    def answer(self, value: Any, text: Optional[str] = None, aside: Optional[str] = None) -> None:
        """The outcome, on standard output; with --json all of it, else its text, and the rest on standard error."""
        if self._json:
            text, aside = _as_json(value), None
        if text is not None:
            try:
                print(text, file=self._output, flush=True)
            except OSError as problem:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._output.fileno())
                # Who reads no more has seen enough, as `head` does.
                if problem.errno != errno.EPIPE:
                    raise _CannotWrite('Standard output cannot be written ({})'.format(problem.strerror)) from problem
        if aside is not None:
            _say(aside)

    def say(self, text: str) -> None:
        """What happens meanwhile."""
        _say(text, as_json=self._json and self.name == 'run')

    def line(self, name: str, words: List[str], *options: str) -> str:
        """A command line to copy that talks to the same daemon."""
        url = ','.join(address.text for address in _read_urls(self._url)[0])
        flags = [*([] if url == DEFAULT_URL else ['--url', url]), *options]
        has_dash = any(word.startswith('-') for word in words)
        rest = [*flags, '--', *words] if has_dash else [*words, *flags]
        return ' '.join(['python3', *map(shlex.quote, [sys.argv[0], name, *rest])])


def _say(text: str, as_json: bool = False) -> None:
    """On standard error. Where nobody reads that, or not for now, the work goes on without."""
    lines = (_as_json({'message': text}) if as_json else '\n'.join(map(_printable, text.split('\n')))) + '\n'
    with contextlib.suppress(OSError, ValueError):
        # A pipe that has room for more has room for 4,096 bytes, and no letter takes more than four.
        for start in range(0, len(lines) if sys.stderr else 0, 1000):
            if not fcntl or _is_ready(sys.stderr.fileno(), select.POLLOUT, 0.2):
                print(lines[start : start + 1000], file=sys.stderr, end='', flush=True)


class _Voice(logging.Handler):
    """Says what is logged as a command line says everything: a reader that is stuck holds up no thread that logs."""

    def __init__(self, call: _Call):
        super().__init__()
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:
        self._call.say(record.getMessage())


# ---------------------------------------------------------------- commands


def _tell_waiting(call: _Call, client: str) -> Callable[[Dict[str, Any]], None]:
    def tell(status: Dict[str, Any]) -> None:
        call.say('. '.join(["Waiting for '{resource}'".format(**status), *_holder_texts(status), *_line_texts(status, client)]))

    return tell


def _take_lock(call: _Call, client: Client, wait: Optional[float], ttl: Optional[float]) -> Hold:
    """Takes the lock of a command line; says meanwhile what it waits for, and what has ended the waiting."""
    settings = call.settings
    try:
        return client.lock(
            call.resource,
            ttl=ttl,
            wait=wait,
            limit=settings['limit'],
            note=settings['note'],
            request=settings['request'],
            renew=False,
            tell=None if wait == 0 else _tell_waiting(call, client.client),
        )
    except _Interruption as signalled:
        signalled.what = "The wait of '{}' for '{}'".format(client.client, call.resource)
        raise


def _lock_command(call: _Call) -> int:
    """take a lock, or wait for it, or be refused at once; prints its token"""
    with _Signals():
        hold = _take_lock(call, call.client(), call.settings['wait'] or 0, call.settings['ttl'])
    _held.discard(hold)  # it stays locked
    unlock = call.line('unlock', [hold.resource, hold.client], '--token', hold.token)
    call.answer(hold.answer, hold.token, "'{}' is locked by '{}'. To unlock: {}".format(hold.resource, hold.client, unlock))
    return DONE


def _unlock_command(call: _Call) -> int:
    """give a lock back"""
    client = call.client()
    client.unlock(call.resource, call.settings['token'])
    call.answer(
        {'resource': call.resource, 'client': client.client, 'unlocked': True},
        _printable("'{}' is no longer locked by '{}'".format(call.resource, client.client)),
    )
    return DONE


def _renew_command(call: _Call) -> int:
    """make a lease run for its whole time again, or for a new one"""
    return _answer_hold(call, call.client().renew(call.resource, call.settings['ttl'], call.settings['token']))


def _extend_command(call: _Call) -> int:
    """add time to what is left of a lease; a repeat adds again"""
    seconds = call.settings['seconds']
    if seconds is None:
        raise _UsageError("Say how much to add to the lease of '{}', like 5m".format(call.resource))
    return _answer_hold(call, call.client().extend(call.resource, seconds, call.settings['token']))


def _update_command(call: _Call) -> int:
    """change the note of a hold, its lease, or its holder"""
    note, ttl, new_client, token = map(call.settings.__getitem__, ('note', 'ttl', 'new-client', 'token'))
    if note is None and ttl is None and new_client is None:
        raise _UsageError("Say what to change of '{}': --note, --ttl, or --new-client".format(call.resource))
    hold = call.client().update(call.resource, note, ttl, new_client, token)
    unlock = call.line('unlock', [hold['resource'], hold['client']], '--token', hold['token'])
    aside = 'Its token is {}. To unlock: {}'.format(hold['token'], unlock)
    return _answer_hold(call, hold, None if new_client is None else aside)


def _answer_hold(call: _Call, hold: Dict[str, Any], aside: Optional[str] = None) -> int:
    until = ' (until {})'.format(_utc(hold['expires'])) if 'expires' in hold else ''
    span = 'for another {}{}'.format(_span(hold['left']), until) if 'left' in hold else 'until it is unlocked'
    call.answer(hold, _printable("'{}' is held by '{}' {}".format(hold['resource'], hold['client'], span)), aside)
    return DONE


def _check_command(call: _Call) -> int:
    """ask whether a token is that of a current hold; exit status 1 if not"""
    token = call.settings['token']
    if token is None:
        raise _UsageError("Say which token of '{}' to check".format(call.resource))
    is_current = call.client().check(call.resource, token)
    text = "Token {} holds '{}'".format(token, call.resource)
    aside = "Token {} is no current hold of '{}': stop the work of that token. To look: {}"
    call.answer(
        {'resource': call.resource, 'token': token, 'current': is_current},
        _printable(text) if is_current else None,
        None if is_current else aside.format(token, call.resource, call.line('status', [call.resource])),
    )
    return DONE if is_current else REFUSED


def _status_command(call: _Call) -> int:
    """show who holds a resource, and who waits; without one, how the daemon is"""
    client = call.client()
    if 'resource' in call.words:
        status = client.status(call.resource)
        call.answer(status, _status_text(status, call))
        return DONE
    stats, health = client.stats(), client._health()
    facts = [('since', _since(stats['started'])), ('directory', stats['directory'])]
    facts += [(name, '{:,}'.format(int(stats[name]))) for name in ('held', 'waiting', 'fencing')]
    lines = ['lockd {} at {}: {}'.format(_printable(stats['version']), client.url, health['status']), *_fact_lines(facts)]
    lines += ['  ' + _printable(problem) for problem in health['problems']]
    call.answer(dict(stats, url=client.url, health=health), '\n'.join(lines))
    return DONE


def _list_command(call: _Call) -> int:
    """show all resources that are not free"""
    client, settings = call.client(), call.settings
    selection = {'prefix': settings['prefix'] or '', 'client': settings['holder'], 'state': settings['state']}
    found = _all_pages(
        lambda count, last: client.list(count=count, after=last['resource'] if last else settings['after'], **selection),
        settings['count'] or math.inf,
    )
    headings = ['RESOURCE', 'STATE', 'HOLDER', 'SINCE', 'LEASE', 'WAITING', 'TOKEN', 'NOTE']
    table = _table([headings, *itertools.chain.from_iterable(map(_list_rows, found))])
    call.answer(found, table if found else None, None if found else 'Nothing is locked that matches')
    return DONE


def _list_rows(status: Dict[str, Any]) -> List[List[str]]:
    """One row for each holder; a resource without any that can be named has one, too."""
    resource, state, waiting = status['resource'], status['state'], '{:,}'.format(status['waiting'] or 0).lstrip('0')
    rows = []
    for hold in status['holders']:
        lease = _span(hold['left']) if 'left' in hold else ''
        row = [resource, hold['state'], hold['client'], _utc(hold['acquired']), lease, waiting, hold['token']]
        rows.append(row + [hold.get('note', '')])
    more = status['held'] - len(rows)
    if not rows:
        first = "kept for '{client}'".format(**status['queue'][0]) if status['queue'] else ''
        holder, note = ('?', 'look at ' + status['file']) if state == 'unreadable' else ('', first)
        rows.append([resource, state, holder, '', '', waiting, '', note])
    elif more > 0:
        rows.append([resource, state, 'and {:,} more'.format(more), '', '', '', '', ''])
    return rows


def _history_command(call: _Call) -> int:
    """show what happened, newest first"""
    client, settings = call.client(), call.settings
    resource, holder, count = call.words.get('resource'), settings['holder'], settings['count'] or 100
    events = _all_pages(
        lambda size, last: client.history(resource, client=holder, count=size, before=last['id'] if last else settings['before']),
        count,
    )
    rows = [['TIME', 'EVENT', 'RESOURCE', 'CLIENT', 'TOKEN', 'BY', 'REASON']]
    for event in events:
        rows.append([_utc(event['time']), *(event.get(name, '') for name in 'event resource client token by reason'.split())])
    further = 'For older events: --before {id}'.format(**events[-1]) if len(events) >= count else None
    aside = further if events else 'Nothing is known to have happened that matches'
    call.answer(events, _table(rows) if events else None, aside)
    return DONE


def _all_pages(page: Callable[[int, Any], List[Dict[str, Any]]], count: float) -> List[Dict[str, Any]]:
    """As many pages as it takes: `page` answers so many of those that stand behind the last one."""
    found: List[Dict[str, Any]] = []
    while len(found) < count:
        size = int(min(count - len(found), 1000))
        more = page(size, found[-1] if found else None)
        found += more
        if len(more) < size:
            break
    return found


def _stats_command(call: _Call) -> int:
    """show what the daemon has done since its start"""
    stats = call.client().stats()
    call.answer(stats, _table([[name, _fact(value)] for name, value in stats.items()]))
    return DONE


def _fact(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return _utc(value)
    return str(value) if isinstance(value, str) else '{:,}'.format(int(value))


def _ping_command(call: _Call) -> int:
    """ask whether the daemon answers, and how fast"""
    client = call.client()
    sent = clock()
    version = client.stats()['version']
    milliseconds = round((clock() - sent) * 1000, 2)
    text = 'lockd {} answers at {} in {} ms'.format(version, client.url, milliseconds)
    call.answer({'url': client.url, 'version': version, 'milliseconds': milliseconds}, _printable(text))
    return DONE


def _force_unlock_command(call: _Call) -> int:
    """end somebody's hold against their will"""
    client, holder, reason = call.client(), call.settings['holder'], call.settings['reason']
    if reason is None:
        raise _UsageError('--reason is required: say why, the holder is told')
    try:
        client.force_unlock(call.resource, reason, holder, call.settings['fenced'] or False, call.settings['token'])
    except BadParameter:
        # The daemon wants to know whose hold is meant: here, that is said in words of the command line.
        held = (_status_or_none(client, call.resource) or {}).get('held', 0)
        if holder is not None or held < 2:
            raise
        text = "'{}' has {} holders: name one with --holder. To see them: {}"
        raise _UsageError(text.format(call.resource, held, call.line('status', [call.resource]))) from None
    state = (_status_or_none(client, call.resource) or {}).get('state')
    until = {'fencing': 'the fence command has succeeded', 'delayed': 'the lock-delay is over'}.get(state)
    call.answer(
        dict({'holder': holder} if holder else {}, resource=call.resource, forced=True),
        _printable("'{}' was unlocked by force{}".format(call.resource, "; '{}' lost it".format(holder) if holder else '')),
        until and 'It is granted again when {}. To look: {}'.format(until, call.line('status', [call.resource])),
    )
    return DONE


def _confirm_fenced_command(call: _Call) -> int:
    """end a fencing that does not succeed"""
    token, reason = call.settings['token'], call.settings['reason']
    if reason is None:
        raise _UsageError('--reason is required: say why that is certain')
    call.client().confirm_fenced(call.resource, reason, token)
    text = _printable("The lost holder of '{}' counts as fenced".format(call.resource))
    call.answer(dict(_token(token), resource=call.resource, fenced=True), text)
    return DONE


def _run_command(call: _Call) -> int:
    """run a command while a lock is held; end it before the lock can be anybody else's"""
    settings = call.settings
    _check_command_words(call.command)
    client, status = call.client(_process_name), None
    with _Signals() as signals:
        hold = _take_lock(call, client, settings['wait'], settings['ttl'] or 30)
        try:
            signals.collect()
            status = _run_under(hold, call, signals)
        finally:
            is_lost = _release_after_run(hold, call, is_known_lost=status == STALE)
        return STALE if is_lost else status


def _check_command_words(command: List[str]) -> None:
    if not command:
        raise _misread("missing required argument 'command'")
    if not command[0]:
        raise _UsageError('command must not be empty')


def _release_after_run(hold: Hold, call: _Call, is_known_lost: bool) -> bool:
    """Gives it back on every way out; whether it was lost before that."""
    try:
        hold.release()
    except LockLost as problem:
        if not is_known_lost:
            call.say(str(problem))
        return True
    except Error as problem:
        call.say("'{}' could not be unlocked; it is free when its lease has ended. {}".format(hold.resource, problem))
        _held.discard(hold)
    return False


def _gate_command(call: _Call) -> int:
    """let a token pass, and run a command, unless a higher token has passed FILE before; needs no daemon"""
    file, token = call.words['file'], call.settings['token']
    if token is None:
        raise _UsageError('Say which token is to pass {}'.format(file))
    if call.command:
        _check_command_words(call.command)
    with _Signals() as signals, _enter_gate(file, token, call.settings['wait']) as opened:
        if not call.command:
            call.answer({'file': file, 'token': token, 'passed': True})
            return DONE
        signals.collect()
        return _run_in_gate(call.command, opened, signals)


def _enter_gate(file: str, token: str, wait: Optional[float]) -> Gate:
    try:
        return Gate(file, token, wait)
    except _Interruption as signalled:
        signalled.what = 'The wait at the gate {}'.format(file)
        raise


_CONNECTION = 'url user secret-file ca cert key '
_IDENTITY = _CONNECTION + 'client '

_VERBS = {
    'run': _Verb(
        _run_command, 'resource', _IDENTITY + 'ttl wait limit note on-loss foreground conflict-exit-code', 'COMMAND'
    ),
    'gate': _Verb(_gate_command, 'file [token]', 'token wait', '[COMMAND]'),
    'lock': _Verb(_lock_command, 'resource [client]', _IDENTITY + 'ttl wait limit note request conflict-exit-code'),
    'unlock': _Verb(_unlock_command, 'resource [client]', _IDENTITY + 'token'),
    'renew': _Verb(_renew_command, 'resource [client]', _IDENTITY + 'ttl token'),
    'extend': _Verb(_extend_command, 'resource [seconds] [client]', _IDENTITY + 'seconds token'),
    'update': _Verb(_update_command, 'resource [client]', _IDENTITY + 'note ttl new-client token'),
    'check': _Verb(_check_command, 'resource [token]', _CONNECTION + 'token'),
    'status': _Verb(_status_command, '[resource]', _CONNECTION),
    'list': _Verb(_list_command, '', _CONNECTION + 'prefix holder state count after'),
    'history': _Verb(_history_command, '[resource]', _CONNECTION + 'holder count before'),
    'force-unlock': _Verb(_force_unlock_command, 'resource [holder]', _CONNECTION + 'holder token reason fenced'),
    'confirm-fenced': _Verb(_confirm_fenced_command, 'resource', _CONNECTION + 'token reason'),
    'stats': _Verb(_stats_command, '', _CONNECTION),
    'ping': _Verb(_ping_command, '', _CONNECTION),
}

_EPILOGUE = """
Every flag can also be a variable (--on-loss is LOCKD_ON_LOSS) and a key in the JSON file of --config. Flags beat variables
beat the file. Durations are seconds, or like 1500ms, 30s, 5m, 2h.

Exit statuses: 0 done; 1 refused, or check says no; 2 usage; 69 no daemon answers; 70 a defect of lockd; 75 gave up
waiting; 76 lock lost or stale token; 77 not allowed. run and gate: that of the command, 128+n where a signal ended it,
126 it cannot be run, 127 it was not found."""


def _help(name: Optional[str]) -> str:
    """What the command line can do, or one of its commands."""
    if name not in _VERBS:
        rows = [('  ' + name, verb.run.__doc__ or '') for name, verb in _VERBS.items()]
        head = 'usage: lockd.py COMMAND ...\n\nLocks of a lockd daemon; its own help says more: lockd help\n'
        rows += [('  --version', 'print the version')]
    else:
        verb = _VERBS[name]
        command = verb.command.replace('[', '[-- ') if '[' in verb.command else verb.command and '-- ' + verb.command
        head = ' '.join(filter(None, ['usage: lockd.py', name, '[options]', verb.words.upper(), command]))
        head += '\n\n{}\n'.format(verb.run.__doc__)
        rows = [('  --{} {}'.format(flag, one.placeholder), one.help) for flag, one in verb.known(name).items()]
    width = max(len(flag) for flag, _ in rows) + 2
    texts = [textwrap.wrap(flag.ljust(width) + text, 100, subsequent_indent=' ' * width) for flag, text in rows]
    return '\n'.join([head, *itertools.chain.from_iterable(texts), _EPILOGUE])


def main(arguments: Optional[List[str]] = None) -> int:
    """The command line; answers its exit status."""
    name, *given = (sys.argv[1:] if arguments is None else arguments) or ['']
    if name in ('help', '--help', '--version'):
        print(VERSION if name == '--version' else _help(given[0] if given else None))
        return DONE
    if not name:
        _say(_help(None))
        return USAGE
    call = None
    try:
        if name not in _VERBS:
            raise _misread("unknown {} '{}'".format('option' if name.startswith('-') else 'command', name))
        verb = _VERBS[name]
        words = _Given(name, verb, given)
        if 'help' in words.flags:
            print(_help(name))
            return DONE
        settings = _Settings(verb.known(name), words.flags, words.words.get('resource'))
        call = _Call(name, words, settings)
        _log.handlers[:] = [_Voice(call)]
        # Of a shell variable that is not set, most likely: none at all would mean something else.
        if '' in list(call.words.values())[:1]:
            raise _UsageError('{} must not be empty'.format(next(iter(call.words))))
        settings.check()
        return verb.run(call)
    except _Interruption as signalled:
        return _fail(call, signalled.exit_status, str(signalled))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Error as problem:
        return _report(problem, call)
    except Exception as problem:
        place = traceback.extract_tb(problem.__traceback__)[-1]
        text = 'A defect of lockd, please report it: {}: {} (at {}:{})'
        return _fail(call, DEFECT, text.format(type(problem).__name__, problem, place.name, place.lineno))


def _fail(call: Optional[_Call], exit_status: int, message: str, advice: Optional[str] = None, **more: Any) -> int:
    if call is None or not call._json:
        _say('\n'.join(filter(None, [message, advice])))
    else:
        error = dict(more, message=message, advice=advice, exitStatus=exit_status)
        call.answer({'error': {name: value for name, value in error.items() if value is not None}})
    return exit_status


def _report(problem: Error, call: Optional[_Call]) -> int:
    """Says what went wrong, and what to do next; answers the exit status."""
    status, text = problem.exit_status, str(problem)
    if isinstance(problem, _UsageError):
        return _fail(call, status, text if call and call._json else 'error: ' + text)
    if isinstance(problem, OutcomeUnknown) and 'resource' in call.words:
        text += '. Look with: ' + call.line('status', [call.resource])
    if not isinstance(problem, Refused):
        return _fail(call, status, text)
    if problem.code not in _REFUSALS or problem.code < 0 or 'resource' not in call.words:
        return _fail(call, status, text, code=problem.code)
    if status in (REFUSED, GAVE_UP):
        other = call.settings['conflict-exit-code']
        status = status if other is None else other
    client = call.client()
    # Who may not even ask for it is told no more; and who does not lead knows no more.
    found = None if isinstance(problem, (Denied, Stopping)) else _status_or_none(client, call.resource)
    facts = [*_holder_texts(found), *_line_texts(found, client.client)] if found else []
    advice = '. '.join([*facts, _advice(problem, call, client.client, found)])
    return _fail(call, status, text, advice, code=problem.code, name=problem.name, status=found)


def _status_or_none(client: Client, resource: str) -> Optional[Dict[str, Any]]:
    """For what is said beside a refusal, which is what matters."""
    try:
        return _struct(client._ask('status', resource, retry=_ONCE))
    except Error:
        return None


def _next_try(fence: Dict[str, Any]) -> str:
    if 'nextTry' not in fence:
        return "The fence command for '{client}' runs now".format(**fence)
    seconds = math.ceil(calendar.timegm(fence['nextTry'].utctimetuple()) - time.time())
    return "The fence command for '{}' is run again at {} (in {})".format(
        fence['client'], _utc(fence['nextTry']), _span(seconds)
    )


def _confirm_text(fence: Dict[str, Any], call: _Call) -> str:
    confirm = call.line('confirm-fenced', [call.resource], '--reason', 'WHY', '--token', fence['token'])
    return "If '{}' can do no more harm for certain: {}".format(fence['client'], confirm)


def _advice(refused: Refused, call: _Call, client: str, status: Optional[Dict[str, Any]]) -> str:
    """What to do next, with the commands to copy."""

    def about(name: str, *options: str, words: Tuple[str, ...] = ()) -> str:
        return call.line(name, [call.resource, *words], *options)

    def relock(*options: str) -> str:
        return about('lock', *options, words=(client,))

    found: Dict[str, Any] = status or {'state': None, 'limit': 'N', 'held': 0, 'holders': []}
    mine = [hold for hold in found['holders'] if hold['client'] == client and hold['state'] == 'held']
    force = about('force-unlock', '--reason', 'WHY', words=('HOLDER',) if found['held'] > 1 else ())
    is_gone = 'If its holder is gone for good: ' + force
    wait = 'To wait for it: ' + relock('--wait', '1m')
    if call.name == 'run':
        wait = 'To wait for as long as it takes, leave --wait and --no-wait out'
    in_the_way = wait + '. ' + is_gone if found['state'] in ('held', None) else wait
    for fence in found.get('fence', [])[:1]:
        next_try = [] if call.name == 'run' else [_next_try(fence)]
        in_the_way = '. '.join([*next_try, wait, _confirm_text(fence, call)])
    if found['state'] == 'reserved':
        in_the_way = 'It is kept for the first in the line. ' + wait
    if found['state'] == 'free':
        in_the_way = 'It is free now: try again'
    held = 'That is you; to give it back: ' + about('unlock', '--token', mine[0]['token'], words=(client,)) if mine else in_the_way
    in_line = 'end that one, repeat it with its --request, or wait with another --client'
    if call.name == 'update':
        held = 'Nobody holds a resource twice: hand it to somebody else, or have that hold unlocked first'
        in_line = 'Who waits there gets it in turn: unlock it, or hand it to somebody else'
    return {
        Held: held,
        NotOwner: 'Only its holder can do that. If that one is gone for good: ' + force,
        NotLocked: 'Is the name right? To see what is held: ' + call.line('list', []),
        TimedOut: in_the_way,
        LimitMismatch: 'To share it: ' + relock('--limit', str(found['limit'])),
        NotQueued: wait,
        LineFull: 'Try again later. To look: ' + about('status'),
        Lost: 'To go on, lock it anew: ' + relock(),
        Fencing: in_the_way,
        StaleToken: 'Stop the work of that token. To look: ' + about('status'),
        RequestReused: 'Give another --request, or the options that came with it before',
        Unreadable: 'Look at {}. If nobody needs it: {}'.format(found.get('file', 'the file'), force),
        Denied: 'Call as a user who may (LOCKD_USER and LOCKD_SECRET_FILE), or ask whoever runs the daemon: its users file '
        'says who may what',
        TooMany: 'To see what is held, and who waits: ' + call.line('list', []),
        StorageFull: 'Make room there, or mend the disk; then try again. To look: ' + call.line('status', []),
        Stopping: 'Try again in some seconds. To look: ' + call.line('ping', []),
        Ended: 'To go on, lock it anew with another --request: ' + relock(),
        AlreadyInLine: in_line if call.name == 'update' else 'Another call of that client waits there: ' + in_line,
        TakenOver: 'The other call goes on and gets the lock. Two processes that both shall wait need a --request and a '
        '--client each',
    }[type(refused)]


if __name__ == '__main__':
    sys.exit(main())
