/** Somebody who reads lock files while the daemon works: each shows one moment of its resource, or is not there. */
import { oneOf } from '../random.js';
import { DIRECTORY } from './daemon.js';
import type { Scene } from './troubles.js';

/** Milliseconds from open to read, at most: what a freed slot rests. */
const SLOWEST_MS = 240;

export class LockReader {
  constructor(private readonly scene: Scene) {}

  look(): void {
    const { world, disk } = this.scene;
    const own = [...(disk.storage.find(DIRECTORY)?.entries ?? [])];
    const files = own.filter(([name, node]) => name.endsWith('.lock') && node.kind === 'file');
    if (files.length === 0) return;
    const [name, node] = oneOf(world.random, files);
    const before = text(node.live.all);
    const { inode } = node;
    const { cuts } = disk.storage;
    node.opened += 1;
    // What was foreign, or torn by a power cut, when it was opened may say anything.
    const wasOurs = isWhole(before, resourceOf(name));
    world.after(world.span(1, SLOWEST_MS), () => {
      // Whoever read when the power went reads no more, and has nothing open.
      if (disk.storage.cuts !== cuts) return;
      const now = text(node.live.all);
      node.opened -= 1;
      disk.storage.release(node);
      if (!wasOurs || node.inode !== inode || isWhole(now, resourceOf(name))) return;
      this.scene.tell({
        kind: 'misread',
        at: world.now,
        text: `${name} opened as it said ${before} was read as ${now}`,
      });
    });
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

export function resourceOf(name: string): string {
  return decodeURIComponent(name.replace(/\.lock$/, ''));
}

function isWhole(content: string, resource: string): boolean {
  try {
    const value = JSON.parse(content) as { resource?: unknown };
    return value.resource === resource;
  } catch {
    return false;
  }
}
