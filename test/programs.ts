/** What a test or a command may need beside Node. */
import { spawnSync } from 'node:child_process';

/** `root`, `network namespaces` of our own, or the name of a program on the PATH. */
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
  | 'etcd'
  | 'prlimit'
  | 'setpriv'
  | 'systemd-analyze'
  | 'systemd-notify'
  | 'prometheus'
  | 'promtool'
  | 'ip'
  | 'tc'
  | 'network namespaces';

/** Those of `needs` that are not here. */
export function absentOf(needs: readonly Need[]): Need[] {
  return needs.filter((need) => !isThere(need));
}

function isThere(need: Need): boolean {
  if (need === 'root') return process.geteuid?.() === 0;
  if (need === 'network namespaces') return mayMakeNetworks();
  return spawnSync('sh', ['-c', `command -v ${need}`], { stdio: 'ignore' }).status === 0;
}

/** Not every root may: one in a container, say. */
function mayMakeNetworks(): boolean {
  const name = `lockd-probe-${process.pid}`;
  const ip = (...words: string[]) => spawnSync('ip', words, { stdio: 'ignore' }).status === 0;
  return ip('netns', 'add', name) && ip('netns', 'del', name);
}
