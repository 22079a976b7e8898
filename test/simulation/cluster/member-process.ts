/** One member of a simulated cluster: the real one, in a simulated process. */
import type { Claim } from '../../../src/disk/claim.js';
import type { DirectoryAccess } from '../../../src/disk/directory-access.js';
import { StartRefused } from '../../../src/disk/start-refused.js';
import type { Peer } from '../../../src/service/api.js';
import { type Leader, Member } from '../../../src/service/member.js';
import { handleCall } from '../../../src/xmlrpc/dispatch.js';
import type { Happening, Violation } from '../../history/history.js';
import { clockOf, DIRECTORY, stackOf } from '../daemon.js';
import { type DiskState, SimulatedDisk } from '../disk.js';
import type { Fences } from '../fences.js';
import type { Listener } from '../network.js';
import { Died, type Process } from '../process.js';
import type { World } from '../world.js';
import { PREFIX, type SimulatedEtcd } from './etcd.js';
import { SimulatedKv } from './kv.js';

/** What all members of a run are told. */
export interface ClusterSettings {
  readonly fence: readonly string[];
  readonly lockDelay: number;
  /** Milliseconds that a call of the disk, or a look at the clock, takes. */
  readonly callMs: number;
}

export interface MemberProcessOptions {
  readonly world: World;
  readonly etcd: SimulatedEtcd;
  readonly settings: ClusterSettings;
  readonly disk: DiskState;
  readonly fences: Fences;
  readonly tell: (happening: Happening) => void;
  readonly accuse: (violation: Violation) => void;
  /** It begins a term, or its term is over. */
  readonly onTerm: () => void;
  readonly onEnded: () => void;
}

/** Milliseconds for which a leader leads without hearing more of etcd, at least. */
const LED_MS = 3_900;

/** Milliseconds after which a process that stops does not wait any longer. */
const GRACE_MS = 8_000;

export class MemberProcess implements Listener {
  isListening = false;
  /** It was told to stop. */
  isStopping = false;
  readonly #kv: SimulatedKv;
  #member: Member | undefined;
  /** What the history calls it while it leads. */
  #term: string | undefined;
  #terms = 0;

  constructor(
    readonly process: Process,
    private readonly options: MemberProcessOptions,
  ) {
    const { world } = options;
    this.#kv = new SimulatedKv(process, options.etcd);
    process.onDeath(() => {
      this.isListening = false;
      world.tell(process.name, 'is dead');
      this.#endTerm();
      options.onEnded();
    });
  }

  /** Its name was taken out of etcd by hand in this term: nobody can have told it. */
  isTaken = false;
  /** The revision of etcd that made its name, in its newest term. */
  key = 0;

  /** How many terms it has had. */
  get terms(): number {
    return this.#terms;
  }

  get leads(): boolean {
    return this.process.isAlive && this.#term !== undefined && this.#member?.leader.isUs === true;
  }

  /** Whether it runs at this moment. */
  get isAwake(): boolean {
    return this.process.isAlive && !this.process.isStopped && !this.process.machine.isAsleep;
  }

  get isServing(): boolean {
    return this.isListening && this.leads && this.isAwake;
  }

  get speaker(): string {
    return this.#term ?? this.process.name;
  }

