/** Asks the daemon of the page who leads its cluster. */
import { NotLeading, problemIn, readLeader } from './leader.js';

/**
 * Asks a daemon that sent us on why, and where to: a browser does not show that, and does not let the page follow. Rejects
 * where that cannot be had.
 */
export async function askWhoLeads(signal: AbortSignal): Promise<NotLeading> {
  const response = await fetch('/readyz', { cache: 'no-store', credentials: 'omit', signal }).catch(
    (): never => {
      throw new Error('The daemon cannot be reached');
    },
  );
  const leader = readLeader(response.headers.get('X-Lockd-Leader'));
  return new NotLeading(problemIn(await response.text()) ?? 'This daemon does not lead its cluster', leader);
}
