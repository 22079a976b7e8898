/** Stand-ins for what surrounds a command, and daemons for it to talk to. */
import { onTestFinished } from 'vitest';
import { type Daemon, startDaemon } from '../../src/cli/daemon.js';
import { runCommandLine } from '../../src/cli/run-command-line.js';
import { parseListenAddress } from '../../src/http/addresses.js';
import { listen } from '../../src/http/server.js';
import type { LockService } from '../../src/service/api.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { temporaryDirectory } from '../temporary-directory.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Around {
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
}

/** Runs a command line in this process. */
export function run(words: readonly string[], around: Around = {}): Promise<Ran> {
  return start(words, around).ended;
}

/** The same, to be looked at while it runs: what it has written so far. */
export function start(words: readonly string[], { environment = {}, isTTY = false }: Around = {}) {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write(text: string) {
      written[name] += text;
    },
  });
  const world = { environment, stdout: output('stdout'), stderr: output('stderr') };
  const ended = runCommandLine(words, world).then((status): Ran => ({ status, ...written }));
  return { written, ended };
}

const ANY_PORT = [parseListenAddress('127.0.0.1:0')];

/** A real daemon on a port of its own; ends with the test. */
export async function realDaemon(
  directory = temporaryDirectory(),
): Promise<Daemon & { readonly url: string }> {
  const daemon = await startDaemon({ directory, addresses: ANY_PORT, log: () => undefined });
  onTestFinished(() => daemon.close());
  return { ...daemon, url: daemon.urls[0] ?? '' };
}

/** A service behind real HTTP and XML-RPC, for answers that a real daemon gives only in distress. Answers its URL. */
export async function serviceBehindHttp(service: Partial<LockService>): Promise<string> {
  const server = await listen({ service: service as LockService, handleCall, addresses: ANY_PORT });
  onTestFinished(() => server.close());
  return server.urls[0] ?? '';
}