  get #url(): string {
    return `http://${this.process.machine.name}:1`;
  }

  get headers(): Record<string, string> {
    const { id, leader, url } = this.#member ?? {};
    const isElsewhere = leader?.url !== undefined && leader.url !== url;
    return {
      ...(id === undefined ? {} : { 'x-lockd-id': id }),
      ...(isElsewhere ? { 'x-lockd-leader': leader.url } : {}),
    };
  }

  /** Who runs fence commands. One whose name was taken by hand may begin one that it had asked for before. */
  get #fencer(): string {
    return this.isTaken ? this.process.name : this.speaker;
  }

  start(): void {
    this.options.world.tell(this.process.name, 'starts');
    this.process.post(() => void this.#open());
  }

  /** SIGTERM. */
  terminate(): void {
    this.isStopping = true;
    this.process.post(() => {
      this.options.world.tell(this.process.name, 'is asked to stop');
      const ended = this.#member?.close() ?? Promise.resolve();
      ended.then(
        () => {
          this.isListening = false;
          this.process.kill();
        },
        (error: unknown) => this.#failed(error),
      );
      this.process.after(GRACE_MS, () => this.process.kill());
    });
  }

  handle(body: Uint8Array, peer: Peer): Promise<string> {
    if (!this.#member) return Promise.reject(new Error('not open yet'));
    const context = {
      from: '192.0.2.7:1',
      received: this.process.machine.monotonic,
      peer,
      onInternalError: (error: unknown, method: string) =>
        this.#defect(`${method}: ${stackOf(error)}`, error),
    };
    return handleCall(body, 'utf-8', this.#member, context);
  }

  async #open(): Promise<void> {
    const { world, settings, disk, fences } = this.options;
    const { process } = this;
    const { callMs, ...given } = settings;
    try {
      const member = await Member.open({
        ...given,
        directory: DIRECTORY,
        kv: this.#kv,
        store: `etcd://etcd:2379${PREFIX}`,
        prefix: PREFIX,
        url: this.#url,
        onLeader: (leader) => this.#led(leader),
        sinceBoot: () => process.machine.sinceBoot,
        disk: new SimulatedDisk(process, disk, callMs),
        access: ACCESS,
        clock: clockOf(process, callMs),
        makeId: () => `${process.name}-${world.random(1_000_000_000)}`,
        makeFenceRunner: () => fences.runner(process, () => this.#fencer),
        log: (level, message) => world.tell(process.name, `${level}: ${message}`),
      });
      this.#member = member;
      void member.failed.then((error) => this.#failed(error));
      if (!process.isAlive) return;
      this.isListening = true;
      world.tell(process.name, 'listens');
      member.stand();
    } catch (error) {
      this.#failed(error);
    }
  }

  #led({ isUs, url }: Leader): void {
    const { world, etcd, tell } = this.options;
    const { process } = this;
    if (!process.isAlive) return;
    if (!isUs) {
      world.tell(process.name, `follows ${url ?? 'nobody'}`);
      this.#endTerm();
    } else if (this.#term === undefined) {
      this.#terms += 1;
      this.#term = `${process.name}/${this.#terms}`;
      this.key = etcd.leaderKeyOf(this.#url);
      // Taken before it had begun.
      this.isTaken = this.key === 0;
      world.tell(this.#term, 'leads');
      tell({ kind: 'started', daemon: this.#term, from: world.now, ready: world.now });
      this.options.onTerm();
    }
  }

  #endTerm(): void {
    if (this.#term === undefined) return;
    const { world, tell } = this.options;
    world.tell(this.#term, 'leads no more');
    tell({ kind: 'ended', daemon: this.#term, at: world.now });
    this.#accuseNeedless(this.#term);
    this.#term = undefined;
    this.options.onTerm();
  }

  /** A term ends because its lease was not renewed in time, or because somebody wanted it to. */
  #accuseNeedless(term: string): void {
    const { world, etcd, accuse } = this.options;
    const isWanted = !this.process.isAlive || this.isStopping || this.isTaken;
    if (isWanted || this.#kv.sinceRenewed > LED_MS || etcd.leaderKey !== this.key) return;
    const text = `${term} ended, and its lease was renewed ${Math.round(this.#kv.sinceRenewed)} ms before`;
    accuse({ rule: 'needless', at: world.now, text });
  }

  #failed(error: unknown): void {
    const { process } = this;
    if (error instanceof Died || !process.isAlive) return;
    this.options.world.tell(process.name, `ends: ${(error as Error).message}`);
    if (!(error instanceof StartRefused)) this.#defect(stackOf(error), error);
    process.kill();
  }

  /** What is neither a refusal nor an error of the disk is a mistake in the program. */
  #defect(text: string, error: unknown): void {
    const isSystem = error instanceof Error && ('code' in error || error.name === 'Stopped');
    if (isSystem || error instanceof Died || !this.process.isAlive) return;
    const { accuse, world } = this.options;
    accuse({ rule: 'defect', at: world.now, text: `${this.process.name}: ${text}` });
  }
}

/** Each member has a directory of its own, and it is the only one there. */
const ACCESS: DirectoryAccess = {
  prepare: () => ({ path: DIRECTORY, warnings: [] }),
  claim: async (): Promise<Claim> => ({
    lost: new Promise(() => undefined),
    warnings: [],
    release: async () => undefined,
  }),
};
