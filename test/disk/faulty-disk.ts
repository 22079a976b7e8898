/**
 * A disk that fails when it is told to: it passes every call on to another disk, writes it down in `calls`, and lets a
 * chosen call fail first. Nothing fails by chance.
 *
 *     const disk = new FaultyDisk(nodeDisk);
 *     disk.failNext('sync', { code: 'EIO' });                          the next fdatasync of any file fails
 *     disk.failNext('link', { code: 'EPERM', times: Infinity });       a file system without hard links
 *     disk.failNext('create', { code: 'ENOSPC', after: 2 });           two may pass, the third fails
 *     disk.failNext('write', { code: 'ENOSPC', shortBytes: 10, path: /jsonl$/ });  a disk that becomes full
 *     disk.before('link', () => writeFileSync(...));                   something happens just before the next link
 *     disk.heal();                                                     all is well again
 */
import type { Disk, Entry, OpenFile } from '../../src/disk/disk.js';

export type FileOperation = 'write' | 'sync' | 'truncate' | 'read' | 'readLater' | 'close';
export type Operation = keyof Disk | FileOperation;

export interface Call {
  readonly op: Operation;
  /** Of `link` and `rename`: the new name. Of an operation on a file: the path under which it was made or opened. */
  readonly path: string;
}

export interface Fault {
  /** Such as ENOSPC, EIO, EPERM. */
  readonly code: string;
  /** How many calls of this kind may pass before it strikes; 0 when absent. */
  readonly after?: number;
  /** Only calls with such a path count; of `link` and `rename`, either of the two names. */
  readonly path?: RegExp;
  /** Of `write`: takes this many bytes without an error first; the next such write after that fails with `code`. */
  readonly shortBytes?: number;
  /** How many calls it strikes; 1 when absent, Infinity until `heal()`. */
  readonly times?: number;
  /** The call does its work and fails all the same, as a disk does whose answer is lost. */
  readonly done?: boolean;
}

interface Rule {
  readonly op: Operation;
  readonly fault: Fault;
  passes: number;
  strikes: number;
  short: number | undefined;
}

interface Hook {
  readonly op: Operation;
  readonly path: RegExp | undefined;
  readonly action: () => void;
}

export class FaultyDisk implements Disk {
  /** Every call so far, also those that failed; empty it at will. */
  readonly calls: Call[] = [];
  #rules: Rule[] = [];
  #hooks: Hook[] = [];

  constructor(private readonly inner: Disk) {}

  /** Lets a coming call fail. Of several faults that apply, the first told strikes first. */
  failNext(op: Operation, fault: Fault): void {
    const { after = 0, times = 1, shortBytes } = fault;
    this.#rules.push({ op, fault, passes: after, strikes: times, short: shortBytes });
  }

  /** Runs `action` once, just before the next such call reaches the disk. */
  before(op: Operation, action: () => void, path?: RegExp): void {
    this.#hooks.push({ op, path, action });
  }

  /** Forgets all faults and hooks. */
  heal(): void {
    this.#rules = [];
    this.#hooks = [];
  }

  /** How many calls of this kind there were. */
  count(op: Operation, path?: RegExp): number {
    return this.calls.filter((call) => call.op === op && (path?.test(call.path) ?? true)).length;
  }

  list(directory: string): string[] {
    return this.#run('list', [directory], () => this.inner.list(directory));
  }

  async listLater(directory: string): Promise<string[]> {
    return this.#runLater('listLater', [directory], () => this.inner.listLater(directory));
  }

  stat(path: string): Entry | undefined {
    return this.#run('stat', [path], () => this.inner.stat(path));
  }

  exists(path: string): boolean {
    return this.#run('exists', [path], () => this.inner.exists(path));
  }

  makeDirectory(path: string): void {
    this.#run('makeDirectory', [path], () => this.inner.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    this.#run('removeDirectory', [path], () => this.inner.removeDirectory(path));
  }

  create(path: string): OpenFile {
    return this.#wrap(
      path,
      this.#run('create', [path], () => this.inner.create(path)),
    );
  }

  open(path: string, access: 'read' | 'write'): OpenFile {
    return this.#wrap(
      path,
      this.#run('open', [path], () => this.inner.open(path, access)),
    );
  }

  link(from: string, to: string): void {
    this.#run('link', [to, from], () => this.inner.link(from, to));
  }

  rename(from: string, to: string): void {
    this.#run('rename', [to, from], () => this.inner.rename(from, to));
  }

  unlink(path: string): void {
    this.#run('unlink', [path], () => this.inner.unlink(path));
  }

  async syncDirectory(directory: string): Promise<void> {
    return this.#runLater('syncDirectory', [directory], () => this.inner.syncDirectory(directory));
  }

  #wrap(path: string, file: OpenFile): OpenFile {
    return {
      get inode() {
        return file.inode;
      },
      get links() {
        return file.links;
      },
      write: (bytes, position) => this.#write(path, file, bytes, position),
      read: (target, position) => this.#run('read', [path], () => file.read(target, position)),
      readLater: (target, position) =>
        this.#runLater('readLater', [path], () => file.readLater(target, position)),
      truncate: (length) => this.#run('truncate', [path], () => file.truncate(length)),
      sync: () => this.#runLater('sync', [path], () => file.sync()),
      close: () => this.#run('close', [path], () => file.close()),
    };
  }

  #write(path: string, file: OpenFile, bytes: Uint8Array, position: number): number {
    const rule = this.#enter('write', [path]);
    if (rule?.short !== undefined) {
      const taken = bytes.subarray(0, rule.short);
      rule.short = undefined;
      return taken.length === 0 ? 0 : file.write(taken, position);
    }
    return this.#finish(rule, path, () => file.write(bytes, position));
  }

  #run<T>(op: Operation, paths: readonly string[], work: () => T): T {
    return this.#finish(this.#enter(op, paths), paths[0] ?? '', work);
  }

  async #runLater<T>(op: Operation, paths: readonly string[], work: () => Promise<T>): Promise<T> {
    const rule = this.#enter(op, paths);
    const answer = rule && !rule.fault.done ? undefined : await work();
    return this.#finish(rule, paths[0] ?? '', () => answer as T);
  }

  /** Writes the call down and answers the fault that strikes it. */
  #enter(op: Operation, paths: readonly string[]): Rule | undefined {
    this.calls.push({ op, path: paths[0] ?? '' });
    const matches = (path: RegExp | undefined) => !path || paths.some((one) => path.test(one));
    const hook = this.#hooks.find((one) => one.op === op && matches(one.path));
    if (hook) {
      this.#hooks = this.#hooks.filter((one) => one !== hook);
      hook.action();
    }
    for (const rule of this.#rules) {
      if (rule.op !== op || rule.strikes <= 0 || !matches(rule.fault.path)) continue;
      if (rule.passes > 0) {
        rule.passes -= 1;
        continue;
      }
      return rule;
    }
    return undefined;
  }

  #finish<T>(rule: Rule | undefined, path: string, work: () => T): T {
    if (!rule) return work();
    rule.strikes -= 1;
    if (rule.fault.done) work();
    throw Object.assign(new Error(`${rule.fault.code}: made up, ${rule.op} '${path}'`), {
      code: rule.fault.code,
    });
  }
}
