/** The signals that are sent to us but are meant for the command. */
import { isInForeground, leadsSession } from './processes.js';

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

export type PassedOn = (typeof PASSED_ON)[number];

/** Those that ask for an end. */
export const ENDING: ReadonlySet<PassedOn> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** What a terminal sends to a whole process group: at ^C and ^\, and when it goes away. */
const FROM_TERMINAL: ReadonlySet<PassedOn> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/**
 * Calls `onSignal` for every such signal, until what it answers is called. SIGHUP too: that `nohup` had it ignored cannot be
 * known, for Node makes every signal what it is by default before any of our lines runs.
 */
export function listen(onSignal: (signal: PassedOn) => void): () => void {
  const forgets = PASSED_ON.map((signal) => {
    const listener = () => onSignal(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const forget of forgets) forget();
  };
}

/**
 * Whether a command in our process group has got a signal itself: the terminal sends those of its keys to the whole
 * group. Where it came from cannot be told, so that one sent by hand counts as the terminal's too.
 */
export function reachesGroupItself(signal: PassedOn, wasInForeground: boolean): boolean {
  if (!FROM_TERMINAL.has(signal)) return false;
  // A terminal that hangs up is gone when we hear of it, and tells the leader of its session alone: mostly a shell, by whose
  // end the others hear of it, but us where `ssh -t` runs nothing else.
  return signal === 'SIGHUP' ? wasInForeground && !leadsSession() : isInForeground();
}
