/**
 * A network of its own: a router, and one namespace behind it for each node. This process is behind the router as well, by
 * one link out of its own namespace. What is cut is dropped by the router without a word, one direction at a time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { atLast } from '../at-last.js';
import { run } from '../wide/mounts.js';

/** Where packets come from and go to: the number of a node, counted from 1; `LAB` is this process. */
export type Site = number;

export const LAB: Site = 0;

/** All that one direction between two sites carries. */
export interface Direction {
  readonly from: Site;
  readonly to: Site;
}

/** Rules of the router with this priority are cuts. */
const CUTS = '100';

/** Reads until its input ends, as it does with this process at the latest; then nothing of the network is left. */
const GUARD = `
cat > /dev/null
link=$1 directory=$2
shift 2
ip link del "$link"
for space; do
  for id in $(ip netns pids "$space"); do kill -9 "$id"; done
  ip netns del "$space"
done
rm -rf "$directory"
`;

let count = 0;

export class Network {
  readonly #name: string;
  readonly #link: string;
  /** The first three numbers of every address. */
  readonly #net: string;
  /** Whose links are. */
  readonly #slow = new Set<Site>();

  /**
   * Makes it, for so many nodes. It ends with the experiment, and then so do all processes in it and `directory`: also
   * when this process is killed.
   */
  constructor(nodes: number, directory: string) {
    count += 1;
    this.#name = `lockd-${process.pid}-${count}`;
    this.#link = `lk${process.pid}-${count}`;
    this.#net = freeNet();
    const sites = Array.from({ length: nodes + 1 }, (_, site) => site);
    const spaces = [this.#router, ...sites.filter((site) => site !== LAB).map((site) => this.#space(site))];
    guard(this.#link, directory, ...spaces);
    for (const space of spaces) run('ip', 'netns', 'add', space);
    // Answers may come by a way that a cut has closed for questions.
    const settings = ['conf/all/rp_filter', 'conf/default/rp_filter'].map((name) => `echo 0 > ${name}`);
    const script = ['cd /proc/sys/net/ipv4', ...settings, 'echo 1 > ip_forward'].join(' && ');
    run('ip', 'netns', 'exec', this.#router, 'sh', '-c', script);
    for (const site of sites) this.#connect(site);
  }

  address(site: Site): string {
    return `${this.#net}.${4 * site + 2}`;
  }

  /** A command line that runs the one behind it there. */
  through(site: Site): string[] {
    return ['ip', 'netns', 'exec', this.#space(site)];
  }

  /** Drops whatever goes in these directions, from now on. */
  cut(directions: readonly Direction[]): void {
    this.#rules(
      directions.map(({ from, to }) => {
        return `rule add blackhole from ${this.address(from)} to ${this.address(to)} priority ${CUTS}`;
      }),
    );
  }

  /** Undoes all cuts, and all links are fast again. */
  heal(): void {
    this.#rules([`rule flush priority ${CUTS}`]);
    for (const site of [...this.#slow]) {
      run('tc', '-n', this.#router, 'qdisc', 'del', 'dev', linkOf(site), 'root');
      this.#slow.delete(site);
    }
  }

  /** What goes to a node waits in a queue that so many kilobits leave each second, and that holds a second of them. */
  slow(site: Site, kilobits: number): void {
    const words = ['rate', `${kilobits}kbit`, 'burst', '2kb', 'latency', '1s'];
    run('tc', '-n', this.#router, 'qdisc', 'replace', 'dev', linkOf(site), 'root', 'tbf', ...words);
    this.#slow.add(site);
  }

  get #router(): string {
    return `${this.#name}-router`;
  }

  #space(site: Site): string {
    return `${this.#name}-${site}`;
  }

  #rules(lines: readonly string[]): void {
    for (const line of lines) run('ip', '-n', this.#router, ...line.split(' '));
  }

  /** One link from a site to the router, and all further ways over it. */
  #connect(site: Site): void {
    const router = `${this.#net}.${4 * site + 1}`;
    const isLab = site === LAB;
    const [inside, name] = isLab ? [[], this.#link] : [['-n', this.#space(site)], 'eth0'];
    const there = (...words: string[]) => run('ip', ...inside, ...words);
    const here = (...words: string[]) => run('ip', '-n', this.#router, ...words);
    there('link', 'add', name, 'type', 'veth', 'peer', 'name', linkOf(site), 'netns', this.#router);
    here('addr', 'add', `${router}/30`, 'dev', linkOf(site));
    here('link', 'set', linkOf(site), 'up');
    there('addr', 'add', `${this.address(site)}/30`, 'dev', name);
    there('link', 'set', name, 'up');
    if (!isLab) there('link', 'set', 'lo', 'up');
    there('route', 'add', isLab ? `${this.#net}.0/24` : 'default', 'via', router);
  }
}

/** What the router calls its link to a site. */
function linkOf(site: Site): string {
  return `to${site}`;
}

/** A part of the range for measurements (RFC 2544) that nobody else on this machine uses. */
function freeNet(): string {
  for (let tries = 0; tries < 256; tries += 1) {
    const net = `198.18.${(process.pid + count + tries) % 256}`;
    if (run('ip', '-o', 'addr', 'show', 'to', `${net}.0/24`).trim() === '') return net;
  }
  throw new Error('198.18.0.0/16 is in use; nothing is left of it for a network of our own');
}

/** Runs the guard in a session of its own, so that what ends this process in a terminal does not end it. */
function guard(...words: readonly string[]): void {
  const child = spawn('sh', ['-c', GUARD, 'sh', ...words], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(child, 'exit');
  atLast(async () => {
    child.stdin?.end();
    await ended;
  });
}
