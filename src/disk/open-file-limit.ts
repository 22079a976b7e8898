/** How many descriptors this process may have. */
import { readFileSync } from 'node:fs';

/** What to assume where the system does not say: the lowest usual limit. */
const ASSUMED = 1_024;

/** The soft limit of open files, which Node raises to the hard one when it starts. */
export function openFileLimit(): number {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return match ? Number(match[1]) : ASSUMED;
  } catch {
    return ASSUMED;
  }
}
