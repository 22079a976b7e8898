/**
 * A process full of connections: `strangers.js URL COUNT KINDS [CA]`. KINDS, by comma, are given to the connections in turn;
 * those that say something go on saying it for ever. Prints `open` once the last of them stands, and `closed` when none does any
 * more. It ends with its standard input.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';

const [url, count, kinds, ca] = process.argv.slice(2);
const { hostname, port, protocol } = new URL(url);
const names = kinds.split(',');
const isTls = protocol === 'https:';
/** Made once: it costs much more than a handshake. */
const trust =
  ca === undefined ? {} : { secureContext: createSecureContext({ ca: readFileSync(ca, 'utf8') }) };

/** Connections that are being made at once: fewer than a listener keeps waiting. */
const AT_ONCE = 32;

/** Milliseconds between two bytes of who sends slowly. */
const PACE_MS = 400;

const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 60000\r\n';
/** The first bytes of a TLS handshake that has 512 more. */
const HELLO = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(512, 7)]);

/** What each kind does once its connection stands. `raw`: it does not get as far as TLS. */
const KINDS = {
  silent: { say: () => {} },
  head: { say: (socket) => trickle(socket, Buffer.from(`${HEAD}X: ${'x'.repeat(5_000)}`)) },
  body: {
    say: (socket) => {
      socket.write(`${HEAD}\r\n`);
      trickle(socket, Buffer.alloc(60_000, ' '));
    },
  },
  handshake: { raw: true, say: (socket) => trickle(socket, HELLO) },
  mute: { raw: true, say: () => {} },
  idle: { say: askNowAndThen, answers: true },
};

/** Seldom enough to be idle, and often enough to be kept. */
function askNowAndThen(socket) {
  const ask = () => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  ask();
  const timer = setInterval(ask, 40_000);
  socket.once('close', () => clearInterval(timer));
}

function trickle(socket, bytes) {
  let sent = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), PACE_MS);
  socket.once('close', () => clearInterval(timer));
}

let begun = 0;
let stood = 0;
let open = 0;

function begin() {
  if (begun >= Number(count)) return;
  const { raw, say, answers } = KINDS[names[begun % names.length]];
  begun += 1;
  // On a busy machine a handshake may have taken too long: another one takes its place.
  const again = () => {
    begun -= 1;
    begin();
  };
  const address = { host: hostname, port: Number(port), noDelay: true };
  const encrypted = isTls && !raw;
  const socket = encrypted ? connectTls({ ...address, ...trust }) : connect(address);
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', again);
  socket.once(encrypted ? 'secureConnect' : 'connect', () => {
    say(socket);
    if (answers) socket.once('data', stands);
    else stands();
  });
  const stands = () => {
    socket.off('close', again);
    stood += 1;
    open += 1;
    socket.once('close', () => {
      open -= 1;
      if (open === 0 && stood === Number(count)) process.stdout.write('closed\n');
    });
    if (stood === Number(count)) process.stdout.write('open\n');
    begin();
  };
}

for (let each = 0; each < AT_ONCE; each += 1) begin();
process.stdin.resume().once('close', () => process.exit(0));
