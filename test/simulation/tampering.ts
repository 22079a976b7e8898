/** What people do to the lock directory by hand. */
import { lockFileName } from '../../src/lock-files/names.js';
import { oneOf } from '../random.js';
import { DIRECTORY } from './daemons.js';
import type { Scene } from './troubles.js';

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

/** The newest segment is cut off within its snapshot: nothing may be guessed then, and the start is refused until it is mended. */
export function damage(scene: Scene): void {
  const { daemons, disk, world, accuse } = scene;
  daemons.beforeStart = () => {
    if (!daemons.isNobodyAlive) return;
    daemons.beforeStart = () => undefined;
    const own = disk.storage.find(`${DIRECTORY}/.lockd`);
    const newest = [...(own?.entries.keys() ?? [])]
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .at(-1);
    const node = newest === undefined ? undefined : own?.entries.get(newest);
    if (!node) return;
    const whole = node.live.all.slice();
    const snapshotEnd = Buffer.from(whole).indexOf('{"line":"end"');
    if (snapshotEnd <= 0) return;
    // At the end of a line, so that every line that is left is good.
    const feeds = [...whole.keys()].filter((index) => whole[index] === 0x0a && index < snapshotEnd);
    disk.storage.truncate(node, oneOf(world.random, feeds) + 1, world.now);
    disk.storage.flushContent(node)(true, world.random);
    world.tell('somebody', `cuts ${newest} off within its snapshot`);
    daemons.expectRefusal({
      onRefused: () => {
        // Whoever mends it sees to the room.
        disk.storage.capacity = Number.POSITIVE_INFINITY;
        disk.storage.write(node, 0, whole, world.now);
        disk.storage.flushContent(node)(true, world.random);
        world.tell('somebody', `mends ${newest}`);
      },
      onStarted: () =>
        accuse({ rule: 'C4', at: world.now, text: `started on ${newest}, whose snapshot is not complete` }),
    });
  };
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
