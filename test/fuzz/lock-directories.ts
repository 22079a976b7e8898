/** Lock directories as somebody may have left them: names and contents of every kind, foreign ones and our own. */
import { lockFileName, resourceOfLockFile } from '../../src/lock-files/names.js';
import { oneOf, type Random } from '../random.js';
import { mutateBytes } from './byte-mutations.js';
import { type Json, mutateJson } from './json-mutations.js';
import { name, text } from './texts.js';

/** Base64, or what else can have a name. */
export type Content = { readonly bytes: string } | { readonly kind: 'directory' | 'symlink' | 'other' };
export type Entries = readonly (readonly [name: string, content: Content])[];

export const OWN_ID = '11111111-1111-4111-8111-111111111111';
const OTHER_ID = '22222222-2222-4222-8222-222222222222';

/** The next token of the journal; files may speak of earlier and of later ones. */
export const NEXT_TOKEN = 1_000;

const MOST_FILES = 4;

export function arbitraryDirectory(random: Random): Entries {
  const entry = () => {
    const file = fileName(random);
    return [file, content(random, file)] as const;
  };
  return Array.from({ length: 1 + random(MOST_FILES) }, entry);
}

const STRANGE_NAMES: readonly string[] = [
  ...[
    '.lock',
    '..lock',
    '~.lock',
    '%.lock',
    '%2e%2e%2fetc.lock',
    '%2E%2E%2Fetc.lock',
    '%FF.lock',
    '%zz.lock',
    'a.lock.lock',
  ],
  ...[
    '.resource.lock',
    'a.resource.lock',
    'a%2Eresource.lock',
    'a b.lock',
    'ä.lock',
    'a\u0308.lock',
    '%C3%A4.lock',
  ],
  ...[
    'a\n.lock',
    '\u202e.lock',
    '\ufffd.lock',
    '%00.lock',
    '-rf.lock',
    `${'x'.repeat(250)}.lock`,
    'notes.txt',
    'a.LOCK',
  ],
  ...[
    `a~${'0'.repeat(64)}.lock`,
    `~${'f'.repeat(64)}.lock`,
    lockFileName('y'.repeat(400)),
    'constructor.lock',
  ],
];

/** What a name in a directory can be: bytes of UTF-8, 255 at most, without slash and NUL. */
const NO_NAME = /[/\0]|[\ud800-\udfff]/g;
const MAX_NAME_BYTES = 255;

function fileName(random: Random): string {
  const made = oneOf<() => string>(random, [
    () => lockFileName(name(random)),
    () => oneOf(random, STRANGE_NAMES),
    () => `${text(random).replace(NO_NAME, '')}.lock`,
    () => `${name(random).replace(NO_NAME, '')}.resource.lock`,
    () =>
      mutateBytes(Buffer.from(lockFileName(text(random) || 'a')), random)
        .toString('latin1')
        .replace(NO_NAME, ''),
  ])();
  const isPossible = Buffer.byteLength(made) <= MAX_NAME_BYTES && !['', '.', '..', '.lockd'].includes(made);
  return isPossible ? made : 'a.lock';
}

function content(random: Random, file: string): Content {
  // Most lock files speak of what they are called after.
  const resource = random(3) === 0 ? name(random) : (resourceOfLockFile(file) ?? name(random));
  const kind = oneOf(random, ['directory', 'symlink', 'other'] as const);
  if (random(12) === 0) return { kind };
  const bytes = oneOf<() => Buffer>(random, [
    () => Buffer.from(JSON.stringify(goodJson(random, resource), undefined, random(3))),
    () => Buffer.from(JSON.stringify(mutateJson(goodJson(random, resource), random))),
    () => mutateBytes(Buffer.from(JSON.stringify(goodJson(random, resource))), random),
    () => Buffer.from(`${oneOf(random, ['', ' ', '\n', '\ufeff'])}${name(random)}\n`),
    () => Buffer.from(text(random)),
    () => Buffer.from(Array.from({ length: random(40) }, () => random(256))),
    () => Buffer.alloc(random(300)),
  ])();
  return { bytes: bytes.toString('base64') };
}

function goodJson(random: Random, resource: string): Json {
  const holders = Array.from({ length: random(4) }, (_, index) => ({
    client: `${name(random)}${index}`,
    token: String(oneOf(random, [0, 5, 999, 1_000, 5_000, 2 ** 52])),
    acquired: '2026-11-21T08:15:00.000Z',
    from: '192.0.2.9:1',
    ...(random(3) === 0 ? { note: text(random) } : {}),
  }));
  const directory = oneOf(random, [OTHER_ID, OTHER_ID, OWN_ID]);
  return { lockd: 1, directory, resource, limit: 4, held: holders.length, holders };
}
