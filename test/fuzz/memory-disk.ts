/**
 * A disk in memory that never fails and forgets nothing: for work that is done a million times. It answers as the real one
 * does, errors included (memory-disk.test.ts).
 */
import { basename, dirname } from 'node:path';
import type { Disk, Entry, EntryKind, OpenFile } from '../../src/disk/disk.js';

interface Node {
  readonly kind: EntryKind;
  readonly inode: bigint;
  links: number;
  bytes: Buffer;
  length: number;
  /** Of a directory. */
  readonly names: Map<string, Node>;
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}

class MemoryFile implements OpenFile {
  constructor(
    private readonly node: Node,
    private readonly path: string,
    private readonly isWritable: boolean,
  ) {}

  get inode(): bigint {
    return this.node.inode;
  }

  get links(): number {
    return this.node.links;
  }

  write(bytes: Uint8Array, position: number): number {
    if (!this.isWritable) throw failure('EBADF', this.path);
    if (bytes.length === 0) return 0;
    const { node } = this;
    const end = position + bytes.length;
    if (end > node.bytes.length) node.bytes = grown(node.bytes, end);
    node.bytes.fill(0, Math.min(node.length, position), position);
    node.bytes.set(bytes, position);
    node.length = Math.max(node.length, end);
    return bytes.length;
  }

  read(target: Uint8Array, position: number): number {
    const { node } = this;
    if (node.kind === 'directory') throw failure('EISDIR', this.path);
    return node.bytes.copy(
      target,
      0,
      Math.min(position, node.length),
      Math.min(position + target.length, node.length),
    );
  }

  async readLater(target: Uint8Array, position: number): Promise<number> {
    return this.read(target, position);
  }

  truncate(length: number): void {
    const { node } = this;
    if (length > node.bytes.length) node.bytes = grown(node.bytes, length);
    if (length > node.length) node.bytes.fill(0, node.length, length);
    node.length = length;
  }

  async sync(): Promise<void> {}

  close(): void {}
}

function grown(bytes: Buffer, length: number): Buffer {
  const larger = Buffer.alloc(Math.max(length, 2 * bytes.length));
  bytes.copy(larger);
  return larger;
}

export class MemoryDisk implements Disk {
  #inodes = 0n;
  readonly #root = this.#node('directory');

  /** A name for anything; directories above it are made. */
  put(path: string, content: Uint8Array | 'directory' | 'symlink' | 'other'): void {
    const parent = this.#makeAll(dirname(path));
    const node = this.#node(typeof content === 'string' ? content : 'file');
    if (typeof content !== 'string') {
      node.bytes = Buffer.from(content);
      node.length = content.length;
    }
    parent.names.set(basename(path), node);
  }

  /** The bytes of a file; undefined where there is none. */
  bytes(path: string): Buffer | undefined {
    const node = this.#find(path);
    return node?.kind === 'file' ? node.bytes.subarray(0, node.length) : undefined;
  }

  list(directory: string): string[] {
    return [...this.#directory(directory).names.keys()];
  }

  async listLater(directory: string): Promise<string[]> {
    return this.list(directory);
  }

  stat(path: string): Entry | undefined {
    const node = this.#find(path);
    return node && { kind: node.kind, inode: node.inode, size: node.length, modified: 0 };
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  makeDirectory(path: string): void {
    this.#claim(path, this.#node('directory'));
  }

  removeDirectory(path: string): void {
    const node = this.#there(path);
    if (node.kind !== 'directory') throw failure('ENOTDIR', path);
    if (node.names.size > 0) throw failure('ENOTEMPTY', path);
    this.#parent(path).names.delete(basename(path));
  }

  create(path: string): OpenFile {
    const node = this.#node('file');
    this.#claim(path, node);
    return new MemoryFile(node, path, true);
  }

  open(path: string, access: 'read' | 'write'): OpenFile {
    const node = this.#there(path);
    if (node.kind === 'symlink') throw failure('ELOOP', path);
    if (node.kind === 'directory' && access === 'write') throw failure('EISDIR', path);
    return new MemoryFile(node, path, access === 'write');
  }

  link(from: string, to: string): void {
    const node = this.#there(from);
    const parent = this.#parent(to);
    if (parent.names.has(basename(to))) throw failure('EEXIST', to);
    if (node.kind === 'directory') throw failure('EPERM', from);
    parent.names.set(basename(to), node);
    node.links += 1;
  }

  rename(from: string, to: string): void {
    const [before, parent] = [this.#parent(from), this.#parent(to)];
    const node = this.#there(from);
    const there = this.#find(to);
    if (there === node) return;
    if (to.startsWith(`${from}/`)) throw failure('EINVAL', to);
    if (from.startsWith(`${to}/`)) throw failure('ENOTEMPTY', to);
    if (there?.kind === 'directory' && node.kind !== 'directory') throw failure('EISDIR', to);
    if (there && there.kind !== 'directory' && node.kind === 'directory') throw failure('ENOTDIR', to);
    if (there && there.names.size > 0) throw failure('ENOTEMPTY', to);
    if (there) there.links -= 1;
    before.names.delete(basename(from));
    parent.names.set(basename(to), node);
  }

  unlink(path: string): void {
    const node = this.#there(path);
    if (node.kind === 'directory') throw failure('EISDIR', path);
    this.#parent(path).names.delete(basename(path));
    node.links -= 1;
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#directory(directory);
  }

  #node(kind: EntryKind): Node {
    this.#inodes += 1n;
    return { kind, inode: this.#inodes, links: 1, bytes: Buffer.alloc(0), length: 0, names: new Map() };
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (node?.kind !== 'directory') return undefined;
      node = node.names.get(name);
    }
    return node;
  }

  #there(path: string): Node {
    const node = this.#find(path);
    if (!node) {
      this.#parent(path);
      throw failure('ENOENT', path);
    }
    return node;
  }

  #directory(path: string): Node {
    const node = this.#there(path);
    if (node.kind !== 'directory') throw failure('ENOTDIR', path);
    return node;
  }

  #parent(path: string): Node {
    return this.#directory(dirname(path));
  }

  #makeAll(path: string): Node {
    if (path === '/' || path === '.') return this.#root;
    const parent = this.#makeAll(dirname(path));
    const node = parent.names.get(basename(path)) ?? this.#node('directory');
    parent.names.set(basename(path), node);
    return node;
  }

  #claim(path: string, node: Node): void {
    const parent = this.#parent(path);
    if (parent.names.has(basename(path))) throw failure('EEXIST', path);
    parent.names.set(basename(path), node);
  }
}
