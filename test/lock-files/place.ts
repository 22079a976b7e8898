/** A lock directory with a table beside it, driven turn by turn as the service does, on a disk that fails when told to. */
import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from '../../src/core/commands.js';
import { decide } from '../../src/core/decide.js';
import type { Undo } from '../../src/core/table.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import type { ForeignLock } from '../../src/lock-files/foreign.js';
import { LockFiles } from '../../src/lock-files/lock-files.js';
import { World } from '../core/world.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { temporaryDirectory } from '../disk/temporary-directory.js';

export const DIRECTORY_ID = '11111111-1111-4111-8111-111111111111';
export const OTHER_ID = '22222222-2222-4222-8222-222222222222';

/** Of a directory whose journal is gone. */
const NEW_ID = '33333333-3333-4333-8333-333333333333';

export interface PlaceOptions {
  readonly isNew?: boolean;
  /** That of the journal, as it was read. */
  readonly nextToken?: number;
  readonly maxOpenSlots?: number;
  readonly withoutHardLinks?: boolean;
}

export class Place {
  readonly layout = new Layout(join(temporaryDirectory(), 'locks'));
  readonly disk = new FaultyDisk(nodeDisk);
  readonly warned: string[] = [];
  readonly world = new World();
  /** Monotonic milliseconds. */
  clock = 0;
  #epoch = 0;
  #files: LockFiles | undefined;

  constructor(private readonly options: PlaceOptions = {}) {
    fs.mkdirSync(this.layout.own, { recursive: true });
  }

  get files(): LockFiles {
    if (!this.#files) throw new Error('nothing is open yet');
    return this.#files;
  }

  /** Starts, the first time or again with the same table, and answers what foreign files claim. */
  start(options: PlaceOptions = this.options): ForeignLock[] {
    this.#files?.close();
    this.#epoch += 1;
    if (options.withoutHardLinks)
      this.disk.failNext('link', { code: 'EPERM', times: Number.POSITIVE_INFINITY });
    const { disk, layout, warned } = this;
    this.#files = LockFiles.open({
      disk,
      layout,
      epoch: this.#epoch,
      directoryId: options.isNew ? NEW_ID : DIRECTORY_ID,
      isNew: options.isNew ?? false,
      monotonic: () => this.clock,
      warn: (message) => warned.push(message),
      ...(options.maxOpenSlots === undefined ? {} : { maxOpenSlots: options.maxOpenSlots }),
    });
    return this.files.compareAtStart(this.world.table, options.nextToken);
  }

  /** One turn that is saved. Throws what `prepare` throws, with the table as it was. */
  save(...commands: Command[]): void {
    this.files.apply(this.#prepare(commands).prepared);
  }

  /** One turn that could not be saved after all. */
  abandon(...commands: Command[]): void {
    const { prepared, undo } = this.#prepare(commands);
    this.files.abandon(prepared);
    undo();
  }

  #prepare(commands: Command[]) {
    const undos: Undo[] = [];
    const undo = () => {
      for (const takeBack of undos.reverse()) takeBack();
    };
    const touched = new Set<string>();
    const unreadable: string[] = [];
    for (const command of commands) {
      const decision = decide(this.world.state, command, this.world.now);
      if (!('changes' in decision)) throw new Error(`refused: ${JSON.stringify(decision)}`);
      for (const change of decision.changes) {
        undos.push(this.world.table.apply(change));
        touched.add(change.resource);
        for (const key of change.remove ?? []) if (key.kind === 'unreadable') unreadable.push(...key.files);
      }
    }
    try {
      return { prepared: this.files.prepare(touched, this.world.table, unreadable), undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** What is due once a minute. Answers what foreign files claim. */
  compare(names = this.disk.list(this.layout.root)): ForeignLock[] {
    const found: ForeignLock[] = [];
    const steps = this.files.compare(names, this.world.table, (lock) => found.push(lock));
    while (!steps.next().done);
    return found;
  }

  /** What is done in the background after a start. */
  renew(): void {
    const steps = this.files.renewViews(this.world.table);
    while (!steps.next().done);
  }

  at(name: string): string {
    return join(this.layout.root, name);
  }

  /** Somebody else makes a file in the lock directory. */
  put(name: string, content: string | Uint8Array): string {
    fs.writeFileSync(this.at(name), content);
    return this.at(name);
  }

  /** The names in the lock directory, without the daemon's own. */
  names(): string[] {
    return fs
      .readdirSync(this.layout.root)
      .filter((name) => name !== basename(this.layout.own))
      .sort();
  }

  /** The names of the clients in the lock file of a resource. */
  holders(resource: string): string[] {
    const content = JSON.parse(fs.readFileSync(this.files.path(resource), 'utf8'));
    if (content.resource !== resource) throw new Error(`the lock file speaks of '${content.resource}'`);
    return content.holders.map((holder: { client: string }) => holder.client);
  }

  adopted(): string[] {
    return fs.readdirSync(this.layout.adopted).sort();
  }

  slots(epoch = this.#epoch): string[] {
    return fs.readdirSync(this.layout.slots(epoch)).sort();
  }

  slotFolders(): string[] {
    return fs.readdirSync(this.layout.own).filter((name) => name.startsWith('slots-'));
  }
}

/** The JSON of another lockd. */
export function foreignJson(resource: string, clients: readonly string[], token = 5, id = OTHER_ID): string {
  const holders = clients.map((client, index) => ({
    client,
    token: String(token + index),
    acquired: '2026-11-21T08:15:00.000Z',
    from: '192.0.2.9:1',
  }));
  return JSON.stringify(
    { lockd: 1, directory: id, resource, limit: 2, held: clients.length, holders },
    null,
    2,
  );
}
