/**
 * Lock directories in which somebody else left files: whatever they are called and whatever is in them, each is a lock
 * afterwards, of whoever it names or of `?`; or says itself that it is ours and over; or is warned about because no resource
 * can have its name. After a restart it is all the same, and no content is lost.
 */
import { clientProblem, resourceProblem } from '../../src/core/names.js';
import type { ForeignLock } from '../../src/lock-files/foreign.js';
import { LockFiles } from '../../src/lock-files/lock-files.js';
import { World } from '../core/world.js';
import { LAYOUT } from './journals.js';
import { arbitraryDirectory, type Entries, NEXT_TOKEN, OWN_ID } from './lock-directories.js';
import { MemoryDisk } from './memory-disk.js';
import { must, type Target } from './target.js';

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

/** What lies in the directory of an input. */
export function entriesOf(input: Buffer): Entries {
  return JSON.parse(input.toString('utf8'));
}

/** What is locked after the first start, and by whom. */
export function locksOf(entries: Entries): string[] {
  const { world, found } = firstStart(entries);
  const clientsOn = (resource: string) =>
    [...world.table.allHolds()].filter((hold) => hold.resource === resource).map(({ client }) => client);
  return found.map(({ resource }) => JSON.stringify([resource, clientsOn(resource).sort()])).sort();
}

function firstStart(entries: Entries) {
  const disk = new MemoryDisk();
  disk.put(`${LAYOUT.own}/guard`, Buffer.alloc(0));
  for (const [file, what] of entries) {
    disk.put(LAYOUT.lockFile(file), 'kind' in what ? what.kind : Buffer.from(what.bytes, 'base64'));
  }
  const world = new World();
  world.table.nextToken = NEXT_TOKEN;
  const names = [...new Set(entries.map(([file]) => file))].filter((file) => file.endsWith('.lock'));
  const before = new Map(names.map((file) => [file, disk.bytes(LAYOUT.lockFile(file))]));
  const first = new Started(disk, world, 1);
  const found = first.adoptAll();
  return { disk, world, names, before, first, found };
}

function check(input: Buffer): string {
  const { disk, world, names, before, first, found } = firstStart(entriesOf(input));
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

export const adoptionTarget: Target = {
  name: 'adoption',
  patienceMs: 200,
  make: (random) => Buffer.from(JSON.stringify(arbitraryDirectory(random))),
  check,
};
