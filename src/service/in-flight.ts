/** The commit in flight, and which commands need not wait for it: a disk that hangs makes no healthy client give up. */
import type { Command, RenewCommand } from '../core/commands.js';
import { type Change, recordKeyText } from '../core/records.js';
import type { State } from '../core/state.js';
import type { Pending } from './draft.js';

export class InFlight {
  // Both are made when the first command asks: most commits are over before any does.
  #resources: ReadonlySet<string> | undefined;
  #holds: ReadonlySet<string> | undefined;

  constructor(
    private readonly changes: readonly Change[],
    /** Monotonic milliseconds. */
    readonly since: number,
  ) {}

  /** Whether a command concerns only what neither the commit nor a command before it in the queue changes. */
  leavesAlone(command: Command, queue: readonly Pending[]): boolean {
    switch (command.kind) {
      case 'status':
      case 'check':
        return !this.#changesResource(command.resource) && !isQueued(queue, command.resource);
      case 'renew': {
        const { resource, client } = command;
        const key = recordKeyText({ kind: 'hold', resource, client });
        return !this.#changesHold(key) && !isQueued(queue, resource, client);
      }
      default:
        return false;
    }
  }

  #changesResource(resource: string): boolean {
    this.#resources ??= new Set(this.changes.map((change) => change.resource));
    return this.#resources.has(resource);
  }

  #changesHold(key: string): boolean {
    this.#holds ??= new Set(
      this.changes
        .flatMap(({ put = [], remove = [] }) => [...put, ...remove])
        .filter(({ kind }) => kind === 'hold')
        .map(recordKeyText),
    );
    return this.#holds.has(key);
  }
}

/** Whether a command that waits concerns the resource (and that client): who asks later must see it. */
function isQueued(queue: readonly Pending[], resource: string, client?: string): boolean {
  return queue.some(({ command }) => {
    if (!('resource' in command) || command.resource !== resource) return false;
    // A lease that may be over is looked at after all renewals.
    if (client !== undefined && command.kind === 'expire') return false;
    return client === undefined || ('client' in command && command.client === client);
  });
}

/** Whether a renewal leaves the lease as long as it is, so that nothing has to be saved for it. */
export function keepsTtl({ resource, client, ttl }: RenewCommand, { table }: State): boolean {
  return ttl === undefined || ttl === table.hold(resource, client)?.ttl;
}
