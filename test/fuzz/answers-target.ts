/** What a daemon, a proxy or a stranger answers, as the client library reads it: a value of its type, or an error of its own. */
import {
  readBoolean,
  readEnqueued,
  readEvents,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
} from '../../src/client/answers.js';
import { NotLockd, RefusedCall, Unauthorized } from '../../src/client/errors.js';
import { Interrupted } from '../../src/client/http-exchange.js';
import { UnexpectedAnswer } from '../../src/client/members.js';
import { readHealth, readMethodAnswer } from '../../src/client/read-answer.js';
import { writeFault, writeResponse } from '../../src/xmlrpc/write.js';
import { oneOf, type Random } from '../random.js';
import { insertPiece, mutateBytes } from './byte-mutations.js';
import { type Json, mutateJson } from './json-mutations.js';
import { pack, unpack } from './packed.js';
import type { Target } from './target.js';
import { name } from './texts.js';
import { xmlText } from './xml-documents.js';
import { mutateMarkup, XML_PIECES } from './xml-mutations.js';

const READERS = {
  readBoolean,
  readEnqueued,
  readEvents,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
};

interface Head {
  readonly reader: keyof typeof READERS | 'readHealth';
  readonly status: number;
  readonly type: string;
}

const TIME = new Date(Date.UTC(2026, 10, 21, 8, 15));
const STATUSES = [200, 301, 401, 403, 404, 500, 503];
const TYPES = [
  'text/xml',
  'text/xml; charset=utf-8',
  'application/xml; charset="iso-8859-1"',
  'text/html',
  '',
];
const SERVER = new URL('http://127.0.0.1:7411');

type Named = readonly [Head['reader'], unknown];

function goodAnswer(random: Random): Named {
  const hold = {
    ...{ resource: name(random), client: name(random), token: '7', limit: 1, state: 'held' },
    ...{
      acquired: TIME,
      renewed: TIME,
      from: 'x',
      waited: 0.5,
      ttl: 30,
      expires: TIME,
      left: 29.5,
      note: xmlText(random),
    },
  };
  const place = { client: name(random), position: 1, since: TIME, note: xmlText(random) };
  const fence = { client: name(random), token: '7', tries: 2, lastError: xmlText(random), nextTry: TIME };
  const status = {
    ...{
      resource: name(random),
      state: 'held',
      limit: 1,
      held: 1,
      holders: [hold],
      waiting: 1,
      queue: [place],
    },
    ...{ file: '/x', fence: [fence] },
  };
  const event = {
    id: '1.0',
    time: TIME,
    event: 'granted',
    resource: 'r',
    client: 'c',
    token: '7',
    by: 'x',
    reason: 'y',
  };
  const numbers = { held: 1, waiting: 0, fencing: 0, grants: 1e12, refusals: 2, lost: 3, journalBytes: 5e10 };
  return oneOf<Named>(random, [
    ['readBoolean', true],
    ['readTrue', true],
    ['readHold', hold],
    ['readEnqueued', { state: 'granted', position: 0, hold }],
    ['readEnqueued', { state: 'queued', position: 3 }],
    ['readStatus', status],
    ['readStatuses', [status, status]],
    ['readEvents', [event]],
    ['readStats', { version: '1', started: TIME, directory: '/x', ...numbers, connections: 4 }],
  ]);
}

function make(random: Random): Buffer {
  const isOdd = random(8) === 0;
  const type = oneOf(random, isOdd ? TYPES : ['text/xml']);
  const status = oneOf(random, isOdd ? STATUSES : [200]);
  if (random(8) === 0) {
    const health: Json = { status: 'degraded', problems: [xmlText(random)] };
    const body = Buffer.from(JSON.stringify(mutateJson(health, random)));
    return pack({ reader: 'readHealth', status, type }, random(2) === 0 ? body : mutateBytes(body, random));
  }
  const [reader, value] = goodAnswer(random);
  const answer = random(8) === 0 ? writeFault(random(40), xmlText(random)) : writeResponse(value);
  return pack({ reader, status, type }, mutated(Buffer.from(answer), random));
}

function mutated(document: Buffer, random: Random): Buffer {
  let bytes = document;
  for (let left = random(3); left > 0; left -= 1) {
    const kind = random(3);
    if (kind === 0) bytes = mutateBytes(bytes, random);
    else if (kind === 1) bytes = insertPiece(bytes, random, XML_PIECES);
    else bytes = mutateMarkup(bytes, random);
  }
  return bytes;
}

const OWN_ERRORS = [RefusedCall, Unauthorized, NotLockd, Interrupted, UnexpectedAnswer];

function check(input: Buffer): string {
  const { head, body } = unpack<Head>(input);
  const answer = { status: head.status, headers: { 'content-type': head.type }, body };
  try {
    if (head.reader === 'readHealth') readHealth(answer, SERVER, undefined);
    else READERS[head.reader](readMethodAnswer(answer, SERVER, undefined, false));
    return 'read';
  } catch (error) {
    const own = OWN_ERRORS.find((kind) => error instanceof kind);
    if (!own) throw error;
    return own.name;
  }
}

export const answersTarget: Target = { name: 'answers', patienceMs: 200, make, check };
