/**
 * etcd in a simulation: one history that all agree on, and a way to it on which requests and answers are late, lost, or
 * refused. Now and then it has no leader, and nothing happens; what was on its way then may be applied much later.
 */
import { KvError } from '../../../src/etcd/kv.js';
import { FakeEtcd } from '../../etcd/fake-etcd.js';
import type { Machine } from '../machine.js';
import type { Process } from '../process.js';
import type { World } from '../world.js';

export const PREFIX = '/l';

/** What is the matter with etcd and the way there. Of so many requests one is struck; 0: none. */
export interface EtcdWeather {
  /** Milliseconds of each way. */
  delayMs: readonly [least: number, most: number];
  loseRequest: number;
  loseAnswer: number;
  /** Refused before anything was tried. */
  refuse: number;
  /** Answered with an error, and applied or not. */
  settle: number;
  /** Not answered, or with an error, and applied so much later. */
  late: number;
  lateMs: readonly [least: number, most: number];
}

export const FAIR_ETCD: EtcdWeather = {
  delayMs: [0.1, 2],
  loseRequest: 0,
  loseAnswer: 0,
  refuse: 0,
  settle: 0,
  late: 0,
  lateMs: [50, 12_000],
};

/** What a cut keeps back. */
export type Cut = 'both' | 'requests' | 'answers';

/** One request in somebody's hands. */
export interface Taken {
  /** It is applied, and nobody hears of it. */
  applyUnheard(): void;
  /** It goes on as if nothing had been. */
  letGo(): void;
  /** It is answered, and the answer arrives when `hold` lets it. */
  holdAnswer(hold: (deliver: () => void) => void): void;
}

/** Looks at a request that arrives. What it answers takes the request. */
export type Ambush = (process: Process, asked: Asked) => ((taken: Taken) => void) | undefined;

/** What is asked, for the story. */
export interface Asked {
  readonly what: string;
  /** Whether it may change something. */
  readonly writes: boolean;
}

const SUCCEEDED = 'succeeded';

export type Answer<T> = (outcome: { readonly value: T } | { readonly error: KvError }) => void;

export class SimulatedEtcd {
  readonly etcd: FakeEtcd;
  weather: EtcdWeather = { ...FAIR_ETCD };
  /** Machines that are cut off. */
  readonly cuts = new Map<Machine, Cut>();
  requests = 0;
  /** Where somebody lies in wait for a request. */
  ambush: Ambush | undefined;
  /** Told when something was applied, or was not. */
  onApplied: () => void = () => undefined;
  /** What waits for a leader of etcd; undefined: there is one. */
  #waiting: (() => void)[] | undefined;
  #leaderlessMs = 0;
  #leaderlessSince = 0;

