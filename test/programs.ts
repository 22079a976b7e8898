/** What a test or a command may need beside Node. */
import { spawnSync } from 'node:child_process';

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
  | 'etcd'
  | 'prlimit'
  | 'setpriv'
  | 'systemd-analyze'
  | 'systemd-notify'
  | 'prometheus'
  | 'promtool';

/** Those of `needs` that are not here. */
export function absentOf(needs: readonly Need[]): Need[] {
  return needs.filter((need) => !isThere(need));
}

function isThere(need: Need): boolean {
  if (need === 'root') return process.geteuid?.() === 0;
  return spawnSync('sh', ['-c', `command -v ${need}`], { stdio: 'ignore' }).status === 0;
}
