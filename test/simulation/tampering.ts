/** What people do to the lock directory by hand. */
import { lockFileName } from '../../src/lock-files/names.js';
import { oneOf, type Random } from '../random.js';
import { DIRECTORY } from './daemon.js';
import type { Scene } from './troubles.js';

const LINE_FEED = 0x0a;
const SNAPSHOT_END = '{"line":"end"';
const TURN_START = Buffer.from('{"line":"turn"');

/** Removes a lock file, or puts a foreign one there. */
export function tamper(scene: Scene): void {
  const { world, disk, resources, daemons, tell } = scene;
  // Who takes away the journal and then a lock file takes away all that was known of its token.
  if (daemons.knowsOnlyFiles) return;
  const { storage } = disk;
  const directory = storage.find(DIRECTORY);
  if (!directory) return;
  const resource = oneOf(world.random, resources);
  const name = lockFileName(resource);
  const there = directory.entries.get(name);
  if (there && world.oneIn(2)) {
    world.tell('somebody', `removes ${name}`);
    storage.change({ effects: [{ directory, name }] });
    return;
  }
  if (there) return;
  const client = `foreign-${Math.round(world.now)}`;
  const node = storage.node('file');
  const content = Buffer.from(`${client}\n`);
  // Half a name would be somebody else's.
  if (storage.room < content.length) return;
  storage.change({ effects: [{ directory, name, node }] });
  storage.write(node, 0, content, world.now);
  storage.flushContent(node)(true, world.random);
  world.tell('somebody', `puts ${name} of ${client} there`);
  tell({ kind: 'foreign', resource, client, at: world.now });
}

/** Somebody damages the newest segment. Nothing may be guessed then, and the start is refused until it is mended. */
export function damage(scene: Scene): void {
  const { daemons, disk, world, accuse } = scene;
  daemons.beforeStart = () => {
    // What is damaged already is not what to mend it with.
    if (!daemons.isNobodyAlive || daemons.expectsRefusal) return;
    daemons.beforeStart = () => undefined;
    const own = disk.storage.find(`${DIRECTORY}/.lockd`);
    const newest = [...(own?.entries.keys() ?? [])]
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .at(-1);
    const node = newest === undefined ? undefined : own?.entries.get(newest);
    if (!node) return;
    const whole = Buffer.from(node.live.all);
    const spoilt = oneOf(world.random, [cutSnapshot, spoilLine])(whole, world.random);
    if (!spoilt) return;
    const { what, bytes } = spoilt;
    const put = (content: Uint8Array) => {
      disk.storage.truncate(node, 0, world.now);
      disk.storage.write(node, 0, Uint8Array.from(content), world.now);
      disk.storage.flushContent(node)(true, world.random);
    };
    put(bytes);
    world.tell('somebody', `${what} ${newest}`);
    daemons.expectRefusal({
      onRefused: () => {
        // Whoever mends it sees to the room.
        disk.storage.capacity = Number.POSITIVE_INFINITY;
        put(whole);
        world.tell('somebody', `mends ${newest}`);
      },
      onStarted: () =>
        accuse({ rule: 'C4', at: world.now, text: `started on ${newest} although somebody ${what} it` }),
    });
  };
}

interface Spoilt {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** Cuts a segment off within its snapshot, at the end of a line, so that every line that is left is good. */
function cutSnapshot(whole: Buffer, random: Random): Spoilt | undefined {
  const snapshotEnd = whole.indexOf(SNAPSHOT_END);
  const feeds = [...whole.keys()].filter((index) => whole[index] === LINE_FEED && index < snapshotEnd);
  if (feeds.length === 0) return undefined;
  return { what: 'cuts the snapshot off in', bytes: whole.subarray(0, oneOf(random, feeds) + 1) };
}

/** Spoils a turn that has another one behind it. */
function spoilLine(whole: Buffer, random: Random): Spoilt | undefined {
  const starts = [...whole.keys()].filter((at) =>
    whole.subarray(at, at + TURN_START.length).equals(TURN_START),
  );
  if (starts.length < 2) return undefined;
  const bytes = Buffer.from(whole);
  const at = oneOf(random, starts.slice(0, -1)) + random(TURN_START.length);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return { what: 'spoils a turn in', bytes };
}

/** The journal is moved away while no daemon runs, by somebody whose clock is wrong: the lock files are all that is known. */
export function reset(scene: Scene): void {
  const { daemons, disk, world, tell, machines } = scene;
  daemons.beforeStart = () => {
    if (!daemons.isNobodyAlive) return;
    daemons.beforeStart = () => undefined;
    // What was damaged before is mended first, and the disk with it: a file that cannot be read tells no token.
    disk.faults = [];
    daemons.refused();
    const { storage } = disk;
    const directory = storage.find(DIRECTORY);
    const own = directory?.entries.get('.lockd');
    if (!directory || !own) return;
    const aside = { directory, name: `.lockd.damaged-${Math.round(world.now)}`, node: own };
    storage.change({ effects: [aside, { directory, name: '.lockd' }] });
    storage.flushNames(directory);
    for (const node of directory.entries.values()) storage.flushContent(node)(true, world.random);
    for (const machine of machines) machine.wallOffset -= 10 * 365 * 24 * 3_600_000;
    const tokens = [...directory.entries].flatMap(([name, node]) =>
      name.endsWith('.lock') ? tokensIn(Buffer.from(node.live.all).toString()) : [],
    );
    world.tell('somebody', 'moves the journal away');
    daemons.knowsOnlyFiles = true;
    const at = world.now;
    daemons.onNextReady = () =>
      tell({ kind: 'reset', at, ready: world.now, highestToken: Math.max(0, ...tokens) });
  };
}

/** The tokens that a lock file names; none where it is torn. */
function tokensIn(content: string): number[] {
  try {
    const { holders } = JSON.parse(content) as { readonly holders: readonly { readonly token: string }[] };
    return holders.map(({ token }) => Number(token));
  } catch {
    return [];
  }
}