  constructor(readonly world: World) {
    this.etcd = new FakeEtcd(() => this.#leaseTime());
  }

  /** The revision that made the leader's name; 0: there is none. */
  get leaderKey(): number {
    return this.etcd.get(`${PREFIX}/leader`)?.createRevision ?? 0;
  }

  /** The same, where it is the name of the member at this URL; otherwise 0. */
  leaderKeyOf(url: string): number {
    const { value = '', createRevision = 0 } = this.etcd.get(`${PREFIX}/leader`) ?? {};
    return value.includes(`"${url}"`) ? createRevision : 0;
  }

  /** For so long there is no leader: nothing is applied, and no lease ends. */
  loseLeader(milliseconds: number): void {
    if (this.#waiting) return;
    this.world.tell('etcd', `has no leader for ${Math.round(milliseconds)} ms`);
    this.#waiting = [];
    this.#leaderlessSince = this.world.now;
    this.world.after(milliseconds, () => {
      this.#leaderlessMs += this.world.now - this.#leaderlessSince;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      this.world.tell('etcd', 'has a leader again');
      for (const apply of waiting) apply();
    });
  }

  /** Carries a request there, and what comes of it back. */
  carry<T>(process: Process, asked: Asked, apply: () => T, answer: Answer<T>): void {
    const { world, weather } = this;
    this.requests += 1;
    const fail = (fate: KvError['fate'], problem: string) =>
      this.#back(process, asked, () => answer({ error: new KvError(`etcd: ${problem}`, fate) }), problem);
    const [isRefused, isLost] = [this.#strikes(weather.refuse), this.#strikes(weather.loseRequest)];
    world.after(this.#delay(), () => {
      const cut = this.cuts.get(process.machine);
      const take = this.ambush?.(process, asked);
      const letGo = () => this.#propose(process, asked, apply, answer, fail);
      const applyUnheard = () => this.#unheard(process, asked, apply);
      const holdAnswer: Taken['holdAnswer'] = (hold) =>
        this.#apply(process, asked, apply, (outcome) => hold(() => process.post(() => answer(outcome))));
      if (cut === 'both' || cut === 'requests') {
        // No new connection comes about; one that stands only keeps silent.
        if (world.oneIn(2)) world.after(world.span(50, 3_000), () => fail('never', 'ETIMEDOUT'));
      } else if (isRefused) fail('never', 'ECONNREFUSED');
      else if (isLost) this.#tell(process, asked, 'lost');
      else if (take) take({ letGo, applyUnheard, holdAnswer });
      else letGo();
    });
  }

  #propose<T>(
    process: Process,
    asked: Asked,
    apply: () => T,
    answer: Answer<T>,
    fail: (fate: KvError['fate'], problem: string) => void,
  ): void {
    const { world, weather } = this;
    if (this.#waiting) {
      if (world.oneIn(3)) fail('unknown', 'etcdserver: leader changed');
      else this.#waiting.push(() => this.#propose(process, asked, apply, answer, fail));
    } else if (asked.writes && this.#strikes(weather.late)) {
      world.after(world.span(...weather.lateMs), () => this.#unheard(process, asked, apply));
      if (world.oneIn(2)) fail('unknown', 'etcdserver: request timed out');
    } else if (this.#strikes(weather.settle)) {
      if (world.oneIn(2)) this.#unheard(process, asked, apply);
      fail('settled', 'etcdserver: something is the matter');
    } else this.#apply(process, asked, apply, answer);
  }

  #apply<T>(process: Process, asked: Asked, apply: () => T, answer: Answer<T>): void {
    try {
      const value = apply();
      this.onApplied();
      this.#back(process, asked, () => answer({ value }), outcomeText(value));
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      this.#back(process, asked, () => answer({ error }), error.message);
    }
  }

  /** An answer on its way. */
  #back(process: Process, asked: Asked, answer: () => void, text: string): void {
    const { world, weather } = this;
    const isLost = this.#strikes(weather.loseAnswer);
    this.#tell(process, asked, isLost ? `${text}, answer lost` : text);
    if (isLost) return;
    world.after(this.#delay(), () => {
      const cut = this.cuts.get(process.machine);
      if (cut !== 'both' && cut !== 'answers') process.post(answer);
    });
  }

  /** Applied when nobody hears of it any more. */
  #unheard(process: Process, asked: Asked, apply: () => unknown): void {
    let text: string;
    try {
      text = outcomeText(apply());
      this.onApplied();
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      text = error.message;
    }
    this.#tell(process, asked, `applied unheard: ${text}`);
  }

  /** What only reads, and all is well with it, is told to nobody: it would be most of the story. */
  #tell(process: Process, asked: Asked, text: string): void {
    if (asked.writes || (text !== '' && text !== SUCCEEDED))
      this.world.tell('etcd', `${process.name}: ${asked.what}: ${text}`);
  }

  /** Milliseconds by which leases go: as long as there is a leader, and so no lease ends early. */
  #leaseTime(): number {
    const since = this.#waiting ? this.world.now - this.#leaderlessSince : 0;
    return this.world.now - this.#leaderlessMs - since;
  }

  #delay(): number {
    return this.world.span(...this.weather.delayMs);
  }

  #strikes(oneIn: number): boolean {
    return oneIn > 0 && this.world.oneIn(oneIn);
  }
}

function outcomeText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'succeeded' in value)
    return value.succeeded === true ? SUCCEEDED : 'NOT succeeded';
  return '';
}
