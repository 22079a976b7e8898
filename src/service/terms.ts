/**
 * The life of a member: it stands for leader, serves a term with a `Lockd` of its own, ends it, and stands again. What a
 * term was is forgotten with it: the next leader, also this member, reads everything anew.
 *
 * When a term is lost, in one and the same step nobody is answered any more and every fence command is killed. When it is
 * given up, calls are answered first. In both cases another may lead only when nothing goes on here in the leader's name.
 */
import type { Contact } from '../cluster/contact.js';
import type { Election } from '../cluster/election.js';
import type { Term } from '../cluster/term.js';
import type { Disk } from '../disk/disk.js';
import { errorCode } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { StartRefused } from '../disk/start-refused.js';
import { KvError } from '../etcd/kv.js';
import { removeViews } from '../lock-files/remove-views.js';
import { type DaemonStore, Stopped } from '../store/port.js';
import { BesideCalls } from './beside-calls.js';
import type { Clock } from './clock.js';
import type { Lockd } from './lockd.js';
import type { Leader } from './member-options.js';
import type { LogLevel } from './options.js';

/** Milliseconds for which a member does not stand after a term of its own: another may do better. */
const REST_MS = 1_000;

/** The same after a term that could not even begin: doubled up to the last. */
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;

/** Milliseconds that the directory may take at the beginning of a term. */
const OPEN_MS = 20_000;

export interface TermsOptions {
  readonly election: Election;
  readonly contact: Contact;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly layout: Layout;
  /** Of the prefix. */
  readonly id: string;
  readonly url: string;
  readonly log: (level: LogLevel, message: string) => void;
  readonly onLeader: (leader: Leader) => void;
  /** Reads what is locked. Rejects with `Stopped`, `StartRefused`, `KvError`, or an error of the disk. */
  readonly openStore: (term: Term) => Promise<DaemonStore>;
  /** Serves a term from its store, which it closes if it rejects; as `openStore` does. */
  readonly openLockd: (store: DaemonStore, term: Term) => Promise<Lockd>;
}

/** How a term ended. */
type Ending = 'asked' | 'lost' | 'defect';

export class Terms {
  /** Settles when the process must end at once: a defect, or the prefix or the directory is another's now. */
  readonly failed: Promise<Error>;
  #settleFailed: (error: Error) => void = () => undefined;
  #lockd: Lockd | undefined;
  /** Why the last term could not begin. */
  #problem: string | undefined;
  #failedTerms = 0;
  #isOver = false;
  readonly #closeAsked: Promise<'asked'>;
  #askToClose: () => void = () => undefined;
  #endOpening: () => void = () => undefined;
  #views: BesideCalls | undefined;
  /** A beginning that came too late, until it is undone. */
  #lateOpening: Promise<void> = Promise.resolve();
  #running: Promise<void> = Promise.resolve();
  #told: Leader = { isUs: false };
  /** What stands in the way of an election, as it was told. */
  #toldTrouble: string | undefined;

