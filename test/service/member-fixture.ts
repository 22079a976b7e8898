/** Members of one prefix of an etcd in memory, each in a directory of its own, on clocks that are set by hand. */
import { onTestFinished } from 'vitest';
import { nodeDirectoryAccess } from '../../src/disk/directory-access.js';
import { Layout } from '../../src/disk/layout.js';
import { type Leader, Member, type MemberOptions } from '../../src/service/member.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { FakeEtcd } from '../etcd/fake-etcd.js';
import { FakeKv } from '../etcd/fake-kv.js';
import { temporaryDirectory } from '../store/fixture.js';
import { FakeFenceRunner } from './fake-runner.js';
import { ManualClock, rounds } from './manual-clock.js';
import { quickDisk } from './quick-disk.js';

export const STORE = 'etcd://etcd:2379/test';
export const PREFIX = '/test';

export class MemberCluster {
  readonly clock = new ManualClock();
  readonly etcd = new FakeEtcd(() => this.clock.monotonic());
  #ids = 0;

  /** Opens a member; it does not stand yet. At the end of the test it is closed. */
  async open(name: string, given: Partial<MemberOptions> = {}): Promise<Opened> {
    const { kv = new FakeKv(this.etcd), directory = temporaryDirectory() } = given;
    const disk = new FaultyDisk(quickDisk);
    const log: string[] = [];
    const leaders: Leader[] = [];
    const runners: FakeFenceRunner[] = [];
    let lose: (error: Error) => void = () => undefined;
    const claim = { isReleased: false };
    const member = await Member.open({
      ...{ kv, directory, disk, store: STORE, prefix: PREFIX, url: `http://${name}:7420`, clock: this.clock },
      sinceBoot: () => this.clock.monotonic(),
      makeId: () => {
        this.#ids += 1;
        return `id-${this.#ids}`;
      },
      log: (level, message) => log.push(`${level}: ${message}`),
      onLeader: (leader) => leaders.push(leader),
      access: {
        prepare: nodeDirectoryAccess.prepare,
        claim: async () => ({
          lost: new Promise((resolve) => {
            lose = resolve;
          }),
          warnings: [],
          release: async () => {
            claim.isReleased = true;
          },
        }),
      },
      makeFenceRunner: () => {
        const runner = new FakeFenceRunner();
        runners.push(runner);
        return runner;
      },
      ...given,
    });
    onTestFinished(async () => {
      // Whatever this one was cut off from or held up by.
      if (kv instanceof FakeKv) kv.onRequest = () => undefined;
      disk.heal();
      await member.close();
    });
    return {
      ...{ member, directory, disk, log, leaders, runners, claim },
      kv: kv as FakeKv,
      layout: new Layout(directory),
      loseClaim: (error) => lose(error),
    };
  }

  /** The same, and it stands: with nobody else there it leads. */
  async stand(name: string, given: Partial<MemberOptions> = {}): Promise<Opened> {
    const opened = await this.open(name, given);
    opened.member.stand();
    await rounds();
    return opened;
  }

  /** Two of them, of which `a` leads. */
  async two(given: Partial<MemberOptions> = {}): Promise<{ a: Opened; b: Opened }> {
    const a = await this.stand('a', given);
    return { a, b: await this.stand('b', given) };
  }
}

export interface Opened {
  readonly member: Member;
  readonly kv: FakeKv;
  readonly directory: string;
  readonly disk: FaultyDisk;
  readonly layout: Layout;
  /** `level: message`. */
  readonly log: string[];
  /** All that `onLeader` was told. */
  readonly leaders: Leader[];
  /** One for each term. */
  readonly runners: FakeFenceRunner[];
  readonly claim: { readonly isReleased: boolean };
  readonly loseClaim: (error: Error) => void;
}

/** From now on this member gets no answer of etcd, and nothing of what it asks is done. */
export function cutOff({ kv }: Opened): void {
  kv.onRequest = () => 'unknownNotApplied';
}

export function reconnect({ kv }: Opened): void {
  kv.onRequest = () => undefined;
}
