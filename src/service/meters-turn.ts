/** What one turn adds to the meters when it is saved; a turn that is undone adds nothing. */
import type { Now } from '../core/commands.js';
import type { Change, HoldRecord, LossCause } from '../core/records.js';
import type { LockTable } from '../core/table.js';

export class TurnMeter {
  /** For each grant the moment at which its request had been read, in milliseconds of the monotonic clock. */
  readonly requested: number[] = [];
  /** For each hold that ended, by its holder or against its will, the seconds for which it was held. */
  readonly held: number[] = [];
  readonly lost: LossCause[] = [];
  unlocks = 0;
  adoptions = 0;

  /** Notes what a change does; to be called before it is applied, because afterwards nobody knows how old a hold was. */
  note(change: Change, table: LockTable, now: Now): void {
    switch (change.event) {
      case 'granted':
        this.requested.push(now.monotonic - grantedHold(change).waited * 1_000);
        return;
      case 'adopted':
        this.adoptions += 1;
        return;
      case 'unlocked':
        this.unlocks += 1;
        this.#end(change, table);
        return;
      case 'expired':
      case 'forced':
      case 'handedOver':
        this.lost.push(change.event);
        this.#end(change, table);
    }
  }

  /** A lock file that cannot be read is no hold: nobody knows since when it locks. */
  #end({ resource, client, time }: Change, table: LockTable): void {
    const hold = table.hold(resource, client);
    // By the wall clock, which alone goes on over a restart, and may jump.
    if (hold) this.held.push(Math.max(0, time - hold.acquired) / 1_000);
  }
}

function grantedHold({ put = [] }: Change): Pick<HoldRecord, 'waited'> {
  for (const record of put) if (record.kind === 'hold') return record;
  return { waited: 0 };
}
