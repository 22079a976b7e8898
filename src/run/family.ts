/**
 * All processes that belong to a command, to be ended with it: its session and process group where it has its own; whatever
 * descends from it; and whatever was started with its marks in the environment, which its orphans have too. Out of sight is
 * only what left all of these before it was looked for, and what another user may not be looked at.
 */
import { environmentOf, livingProcess, livingProcesses, type Process } from './processes.js';

export interface FamilyOptions {
  /** The command's process. */
  readonly id: number;
  /** Whether it leads a session, and so a process group, of its own. */
  readonly isLeader: boolean;
  /** `NAME=VALUE`s that together only this command's environment has. */
  readonly marks: readonly string[];
}

export class Family {
  /** Members that were seen: of an orphan, nothing else may tell afterwards. */
  readonly #known = new Set<string>();
  /** Those whose environment has no such marks. */
  readonly #strangers = new Set<string>();

  /** To be made in the turn that started the command: nobody else can have its number then. */
  constructor(private readonly options: FamilyOptions) {
    const command = livingProcess(options.id);
    if (command) this.#known.add(nameOf(command));
  }

  /** Sends a signal to every member; answers the numbers of those that were alive. */
  async signal(signal: NodeJS.Signals): Promise<readonly number[]> {
    const { id, isLeader } = this.options;
    const members = this.#look();
    const inGroup = members.filter(({ group }) => isLeader && group === id);
    // All of the group in one go: none of it can fork itself out of the way.
    if (inGroup.length > 0) send(-id, signal);
    for (const member of members) if (!inGroup.includes(member)) send(member.id, signal);
    const marked = await this.#lookAtMarks();
    for (const member of marked) send(member.id, signal);
    return numbersOf([...members, ...marked]);
  }

  /** The numbers of the members that are alive. */
  async alive(): Promise<readonly number[]> {
    return numbersOf([...this.#look(), ...(await this.#lookAtMarks())]);
  }

  /** The living members that can be told without a look at environments. */
  #look(): Process[] {
    const all = livingProcesses();
    if (all.length === 0) return this.#lookWithoutProc();
    const members = new Map<number, Process>();
    let others = all.filter(({ id }) => id !== process.pid);
    for (let count = -1; count !== members.size; ) {
      count = members.size;
      others = others.filter((other) => {
        if (!this.#isMember(other) && !members.has(other.parent)) return true;
        members.set(other.id, other);
        return false;
      });
    }
    for (const member of members.values()) this.#known.add(nameOf(member));
    return [...members.values()];
  }

  /** There is no /proc, or we would have seen ourselves: what is left is the group, or the command alone. */
  #lookWithoutProc(): Process[] {
    const { id, isLeader } = this.options;
    const isAlive = send(isLeader ? -id : id, 0);
    return isAlive ? [{ id, parent: 0, group: id, session: id, started: '' }] : [];
  }

  #isMember(other: Process): boolean {
    const { id, isLeader } = this.options;
    if (isLeader && (other.group === id || other.session === id)) return true;
    return this.#known.has(nameOf(other));
  }

  /** Living members that only their environment tells. */
  async #lookAtMarks(): Promise<Process[]> {
    const { marks } = this.options;
    const unknown = livingProcesses().filter(
      (other) =>
        other.id !== process.pid && !this.#known.has(nameOf(other)) && !this.#strangers.has(nameOf(other)),
    );
    const found = await Promise.all(
      unknown.map(async (other) => {
        const environment = await environmentOf(other.id);
        const isMarked = marks.every((mark) => environment?.includes(mark));
        // One that is about to become another program has none for a moment.
        const isSure = isMarked || environment === undefined || environment.length > 0;
        if (isSure) (isMarked ? this.#known : this.#strangers).add(nameOf(other));
        return isMarked ? [other] : [];
      }),
    );
    return found.flat();
  }
}

function numbersOf(members: readonly Process[]): number[] {
  return members.map(({ id }) => id);
}

function nameOf({ id, started }: Process): string {
  return `${id} ${started}`;
}

/** To a process, or to a group as a negative number; 0 only looks whether there is one. Answers whether it could be sent. */
function send(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(id, signal);
  } catch {
    // It is gone, or another user's: whoever wants to know looks at what is alive.
    return false;
  }
}
