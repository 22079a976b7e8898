/** The status of one resource on a page: its holders with their leases, its line, its fencing, and what to do. */
import type { Fence, Hold, Place } from '../core/answers.js';
import type { FileStatus } from '../service/api.js';
import { commandFor } from './connection.js';
import { sinceText, spanText, utcText } from './moments.js';
import { printable } from './printable.js';
import { paintState } from './state.js';
import { factLines } from './table.js';
import type { Terminal } from './terminal.js';

type Facts = (readonly [name: string, value: string])[];

export function resourceStatusText(found: FileStatus, urls: readonly URL[], terminal: Terminal): string {
  const { resource, state, limit, held, holders, fence = [], file } = found;
  const lines = [`${printable(resource)}: ${paintState(printable(state), terminal)}`];
  if (limit > 1) lines.push(...factLines([['holders', `${held} of at most ${limit}`]]));
  for (const hold of holders) lines.push(...factLines(holdFacts(hold, fence)));
  if (held > holders.length) lines.push(`  and ${(held - holders.length).toLocaleString('en')} more`);
  lines.push(...factLines(lineFacts(found)));
  lines.push(...factLines([['file', state === 'free' ? `${file} (not there at present)` : file]]));
  return [...lines, ...nextSteps(found, urls)].join('\n');
}

function holdFacts(hold: Hold, fence: readonly Fence[]): Facts {
  const { client, state, acquired, token, from, note } = hold;
  const runs = fence.find((one) => one.token === token);
  const facts: Facts = [
    [state === 'held' ? 'holder' : 'lost by', client],
    ['since', sinceText(acquired)],
  ];
  if (state === 'held') facts.push(['lease', leaseText(hold)]);
  if (state === 'delayed') facts.push(['state', 'delayed: the lock-delay runs']);
  if (runs) facts.push(['fencing', fenceText(runs)]);
  facts.push(['token', token], ['from', from]);
  if (note !== undefined) facts.push(['note', note]);
  return facts;
}

function leaseText({ ttl, left, expires }: Hold): string {
  if (ttl === undefined || left === undefined) return 'none: held until it is unlocked';
  const until = expires === undefined ? '' : `, until ${utcText(expires)}`;
  return `${spanText(left)} left of ${spanText(ttl)}${until}`;
}

function fenceText({ tries, lastError, nextTry }: Fence): string {
  const failed = `failed ${tries === 1 ? 'once' : `${tries.toLocaleString('en')} times`}`;
  const before = tries === 0 ? '' : `${failed}${lastError === undefined ? '' : `, last with ${lastError}`}; `;
  return `${before}${nextTry === undefined ? 'runs now' : `runs again at ${utcText(nextTry)}`}`;
}

function lineFacts({ waiting, queue }: FileStatus): Facts {
  if (waiting === 0) return [];
  const more = waiting - queue.length;
  const facts: Facts = [['waiting', waiting.toLocaleString('en')], ...queue.map(placeFact)];
  return more > 0 ? [...facts, ['', `and ${more.toLocaleString('en')} more`]] : facts;
}

function placeFact({ position, client, since, note }: Place): Facts[number] {
  const noteText = note === undefined ? '' : `, note: ${note}`;
  return ['', `${position}. ${client} since ${sinceText(since)}${noteText}`];
}

/** What an operator can do, where something needs one. */
function nextSteps({ resource, state, fence = [] }: FileStatus, urls: readonly URL[]): string[] {
  const steps = fence.map(({ client, token }) => {
    const confirm = commandFor(urls, 'confirm-fenced', [resource], ['--reason', 'WHY', '--token', token]);
    return printable(`  If '${client}' can do no more harm for certain: ${confirm}`);
  });
  if (state === 'unreadable') {
    const force = commandFor(urls, 'force-unlock', [resource], ['--reason', 'WHY']);
    steps.push(`  The file cannot be read. Look at it; if nobody needs the lock: ${force}`);
  }
  return steps;
}
