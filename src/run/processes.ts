/** What /proc tells of the processes of this machine. Where there is no /proc, nothing is found. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface Process {
  readonly id: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** When it was started, in ticks since boot: with the number it names one process, although numbers come again. */
  readonly started: string;
}

/** All that are alive; a zombie has nothing but its number left, and can do no more harm. */
export function livingProcesses(): Process[] {
  const names = readIfThere(() => readdirSync('/proc')) ?? [];
  return names.filter((name) => /^\d+$/.test(name)).flatMap((name) => livingProcess(Number(name)) ?? []);
}

/** The process with this number, if it is alive. */
export function livingProcess(id: number): Process | undefined {
  const fields = statFields(id);
  if (!fields || /[ZXx]/.test(fields[0] ?? '')) return undefined;
  const [, parent, group, session] = fields.map(Number);
  return {
    id,
    parent: parent ?? 0,
    group: group ?? 0,
    session: session ?? 0,
    started: fields[19] ?? '',
  };
}

/** From the state on: STATE PARENT GROUP SESSION TERMINAL FOREGROUND-GROUP ... The name before may have blanks and brackets. */
function statFields(id: number | 'self'): string[] | undefined {
  const stat = readIfThere(() => readFileSync(`/proc/${id}/stat`, 'latin1'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/**
 * The `NAME=VALUE`s with which a process, or the one that it was forked from, was started; undefined where this user may
 * not look. Asynchronous: the memory of another process can take its time.
 */
export async function environmentOf(id: number): Promise<readonly string[] | undefined> {
  const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => undefined);
  return environment?.split('\0').filter((variable) => variable !== '');
}

/** Whether our process group is the one to which the terminal sends its signals, and which may read from it. */
export function isInForeground(): boolean {
  const [, , group, , , foreground] = statFields('self') ?? [];
  return group !== undefined && group === foreground;
}

/** Whether our session is our own: nobody stands between us and its terminal. */
export function leadsSession(): boolean {
  const [, , , session] = statFields('self') ?? [];
  return Number(session) === process.pid;
}

/** Processes come and go, and some are none of our business. */
function readIfThere<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
