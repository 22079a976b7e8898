/**
 * Lock directories in which somebody else left files: whatever they are called and whatever is in them, each is a lock
 * afterwards, of whoever it names or of `?`; or says itself that it is ours and over; or is warned about because no resource
 * can have its name. After a restart it is all the same, and no content is lost.
 */
import { clientProblem, resourceProblem } from '../../src/core/names.js';
import type { ForeignLock } from '../../src/lock-files/foreign.js';
import { LockFiles } from '../../src/lock-files/lock-files.js';
import { lockFileName, resourceOfLockFile } from '../../src/lock-files/names.js';
import { World } from '../core/world.js';
import { oneOf, type Random } from '../random.js';
import { mutateBytes } from './byte-mutations.js';
import { LAYOUT } from './journals.js';
import { type Json, mutateJson } from './json-mutations.js';
import { MemoryDisk } from './memory-disk.js';
import { must, type Target } from './target.js';
import { name, text } from './texts.js';

/** Base64, or what else can have a name. */
type Content = { readonly bytes: string } | { readonly kind: 'directory' | 'symlink' | 'other' };
type Entries = readonly (readonly [name: string, content: Content])[];

const OWN_ID = '11111111-1111-4111-8111-111111111111';
const OTHER_ID = '22222222-2222-4222-8222-222222222222';

/** The next token of the journal; files may speak of earlier and of later ones. */
const NEXT_TOKEN = 1_000;

const MOST_FILES = 4;

function make(random: Random): Buffer {
  const entry = () => {
    const file = fileName(random);
    return [file, content(random, file)] as const;
  };
  return Buffer.from(JSON.stringify(Array.from({ length: 1 + random(MOST_FILES) }, entry)));
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

/** What a start makes of the directory, in the steps of the service. */
class Started {
  readonly warned: string[] = [];
  readonly files: LockFiles;

  constructor(
    readonly disk: MemoryDisk,
    readonly world: World,
    epoch: number,
  ) {
    this.files = LockFiles.open({
      disk,
      layout: LAYOUT,
      epoch,
      directoryId: OWN_ID,
      isNew: false,
      monotonic: () => 0,
      warn: (message) => this.warned.push(message),
    });
  }

  /** Answers what was claimed. */
  adoptAll(): readonly ForeignLock[] {
    const { table } = this.world;
    const found = this.files.compareAtStart(table, table.nextToken);
    for (const { highestToken = 0 } of found) table.nextToken = Math.max(table.nextToken, highestToken + 1);
    for (const lock of found) this.#adopt(lock);
    return found;
  }

  #adopt({ resource, files, claim }: ForeignLock): void {
    const { world } = this;
    if (!claim) {
      if (!world.table.isTaken(resource)) world.table.load({ kind: 'unreadable', resource, files });
      return;
    }
    const outcome = world.do({ kind: 'adopt', resource, ...claim, file: files.join(', ') });
    const prepared = this.files.prepare([resource], world.table);
    const own = 'answer' in outcome && outcome.answer === true ? undefined : this.files.path(resource);
    this.files.setAside(
      resource,
      files.filter((file) => file !== own),
    );
    this.files.apply(prepared);
  }
}

function check(input: Buffer): string {
  const entries: Entries = JSON.parse(input.toString('utf8'));
  const disk = new MemoryDisk();
  disk.put(`${LAYOUT.own}/guard`, Buffer.alloc(0));
  for (const [file, what] of entries) {
    disk.put(LAYOUT.lockFile(file), 'kind' in what ? what.kind : Buffer.from(what.bytes, 'base64'));
  }
  const names = [...new Set(entries.map(([file]) => file))].filter((file) => file.endsWith('.lock'));
  const before = new Map(names.map((file) => [file, disk.bytes(LAYOUT.lockFile(file))]));

  const world = new World();
  world.table.nextToken = NEXT_TOKEN;
  const first = new Started(disk, world, 1);
  const found = first.adoptAll();
  const ours = names.filter((file) => !accountedFor(file, found, first));
  mustBeOver(ours, before);
  mustBeLocked(found, world);
  mustKeepContents(found, before, disk);
  finish(first);
  mustBeLocked(found, world);
  mustStayAfterRestart(found, world, disk);
  if (found.length === 0) return ours.length > 0 ? 'ours, and over' : 'none';
  return found.every(({ claim }) => claim) ? 'adopted' : 'locked by ?';
}

