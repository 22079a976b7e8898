/** The members of a simulated cluster, one on each machine, started again when they end. */
import type { Call, Happening, Violation } from '../../history/history.js';
import { DIRECTORY } from '../daemon.js';
import { DiskState } from '../disk.js';
import { Fences } from '../fences.js';
import { Machine } from '../machine.js';
import type { Network } from '../network.js';
import { Process } from '../process.js';
import { Storage } from '../storage.js';
import type { World } from '../world.js';
import type { SimulatedEtcd } from './etcd.js';
import { type ClusterSettings, MemberProcess } from './member-process.js';

/** Milliseconds in which a process that goes on has looked at its clocks. */
const A_MOMENT_MS = 5;

/** Milliseconds after a sleep in which a leader has looked at them. */
export const LOOKED_MS = 400;

/** A machine with what lasts longer than the processes on it. */
export interface Place {
  readonly machine: Machine;
  readonly disk: DiskState;
  readonly fences: Fences;
  /** The newest process there. */
  member: MemberProcess | undefined;
}

export interface MembersOptions {
  readonly world: World;
  readonly etcd: SimulatedEtcd;
  readonly network: Network;
  readonly settings: ClusterSettings;
  readonly tell: (happening: Happening) => void;
  readonly accuse: (violation: Violation) => void;
}

export class Members {
  readonly places: readonly Place[];
  readonly all: MemberProcess[] = [];
  /** Whether one that ends is started again. */
  restarts = true;
  #awaySince:
    | { readonly at: number; readonly place: Place | undefined; readonly monotonic: number }
    | undefined;
  #leaderKey = 0;
  /** Terms whose name was taken out of etcd by hand, and when. */
  readonly #taken: { readonly speaker: string; readonly at: number }[] = [];
  #onNextTerm: (() => void)[] = [];

  constructor(
    private readonly options: MembersOptions,
    names: readonly string[],
  ) {
    const { world, tell } = options;
    this.places = names.map((name) => {
      const machine = new Machine(world, name, 0.999 + world.random(21) / 10_000);
      return { machine, disk: makeDisk(world), fences: new Fences(world, tell), member: undefined };
    });
    this.#awaySince = { at: world.now, place: undefined, monotonic: 0 };
    options.etcd.onApplied = () => this.#lookAtLeaderKey();
  }

  get machines(): Machine[] {
    return this.places.map(({ machine }) => machine);
  }

  /** Who answers calls at this moment. */
  get leader(): MemberProcess | undefined {
    return this.serving[0]?.member;
  }

  get serving(): Place[] {
    return this.places.filter(({ member }) => member?.isServing);
  }

  /** Those that believe to lead, whether they run at this moment or not. */
  get leading(): Place[] {
    return this.places.filter(({ member }) => member?.leads);
  }

  get terms(): number {
    return this.all.reduce((sum, { terms }) => sum + terms, 0);
  }

  startAll(): void {
    for (const place of this.places) {
      this.options.world.after(this.options.world.span(1, 2_000), () => this.#start(place));
    }
  }

  #start(place: Place): void {
    const { world, network } = this.options;
    const { machine, disk, fences } = place;
    const process = new Process(world, `member-${this.all.length + 1}@${machine.name}`, machine);
    const member: MemberProcess = new MemberProcess(process, {
      ...this.options,
      ...{ disk, fences },
      onTerm: () => (member.leads ? this.#began(place) : this.watch()),
      onEnded: () => {
        this.watch();
        world.after(world.span(20, 4_000), () => {
          if (place.member === member && this.restarts) this.#start(place);
        });
      },
    });
    this.all.push(member);
    place.member = member;
    network.listen(machine.name, member);
    member.start();
  }

  /** To be called when a member stops or goes on: writes down when nobody served. */
  watch(): void {
    const { world, tell } = this.options;
    const [now] = this.serving;
    if (now && this.#awaySince) {
      const { at, place, monotonic } = this.#awaySince;
      // Where another machine serves now, it has begun all leases afresh.
      const awakeMs = now === place ? now.machine.monotonic - monotonic : world.now - at;
      tell({ kind: 'away', from: at, to: world.now, awakeMs });
      this.#awaySince = undefined;
    } else if (!now && !this.#awaySince) {
      const [place] = this.leading;
      this.#awaySince = { at: world.now, place, monotonic: place?.machine.monotonic ?? 0 };
    }
  }

  /** Somebody is about to take the leader's name out of etcd: whoever it is cannot know. */
  takeName(): void {
    for (const { member } of this.leading) {
      if (!member) continue;
      member.isTaken = true;
      this.#taken.push({ speaker: member.speaker, at: this.options.world.now });
    }
  }

  /**
   * What a leader still answers whose name was taken by hand, it may have asked etcd for before: of such answers it is only
   * known that they were true at some moment of the call. What came to it later it must not answer.
   */
  forgetMoments(calls: readonly Call[]): void {
    for (const call of calls) {
      const visit = call.visits?.find(({ wroteAt }) => wroteAt !== undefined && wroteAt === call.answered);
      const isInDoubt = this.#taken.some(({ speaker, at }) => {
        return visit?.daemon === speaker && visit.at <= at && at < (visit.wroteAt ?? 0);
      });
      if (isInDoubt) delete call.answered;
    }
  }

  /** Calls `action` when the next term has begun. */
  onNextTerm(action: () => void): void {
    this.#onNextTerm.push(action);
  }

  #began(place: Place): void {
    this.watch();
    for (const action of this.#onNextTerm.splice(0)) action();
    for (const other of this.places) if (other !== place) this.lookAt(other);
  }

  /** Whoever is awake has ended its term by itself, with all that runs in its name, before its name can go with its lease. */
  lookAt({ member, fences }: Place): void {
    const { world, etcd, accuse } = this.options;
    if (!member?.isAwake || member.isTaken || world.now - member.process.machine.wokeAt < LOOKED_MS) return;
    if (etcd.leaderKey === member.key) return;
    const say = (text: string) =>
      accuse({ rule: 'overstays', at: world.now, text: `${member.speaker} ${text} in etcd` });
    if (member.leads) say('believes to lead, and its name does not stand');
    for (const [token, { process }] of fences.running) {
      if (process === member.process) say(`fences token ${token}, and its name does not stand`);
    }
  }

  #lookAtLeaderKey(): void {
    const key = this.options.etcd.leaderKey;
    if (key === this.#leaderKey) return;
    this.#leaderKey = key;
    // One that goes on at this very moment has not looked at its clocks yet.
    this.options.world.after(A_MOMENT_MS, () => {
      for (const place of this.places) this.lookAt(place);
    });
  }
}

function makeDisk(world: World): DiskState {
  const disk = new DiskState(world, new Storage());
  const { storage } = disk;
  const node = storage.node('directory');
  storage.change({ effects: [{ directory: storage.root, name: DIRECTORY.slice(1), node }] });
  storage.flushNames(storage.root);
  return disk;
}
