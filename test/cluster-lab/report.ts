/** What came of the rounds, for people. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, describeOutcome, type Violation } from '../history/history.js';
import type { Round } from './round.js';
import { describeEvent, type Story, seconds } from './stories.js';

/** What is left of rounds that are over. */
export class Totals {
  readonly stories: Story[] = [];
  readonly violations: Violation[] = [];
  calls = 0;
  fences = 0;
  readonly #outcomes = new Map<string, number>();

  add({
    stories,
    violations,
    calls,
    fences,
  }: Pick<Round, 'stories' | 'violations' | 'calls' | 'fences'>): void {
    this.stories.push(...stories);
    this.violations.push(...violations);
    this.calls += calls.length;
    this.fences += fences;
    for (const { method, outcome } of calls) {
      const said = outcome?.kind === 'refused' ? outcome.refusal : (outcome?.kind ?? 'no answer');
      const name = `${method}: ${said}`;
      this.#outcomes.set(name, (this.#outcomes.get(name) ?? 0) + 1);
    }
  }

  toString(): string {
    const { stories, violations, calls, fences } = this;
    const outcomes = [...this.#outcomes].sort(([, a], [, b]) => b - a).map((one) => one.join(' '));
    const rules = [...new Set(violations.map(({ rule }) => rule))].join(', ');
    const found = violations.length === 0 ? 'none' : `${violations.length} (${rules})`;
    return [
      faultTable(stories),
      `${calls} calls: ${outcomes.join(', ')}`,
      `${fences} fence commands`,
      `findings: ${found}`,
    ].join('\n\n');
  }
}

/** Each fault: how often, how often it hit the leader, and how long no change was answered. */
function faultTable(stories: readonly Story[]): string {
  const names = [...new Set(stories.map(({ fault }) => fault.name))].sort();
  const rows = names.map((name) => {
    const own = stories.filter(({ fault }) => fault.name === name);
    const failovers = own.flatMap(({ hitLeader, failoverMs }) =>
      hitLeader && failoverMs ? [failoverMs] : [],
    );
    const cells = [
      own.length,
      own.filter(({ hitLeader }) => hitLeader).length,
      failovers.length === 0 ? '' : seconds(median(failovers)),
      failovers.length === 0 ? '' : seconds(Math.max(...failovers)),
      seconds(Math.max(...own.map(({ silenceMs }) => silenceMs))),
    ];
    return [name, ...cells];
  });
  const head = ['fault', 'times', 'hit the leader', 'failover, median', 'longest', 'longest silence'];
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Keeps all that is known of a round, to look for the cause of what it broke. Answers where. */
export function keep({ seed, calls, stories, sightings, violations, logs }: Round): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockd-cluster-lab-'));
  const at = (moment: number) => (moment / 1_000).toFixed(3).padStart(9);
  const story = [
    ...violations.map((one) => ({ at: one.at, text: `!! ${one.rule}: ${one.text}` })),
    ...stories.flatMap((event) => [
      {
        at: event.began,
        text: `** ${describeEvent(event)}: no change for up to ${seconds(event.silenceMs)}`,
      },
      { at: event.ended, text: `** put right: ${event.fault.name}` },
    ]),
    ...sightings
      .filter((one, index) => one.createRevision !== sightings[index - 1]?.createRevision)
      .map((one) => ({ at: one.answered, text: `-- leads: ${one.url || 'nobody'} (${one.createRevision})` })),
    ...calls.flatMap((call) => [
      { at: call.started, text: `-> ${new URL(call.daemon).hostname} ${describe(call)}` },
      ...(call.outcome
        ? [{ at: call.ended ?? 0, text: `<- ${describe(call)}: ${describeOutcome(call.outcome)}` }]
        : []),
    ]),
  ].sort((a, b) => a.at - b.at);
  writeFileSync(
    join(directory, 'story'),
    `seed ${seed}\n${story.map((entry) => `${at(entry.at)} ${entry.text}`).join('\n')}\n`,
  );
  mkdirSync(join(directory, 'logs'));
  for (const [name, text] of logs) writeFileSync(join(directory, 'logs', name), text);
  return directory;
}