  constructor(private readonly options: TermsOptions) {
    this.failed = new Promise((resolve) => {
      this.#settleFailed = resolve;
    });
    this.#closeAsked = new Promise((resolve) => {
      this.#askToClose = () => resolve('asked');
    });
  }

  /** What an earlier process showed is taken away; then it stands for leader. */
  start(): void {
    this.#removeViews();
    this.#running = this.#run();
  }

  /** That of the term which is served at present. */
  get lockd(): Lockd | undefined {
    return this.#lockd;
  }

  get leader(): Leader {
    if (this.#lockd) return { url: this.options.url, isUs: true };
    const { leaderUrl } = this.options.election;
    return { isUs: false, ...(leaderUrl === undefined ? {} : { url: leaderUrl }) };
  }

  /** What an operator should know beside what the term's `Lockd` says, one sentence each. */
  get problems(): readonly string[] {
    const { contact, election } = this.options;
    const own = [contact.problem, this.#problem].filter((problem) => problem !== undefined);
    return [...own, ...election.problems];
  }

  /** To be called when `leader` may have changed: tells whoever wants to know. */
  look(): void {
    this.#tellTrouble();
    const { leader } = this;
    if (leader.isUs === this.#told.isUs && leader.url === this.#told.url) return;
    this.options.log('info', roleText(leader, this.#told));
    this.#told = leader;
    this.options.onLeader(leader);
  }

  /** Once each way: why nobody is elected, or who else calls himself as we do. */
  #tellTrouble(): void {
    const [trouble] = this.options.election.problems;
    if ((trouble === undefined) === (this.#toldTrouble === undefined)) return;
    this.options.log(trouble === undefined ? 'info' : 'warn', trouble ?? `It is over: ${this.#toldTrouble}`);
    this.#toldTrouble = trouble;
  }

  /** The process must end. The first reason counts. */
  fail(error: Error): void {
    this.#isOver = true;
    this.#settleFailed(error);
    this.options.election.close();
  }

  /** Answers what waits, resigns, takes the lock files away. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.options.election.close();
    this.#askToClose();
    this.#endOpening();
    await this.#running;
    await this.#views?.done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      for (let pause = 0; !this.#isOver; ) {
        const term = await this.options.election.win(pause);
        if (!term) return;
        pause = await this.#serve(term);
      }
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** One term, from its beginning to its end. Answers for how long this member should not stand. */
  async #serve(term: Term): Promise<number> {
    this.#views?.stop();
    const isBegun = await this.#serveUntilOver(term);
    if (!(await term.resign()))
      this.options.log('warn', 'etcd could not be told of the resignation: another leads some seconds later');
    // The directory is touched by one term at a time.
    await this.#lateOpening;
    this.#removeViews();
    this.look();
    if (isBegun) return REST_MS;
    this.#failedTerms += 1;
    return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, this.#failedTerms - 1));
  }

  /** Answers whether it was begun. */
  async #serveUntilOver(term: Term): Promise<boolean> {
    this.#endOpening = () => term.end(new Stopped('The daemon is stopping'));
    if (this.#isOver) this.#endOpening();
    const opened = await this.#open(term);
    this.#endOpening = () => undefined;
    if (!opened) return false;
    const { lockd, store } = opened;
    void term.lost.then((error) => this.#endAtOnce(lockd, error));
    this.#lockd = lockd;
    this.#failedTerms = 0;
    this.#problem = undefined;
    this.look();
    const ending = await Promise.race([this.#closeAsked, endOf(lockd, store, term)]);
    if (ending === 'asked') await this.#close(lockd);
    else await this.#endAtOnce(lockd, await lockd.failed);
    this.#lockd = undefined;
    if (ending === 'defect') this.fail(await lockd.failed);
    return true;
  }

  /** In the very step in which the end is heard of. */
  async #endAtOnce(lockd: Lockd, error: Error): Promise<void> {
    const stopped = lockd.stop(error instanceof Stopped ? error : new Stopped(error.message));
    if (this.#lockd === lockd) {
      this.#lockd = undefined;
      this.options.log('warn', `This term as leader is over: ${error.message}`);
      this.look();
    }
    await stopped.catch((problem: Error) =>
      this.options.log('error', `The term could not be ended in good order: ${problem.message}`),
    );
  }

  async #close(lockd: Lockd): Promise<void> {
    try {
      await lockd.close();
    } catch (error) {
      this.options.log('error', `The term could not be ended in good order: ${(error as Error).message}`);
    }
  }

  async #open(term: Term): Promise<{ lockd: Lockd; store: DaemonStore } | undefined> {
    try {
      const store = await this.options.openStore(term);
      return { store, lockd: await this.#openInTime(store, term) };
    } catch (error) {
      if (!isTrouble(error)) throw error;
      if (!this.#isOver) {
        this.#problem = `${this.options.url} was elected, but could not begin to lead: ${error.message}`;
        this.options.log('error', this.#problem);
      }
      return undefined;
    }
  }

  /** Who leads and cannot begin, as its disk hangs, keeps everybody waiting: another may do better. */
  async #openInTime(store: DaemonStore, term: Term): Promise<Lockd> {
    const { clock, layout } = this.options;
    const late = new Stopped(`${layout.root} has not answered for ${OPEN_MS / 1_000} s`);
    const callOff = clock.after(OPEN_MS, () => term.end(late));
    const opening = this.options.openLockd(store, term);
    try {
      return await Promise.race([opening, term.lost.then((error) => Promise.reject(error))]);
    } catch (error) {
      this.#lateOpening = opening.then(
        (lockd) => lockd.stop(error as Stopped),
        () => undefined,
      );
      throw error;
    } finally {
      callOff();
    }
  }

  /** Who does not lead knows of no lock, and shows none. */
  #removeViews(): void {
    const { disk, layout, id, clock, log } = this.options;
    this.#views = new BesideCalls(clock, () => removeViews(disk, layout, id));
    this.#views.done.catch((error: Error) =>
      log('warn', `Not every lock file of an earlier term could be removed (${error.message})`),
    );
  }
}

function roleText({ isUs, url }: Leader, before: Leader): string {
  if (isUs) return 'Leads';
  if (url !== undefined) return `Follows ${url}`;
  return before.isUs ? 'Leads no more' : 'There is no leader at present';
}

/** Whether an end is that of the term, or a defect: then the store would take turns all the same. */
async function endOf(lockd: Lockd, store: DaemonStore, term: Term): Promise<Ending> {
  let isStopped = false;
  void store.stopped.then(() => {
    isStopped = true;
  });
  await lockd.failed;
  return isStopped || term.left() <= 0 ? 'lost' : 'defect';
}

/** What keeps this member from leading and may be gone later, or is no trouble for another. */
function isTrouble(error: unknown): error is Error {
  return (
    error instanceof Stopped ||
    error instanceof StartRefused ||
    error instanceof KvError ||
    errorCode(error) !== undefined
  );
}
