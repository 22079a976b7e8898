/**
 * Tests that need more than Node say so here. Where it is absent they are skipped, by name; where LOCKD_TEST_REQUIRE is
 * set, as in CI, they fail instead, so that nothing is silently left out.
 */
import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

/** `root`, or the name of a program on the PATH. */
export type Need =
  | 'root'
  | 'chromium'
  | 'python3'
  | 'curl'
  | 'openssl'
  | 'flock'
  | 'ruby'
  | 'perl'
  | 'ansible-playbook'
  | 'php'
  | 'strace'
  | 'mkfs.ext4'
  | 'mkfs.xfs'
  | 'xfs_io'
  | 'chattr'
  | 'prlimit'
  | 'setpriv'
  | 'systemd-analyze'
  | 'systemd-notify'
  | 'prometheus'
  | 'promtool';

function isThere(need: Need): boolean {
  if (need === 'root') return process.geteuid?.() === 0;
  return spawnSync('sh', ['-c', `command -v ${need}`], { stdio: 'ignore' }).status === 0;
}

/** A `describe` whose tests run only where all of `needs` are there. */
export function describeWith(needs: readonly Need[], name: string, define: () => void): void {
  const absent = needs.filter((need) => !isThere(need));
  if (absent.length === 0) return void describe(name, define);
  const title = `${name} (needs ${absent.join(', ')})`;
  if (process.env.LOCKD_TEST_REQUIRE === undefined) return void describe.skip(title, define);
  test(title, () => {
    throw new Error(`LOCKD_TEST_REQUIRE is set, but ${absent.join(', ')} is not here; install it`);
  });
}