/** Whether a name is that of a claim, or was warned about because it can be none. */
function accountedFor(file: string, found: readonly ForeignLock[], { warned, disk }: Started): boolean {
  const path = LAYOUT.lockFile(file);
  if (found.some(({ files }) => files.includes(path))) return true;
  return disk.exists(path) && warned.includes(`${path} is ignored: no resource can have this name`);
}

/** What was removed said itself that it is ours, and of a token that the journal has given: the journal knows its end. */
function mustBeOver(files: readonly string[], before: ReadonlyMap<string, Buffer | undefined>): void {
  for (const file of files) {
    const said = before.get(file)?.toString('utf8') ?? '';
    must(said.includes(OWN_ID), `${JSON.stringify(file)} is a lock, or ours: ${said}`);
  }
}

function mustBeLocked(found: readonly ForeignLock[], { table }: World): void {
  const tokens = new Set<number>();
  for (const { resource, claim } of found) {
    must(resourceProblem(resource) === undefined, `${JSON.stringify(resource)} can be a resource`);
    must(table.isTaken(resource), `${JSON.stringify(resource)} is locked`);
    const holds = [...table.allHolds()].filter((hold) => hold.resource === resource);
    must(holds.length === (claim?.holders.length ?? 0), `'${resource}' has as many holds as its file names`);
    for (const { client, token } of holds) {
      must(clientProblem(client) === undefined, `${JSON.stringify(client)} can be a client`);
      must(
        claim?.holders.some((holder) => holder.client === client) ?? false,
        `${client} is named by the file`,
      );
      must(
        token >= NEXT_TOKEN && Number.isSafeInteger(token) && !tokens.has(token),
        `token ${token} is a new one`,
      );
      tokens.add(token);
    }
    const own = Math.max(0, ...(claim?.holders.map((holder) => holder.token ?? 0) ?? []));
    must(
      holds.every(({ token }) => token > own),
      `the tokens of '${resource}' lie above those in its file`,
    );
  }
}

/** A file that became a lock lies in `adopted/`, as it was; one that cannot be read stays where it is. */
function mustKeepContents(
  found: readonly ForeignLock[],
  before: ReadonlyMap<string, Buffer | undefined>,
  disk: MemoryDisk,
): void {
  const adopted = disk.list(LAYOUT.adopted).map((file) => disk.bytes(`${LAYOUT.adopted}/${file}`));
  for (const { files, claim } of found) {
    for (const path of files) {
      const bytes = before.get(path.slice(LAYOUT.root.length + 1));
      const isThere = claim
        ? adopted.some((kept) => kept && bytes?.equals(kept))
        : disk.exists(path) && (bytes === undefined || (disk.bytes(path)?.equals(bytes) ?? false));
      must(isThere, `${JSON.stringify(path)} was kept as it was`);
    }
  }
}

/** What a daemon does in the background and once a minute. */
function finish({ files, disk, world }: Started): void {
  for (const steps = files.renewViews(world.table); !steps.next().done; );
  const late: ForeignLock[] = [];
  const steps = files.compare(disk.list(LAYOUT.root), world.table, (lock) => late.push(lock));
  while (!steps.next().done);
  // A file beside one of ours that is removed by now can be told at last, which changes nothing for its resource.
  const isLocked = ({ resource }: ForeignLock) => world.table.isTaken(resource);
  must(late.every(isLocked), 'what is found later is locked already');
  must(files.problems.length === 0, `there is no problem: ${files.problems.join()}`);
}

/** The next daemon knows the holds from its journal, and finds those that cannot be read once more. */
function mustStayAfterRestart(
  found: readonly ForeignLock[],
  { records, storedNextToken }: World,
  disk: MemoryDisk,
): void {
  const next = new World();
  for (const record of records.values()) next.table.load(record);
  next.table.nextToken = Math.max(NEXT_TOKEN, storedNextToken);
  const again = new Started(disk, next, 2).adoptAll();
  const adopted = new Set(found.filter(({ claim }) => claim).map(({ resource }) => resource));
  must(!again.some(({ resource }) => adopted.has(resource)), 'nothing is adopted twice');
  for (const { resource } of found)
    must(next.table.isTaken(resource), `'${resource}' is locked after a restart`);
}

export const adoptionTarget: Target = { name: 'adoption', patienceMs: 200, make, check };
