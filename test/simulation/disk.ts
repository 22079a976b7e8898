/**
 * The disk of a simulation as a process sees it. It fails as it is told to, takes its time to flush, and may be where the
 * process dies: at any of its calls.
 */
import type { Disk, Entry, OpenFile } from '../../src/disk/disk.js';
import type { Fault, Operation } from './faults.js';
import { Died, type Process } from './process.js';
import type { Node, Storage } from './storage.js';
import type { World } from './world.js';

/** What is the matter with a disk; shared by all who use it. */
export class DiskState {
  faults: Fault[] = [];
  /** Milliseconds for which a flush goes on. */
  flushMs: readonly [least: number, most: number] = [0.05, 4];
  /** Milliseconds for which every flush that begins now hangs. */
  hangMs = 0;
  /** Calls until the process that makes the last of them dies of `onDeadly`. */
  callsToDeath = Number.POSITIVE_INFINITY;
  onDeadly: (process: Process) => void = (process) => process.kill();
  /** Says yes to a flush and does nothing. */
  isLying = false;
  calls = 0;

  constructor(
    readonly world: World,
    readonly storage: Storage,
  ) {}
}

function failure(code: string, operation: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, ${operation} '${path}'`), { code });
}

export class SimulatedDisk implements Disk {
  constructor(
    private readonly process: Process,
    private readonly state: DiskState,
    /** Milliseconds that a call takes. */
    private readonly callMs: number,
  ) {}

  list(path: string): string[] {
    return this.run('list', path, () => [...this.#directory('list', path).entries.keys()]);
  }

  listLater(path: string): Promise<string[]> {
    return this.later('list', path, 0.2, () => [...this.#directory('list', path).entries.keys()]);
  }

  stat(path: string): Entry | undefined {
    return this.run('stat', path, () => {
      const node = this.#storage.find(path);
      if (!node) return undefined;
      return { kind: node.kind, inode: node.inode, size: node.live.length, modified: node.modified };
    });
  }

  exists(path: string): boolean {
    return this.run('stat', path, () => this.#storage.find(path) !== undefined);
  }

  makeDirectory(path: string): void {
    this.run('makeDirectory', path, () => this.#add('makeDirectory', path, this.#storage.node('directory')));
  }

  removeDirectory(path: string): void {
    this.run('removeDirectory', path, () => {
      if (this.#directory('removeDirectory', path).entries.size > 0)
        throw failure('ENOTEMPTY', 'rmdir', path);
      this.#storage.change({ effects: [this.#place(path)] });
    });
  }

  create(path: string): OpenFile {
    return this.run('create', path, () => {
      const { used, capacity } = this.#storage;
      if (used >= capacity) throw failure('ENOSPC', 'create', path);
      const node = this.#storage.node('file');
      this.#add('create', path, node);
      return this.#opened(node, path);
    });
  }

  open(path: string): OpenFile {
    return this.run('open', path, () => this.#opened(this.#existing('open', path), path));
  }

  link(from: string, to: string): void {
    this.run('link', to, () => this.#add('link', to, this.#existing('link', from)));
  }

  rename(from: string, to: string): void {
    this.run('rename', to, () => {
      const node = this.#existing('rename', from);
      // Two names of one file: rename(2) does nothing.
      if (this.#storage.find(to) === node) return;
      this.#storage.change({ effects: [{ ...this.#place(to), node }, this.#place(from)] });
    });
  }

  unlink(path: string): void {
    this.run('unlink', path, () => {
      this.#existing('unlink', path);
      this.#storage.change({ effects: [this.#place(path)] });
    });
  }

  syncDirectory(path: string): Promise<void> {
    const directory = this.#storage.find(path);
    return this.later('syncDirectory', path, this.#flushMs(), () => {
      if (!directory || this.#storage.find(path) !== directory) throw failure('ENOENT', 'open', path);
      if (!this.state.isLying) this.#storage.flushNames(directory);
    });
  }

  get #storage(): Storage {
    return this.state.storage;
  }

  #flushMs(): number {
    const { world, hangMs, flushMs } = this.state;
    return hangMs + world.span(...flushMs);
  }

  #opened(node: Node, path: string): OpenFile {
    node.opened += 1;
    const file = new SimulatedFile(this, node, path, this.process, this.state);
    this.process.onDeath(() => file.close());
    return file;
  }

  #directory(operation: string, path: string): Node {
    const node = this.#storage.find(path);
    if (node?.kind !== 'directory') throw failure('ENOENT', operation, path);
    return node;
  }

  #existing(operation: string, path: string): Node {
    const node = this.#storage.find(path);
    if (!node) throw failure('ENOENT', operation, path);
    return node;
  }

  #place(path: string): { readonly directory: Node; readonly name: string } {
    const at = path.lastIndexOf('/');
    return { directory: this.#directory('open', path.slice(0, at)), name: path.slice(at + 1) };
  }

  #add(operation: string, path: string, node: Node): void {
    if (this.#storage.find(path)) throw failure('EEXIST', operation, path);
    this.#storage.change({ effects: [{ ...this.#place(path), node }] });
    node.modified = this.process.machine.wall;
  }

  /** A call that is answered at once. */
  run<T>(operation: Operation, path: string, work: () => T): T {
    const fault = this.enter(operation, path);
    if (!fault) return work();
    if (fault.isDone) work();
    throw failure(fault.code, operation, path);
  }

  /** A call that is answered when the device has. */
  later<T>(
    operation: Operation,
    path: string,
    milliseconds: number,
    work: (works: boolean) => T,
  ): Promise<T> {
    const fault = this.enter(operation, path);
    return new Promise((resolve, reject) => {
      this.state.world.after(milliseconds, () => {
        let error: unknown;
        let answer: T | undefined;
        try {
          if (!fault || fault.isDone || operation === 'sync') answer = work(!fault);
        } catch (problem) {
          error = problem;
        }
        if (fault) error = failure(fault.code, operation, path);
        this.process.post(() => (error ? reject(error) : resolve(answer as T)));
      });
    });
  }

  /** Counts a call. Answers the fault that strikes it. Throws into a process that is dead, or dies here. */
  enter(operation: Operation, path: string): Fault | undefined {
    const { state, process } = this;
    if (!process.isAlive) throw new Died();
    state.world.spend(this.callMs);
    state.calls += 1;
    state.callsToDeath -= 1;
    if (state.callsToDeath <= 0) {
      state.callsToDeath = Number.POSITIVE_INFINITY;
      state.world.tell(process.name, `dies at ${operation} ${path}`);
      state.onDeadly(process);
      throw new Died();
    }
    for (const fault of state.faults) {
      if (fault.operations && !fault.operations.includes(operation)) continue;
      if (fault.path && !fault.path.test(path)) continue;
      if ((fault.times ?? 1) <= 0 || !state.world.oneIn(fault.oneIn)) continue;
      if (fault.times !== undefined) fault.times -= 1;
      state.world.tell('disk', `${fault.code} for ${process.name} at ${operation} ${path}`);
      fault.onStrike?.();
      return fault;
    }
    return undefined;
  }
}

class SimulatedFile implements OpenFile {
  #isOpen = true;

  constructor(
    private readonly disk: SimulatedDisk,
    private readonly node: Node,
    private readonly path: string,
    private readonly process: Process,
    private readonly state: DiskState,
  ) {}

  get inode(): bigint {
    return this.node.inode;
  }

  get links(): number {
    return this.node.links;
  }

  write(bytes: Uint8Array, position: number): number {
    return this.disk.run('write', this.path, () => {
      const taken = this.state.storage.write(this.node, position, bytes, this.process.machine.wall);
      if (taken === 0 && bytes.length > 0) throw failure('ENOSPC', 'write', this.path);
      if (taken < bytes.length) {
        this.state.world.tell('disk', `takes ${taken} of ${bytes.length} bytes of ${this.path}`);
      }
      return taken;
    });
  }

  read(target: Uint8Array, position: number): number {
    return this.disk.run('read', this.path, () => this.#read(target, position));
  }

  readLater(target: Uint8Array, position: number): Promise<number> {
    return this.disk.later('read', this.path, 0.3, () => this.#read(target, position));
  }

  truncate(length: number): void {
    this.disk.run('truncate', this.path, () =>
      this.state.storage.truncate(this.node, length, this.process.machine.wall),
    );
  }

  sync(): Promise<void> {
    const { world, storage, hangMs, flushMs } = this.state;
    const flush = storage.flushContent(this.node);
    return this.disk.later('sync', this.path, hangMs + world.span(...flushMs), (works) => {
      if (!this.state.isLying) flush(works, world.random);
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.node.opened -= 1;
    this.state.storage.release(this.node);
  }

  #read(target: Uint8Array, position: number): number {
    const { all } = this.node.live;
    const part = all.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }
}
