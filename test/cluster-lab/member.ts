/** A member of etcd: three of them are the cluster that three daemons keep their locks in. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atLast } from '../at-last.js';

export interface MemberOptions {
  readonly name: string;
  readonly address: string;
  /** The addresses of all members, by name. */
  readonly peers: ReadonlyMap<string, string>;
  readonly directory: string;
  /** A command line that runs the one behind it at its place. */
  readonly through: readonly string[];
  /** It takes nothing more once its data have so many bytes. */
  readonly quotaBytes: number;
}

const PEERS = 2380;
const CLIENTS = 2379;

/** The address by which clients reach the member at `address`. */
export function memberUrl(address: string): string {
  return `http://${address}:${CLIENTS}`;
}

export class Member {
  /** What it wrote, all starts after one another. */
  log = '';
  #child: ChildProcess | undefined;

  constructor(readonly options: MemberOptions) {
    atLast(() => this.kill());
  }

  get isAlive(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it, also on what it left behind. Not yet ready. */
  start(): void {
    const { name, address, peers, directory, through, quotaBytes } = this.options;
    const [client, peer] = [memberUrl(address), `http://${address}:${PEERS}`];
    const flags = {
      name,
      'data-dir': directory,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': [...peers].map(([other, at]) => `${other}=http://${at}:${PEERS}`).join(),
      'quota-backend-bytes': quotaBytes,
      logger: 'zap',
      'log-level': 'warn',
    };
    const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const [program = '', ...rest] = [...through, 'etcd', ...words];
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk) => {
      this.log += chunk;
    });
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    this.#child = child;
  }

  /** Sends a signal, as `kill` does. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it at once, if it has not ended yet. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
