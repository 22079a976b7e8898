/** The names of this machine: what it calls itself, and what its own list of hosts calls it besides. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

const HOSTS_FILE = '/etc/hosts';

/**
 * The machine's own names in lower case, with and without domain. The name service is not asked: it may be slow, and what it
 * says may come from elsewhere.
 */
export function machineNames(own = hostname(), hosts = readHosts()): readonly string[] {
  const name = own.toLowerCase();
  const names = new Set([name, shortName(name)]);
  for (const line of hosts.toLowerCase().split('\n')) {
    const [, ...listed] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!listed.some((one) => one === name || shortName(one) === name)) continue;
    for (const one of listed) names.add(one);
  }
  return [...names].filter((one) => one !== '');
}

function shortName(name: string): string {
  return name.replace(/\..*$/, '');
}

function readHosts(): string {
  try {
    return readFileSync(HOSTS_FILE, 'utf8');
  } catch {
    // Not every system has one; there are other names, and --allow-host.
    return '';
  }
}
