/** How a daemon gets at its directory: whether it may hold locks, and that nobody else runs there. A port, for simulations. */
import { type Claim, claimDirectory, type Progress } from './claim.js';
import { type CheckedDirectory, type DirectoryRules, prepareDirectory } from './directory-checks.js';
import type { Layout } from './layout.js';

export interface DirectoryAccess {
  /** Makes or checks the lock directory. Throws `StartRefused` where locks would not be safe. */
  prepare(directory: string, rules: DirectoryRules): CheckedDirectory;
  /** Keeps other daemons out, or throws `StartRefused` saying who is there. `progress` is told why it takes long. */
  claim(layout: Layout, progress: Progress): Promise<Claim>;
}

/** By the file system of this machine. */
export const nodeDirectoryAccess: DirectoryAccess = { prepare: prepareDirectory, claim: claimDirectory };
