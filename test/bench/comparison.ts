/** Pairs of lock and unlock beside the other servers, in turn, so that the ratios hold where the machine's speed does not. */
import { join } from 'node:path';
import { absentOf } from '../programs.js';
import { etcdPair, startEtcd } from './etcd.js';
import { type LoadKind, type LoadResult, lockPair, type Pair, runLoad } from './load.js';
import { measureCalls } from './processor.js';
import { type RunningServer, startEcho, startLockd, startPackage } from './servers.js';
import { median } from './table.js';

export const ECHO = 'node:http echo';
export const ETCD = 'etcd';

export interface Row {
  readonly connections: number;
  readonly server: string;
  readonly pairsPerSecond: number;
  /** Milliseconds for one pair. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server for each call. */
  readonly microseconds: number;
  /** lockd's pairs per second over this server's: the median of the rounds. */
  readonly ratio: number;
}

export interface ComparisonOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

/** One that is measured: lockd, or what it is compared with. */
export interface Contestant {
  readonly name: string;
  readonly server: RunningServer;
  readonly pairFor: (name: string) => Pair;
}

interface Round extends LoadResult {
  readonly microseconds: number;
}

/** Measures all servers; etcd only where it is there. The first row is lockd's. */
export async function compare(connections: number, options: ComparisonOptions): Promise<Row[]> {
  const contestants: Contestant[] = [];
  const add = async (name: string, starting: Promise<RunningServer>, pairFor = lockPair) =>
    contestants.push({ name, server: await starting, pairFor });
  try {
    await add('lockd', startLockd(join(options.directory, `locks-${connections}`)));
    await add(ECHO, startEcho());
    await add('package xmlrpc', startPackage());
    if (absentOf(['etcd']).length === 0)
      await add(ETCD, startEtcd(join(options.directory, `etcd-${connections}`)), etcdPair);
    else options.progress('etcd is not here (Debian: etcd-server), and is left out');
    return await measureInTurn(connections, contestants, options);
  } finally {
    await Promise.all(contestants.map(({ server }) => server.stop()));
  }
}

/** Measures them in turn, round after round; the first is lockd, to which the ratios of the others refer. */
export async function measureInTurn(
  connections: number,
  contestants: readonly Contestant[],
  { rounds, seconds, kind, progress }: ComparisonOptions,
): Promise<Row[]> {
  const run = async ({ server, pairFor }: Contestant): Promise<Round> => {
    let result: LoadResult | undefined;
    const { microseconds } = await measureCalls(server, async () => {
      result = await runLoad({ url: server.url, kind, connections, seconds, pairFor });
      return result;
    });
    return { ...(result as LoadResult), microseconds };
  };
  for (const contestant of contestants) await run(contestant);
  const runs = contestants.map((): Round[] => []);
  for (let round = 1; round <= rounds; round += 1) {
    progress(`${connections} connections, round ${round} of ${rounds}`);
    for (const [index, contestant] of contestants.entries()) runs[index]?.push(await run(contestant));
  }
  const [lockd = []] = runs;
  return contestants.map(({ name }, index) => rowOf(connections, name, runs[index] ?? [], lockd));
}

function rowOf(connections: number, server: string, runs: readonly Round[], lockd: readonly Round[]): Row {
  const middle = (figure: (run: Round) => number) => median(runs.map(figure));
  return {
    connections,
    server,
    pairsPerSecond: middle((run) => run.pairsPerSecond),
    p50: middle((run) => run.p50),
    p99: middle((run) => run.p99),
    microseconds: middle((run) => run.microseconds),
    ratio: median(
      runs.map((run, round) => (lockd[round]?.pairsPerSecond ?? Number.NaN) / run.pairsPerSecond),
    ),
  };
}
