/**
 * What a disk keeps: files and names as processes see them, and apart from that what would still be there after a power cut.
 * A cut loses, keeps or tears whatever was not flushed: contents in any combination, names in the order in which they were
 * changed, wherever that was broken off.
 */
import type { EntryKind } from '../../src/disk/disk.js';
import type { Random } from '../random.js';
import { Bytes } from './bytes.js';

/** A change of a file's content that was not flushed yet. */
type ContentChange = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number };

/** What a change of names does: in a directory a name stands for a node, or for nothing. */
interface NameChange {
  readonly effects: readonly { readonly directory: Node; readonly name: string; readonly node?: Node }[];
}

export class Node {
  readonly live = new Bytes();
  readonly durable = new Bytes();
  unflushed: ContentChange[] = [];
  /** Names in a directory. */
  entries = new Map<string, Node>();
  durableEntries = new Map<string, Node>();
  links = 0;
  opened = 0;
  modified = 0;

  constructor(
    readonly kind: EntryKind,
    public inode: bigint,
  ) {}
}

/** What becomes of what was not flushed. */
export type CutMode = 'lose' | 'keep' | 'any' | 'prefix';

const SECTOR = 512;

export class Storage {
  readonly root = new Node('directory', 1n);
  /** Bytes that fit on the disk. */
  capacity = Number.POSITIVE_INFINITY;
  used = 0;
  /** How often the power was cut. */
  cuts = 0;
  #pendingNames: NameChange[] = [];
  #nextInode = 2n;
  #free: bigint[] = [];

  /** Bytes that still fit. */
  get room(): number {
    return Math.max(0, this.capacity - this.used);
  }

  node(kind: EntryKind): Node {
    // Inodes are used again, soonest the one that was freed last.
    const inode = this.#free.pop() ?? this.#nextInode;
    if (inode === this.#nextInode) this.#nextInode += 1n;
    return new Node(kind, inode);
  }

  /** What a path stands for. */
  find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of path.split('/')) {
      if (name !== '') node = node?.entries.get(name);
      if (!node) return undefined;
    }
    return node;
  }

  /** Changes names, all at once. */
  change(change: NameChange): void {
    for (const { directory, name, node } of change.effects) {
      const before = directory.entries.get(name);
      if (node) directory.entries.set(name, node);
      else directory.entries.delete(name);
      if (node) node.links += 1;
      if (before) {
        before.links -= 1;
        this.release(before);
      }
    }
    this.#pendingNames.push(change);
  }

  /** To be called when a node lost a name or a descriptor. */
  release(node: Node): void {
    if (node.links > 0 || node.opened > 0 || node.kind !== 'file') return;
    this.used -= node.live.length;
    node.live.truncate(0);
    this.#free.push(node.inode);
  }

  /** Writes as much as there is room for; answers how much. */
  write(node: Node, at: number, bytes: Uint8Array, now: number): number {
    const growth = Math.max(0, at + bytes.length - node.live.length);
    const lacking = Math.max(0, growth - this.room);
    const taken = bytes.subarray(0, Math.max(0, bytes.length - lacking));
    if (taken.length === 0) return 0;
    this.used += Math.max(0, at + taken.length - node.live.length);
    node.live.write(at, taken);
    // Large writes are the program's own buffers, which it does not change.
    node.unflushed.push({ at, bytes: taken.length >= 1 << 16 ? taken : Uint8Array.from(taken) });
    node.modified = now;
    return taken.length;
  }

  truncate(node: Node, length: number, now: number): void {
    this.used += length - node.live.length;
    node.live.truncate(length);
    node.unflushed.push({ length });
    node.modified = now;
  }

  /**
   * What a flush that begins now makes last when it ends. Of one that fails, chance decides what arrives; the rest is dropped,
   * and no later flush writes it.
   */
  flushContent(node: Node): (works: boolean, random: Random) => void {
    const covered = new Set(node.unflushed);
    return (works, random) => {
      for (const change of node.unflushed) {
        if (covered.has(change) && (works || random(2) === 0)) apply(node.durable, change);
      }
      node.unflushed = node.unflushed.filter((change) => !covered.has(change));
    };
  }

  /** Makes the names of a directory last, and with them, as file systems with a journal do, all that was changed before. */
  flushNames(directory: Node): void {
    const isMeant = ({ effects }: NameChange) => effects.some((effect) => effect.directory === directory);
    const count = this.#pendingNames.findLastIndex(isMeant) + 1;
    for (const change of this.#pendingNames.splice(0, count)) applyNames(change);
  }

  /** The power goes: what is there afterwards is what was flushed, and of the rest what chance leaves. */
  cutPower(mode: CutMode, random: Random): void {
    this.cuts += 1;
    // File systems with a journal keep the order of names: what is there of them is all up to some moment.
    const keeps = keeping(mode === 'any' ? 'prefix' : mode, random, this.#pendingNames.length);
    for (const [index, change] of this.#pendingNames.entries()) if (keeps(index)) applyNames(change);
    this.#pendingNames = [];
    const nodes = new Map<Node, number>();
    this.#collect(this.root, nodes);
    const inodes = new Set<bigint>();
    this.used = 0;
    for (const [node, links] of nodes) {
      node.links = links;
      node.opened = 0;
      node.entries = new Map(node.durableEntries);
      cutContent(node, mode, random);
      this.used += node.live.length;
      while (inodes.has(node.inode)) node.inode = this.#nextInode++;
      inodes.add(node.inode);
    }
    this.#free = this.#free.filter((inode) => !inodes.has(inode));
  }

  #collect(directory: Node, nodes: Map<Node, number>): void {
    nodes.set(directory, nodes.get(directory) ?? 0);
    for (const node of directory.durableEntries.values()) {
      nodes.set(node, (nodes.get(node) ?? 0) + 1);
      if (node.kind === 'directory') this.#collect(node, nodes);
    }
  }
}

function cutContent(node: Node, mode: CutMode, random: Random): void {
  const keeps = keeping(mode, random, node.unflushed.length);
  for (const [index, change] of node.unflushed.entries()) {
    if (mode === 'any' && 'bytes' in change) tear(node.durable, change, random);
    else if (keeps(index)) apply(node.durable, change);
  }
  node.unflushed = [];
  node.live.replace(node.durable);
}

/** A write of which some sectors arrived; where the file grew, the others are zeros. */
function tear(target: Bytes, { at, bytes }: { at: number; bytes: Uint8Array }, random: Random): void {
  const luck = random(4);
  if (luck === 0) return;
  if (luck === 1) target.write(at, bytes);
  if (luck === 2) target.write(at, bytes.subarray(0, random(bytes.length + 1)));
  if (luck !== 3) return;
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, (Math.floor((at + from) / SECTOR) + 1) * SECTOR - at);
    if (random(2) === 0) target.write(at + from, bytes.subarray(from, to));
    else target.grow(at + to);
    from = to;
  }
}

function keeping(mode: CutMode, random: Random, count: number): (index: number) => boolean {
  const first = random(count + 1);
  switch (mode) {
    case 'lose':
      return () => false;
    case 'keep':
      return () => true;
    case 'prefix':
      return (index) => index < first;
    case 'any':
      return () => random(2) === 0;
  }
}

function apply(target: Bytes, change: ContentChange): void {
  if ('bytes' in change) target.write(change.at, change.bytes);
  else target.truncate(change.length);
}

function applyNames({ effects }: NameChange): void {
  for (const { directory, name, node } of effects) {
    if (node) directory.durableEntries.set(name, node);
    else directory.durableEntries.delete(name);
  }
}
