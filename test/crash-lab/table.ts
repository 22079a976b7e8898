/** The results of the laboratory as a Markdown table, as the README shows it. */
import { BREACHES } from '../crash/breaches.js';
import type { Tally } from './tally.js';

export interface Result {
  /** What was done. */
  readonly name: string;
  /** How often. */
  readonly times: number;
  /** A negative control must find what everything else must not. */
  readonly isControl: boolean;
  readonly tally: Tally;
}

const HEAD = [
  'what was done',
  'times',
  'acknowledged',
  'refused',
  'lost locks',
  'resurrected unlocks',
  'refused, yet done',
  'reused tokens',
  'anything else',
];

/** A number as people read it. */
function number(value: number): string {
  return value.toLocaleString('en');
}

/** Rows with a line of their own for the sum of all that must find nothing; controls stand below it. */
export function markdownTable(results: readonly Result[]): string {
  const honest = results.filter(({ isControl }) => !isControl);
  const controls = results.filter(({ isControl }) => isControl);
  const rows = [...honest.map(rowOf), sumOf(honest), ...controls.map(rowOf)];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = line(HEAD.map((_, column) => (column === 0 ? '---' : '--:')));
  return [line(HEAD), rule, ...rows.map(line)].join('\n');
}

function rowOf({ name, times, tally }: Result): string[] {
  const { acknowledged, refused, breaches } = tally;
  return [name, ...[times, acknowledged, refused, ...BREACHES.map((breach) => breaches[breach])].map(number)];
}

function sumOf(results: readonly Result[]): string[] {
  const rows = results.map(rowOf).map((row) => row.slice(1).map((cell) => Number(cell.replaceAll(',', ''))));
  const sums = HEAD.slice(1).map((_, column) => rows.reduce((sum, row) => sum + (row[column] ?? 0), 0));
  return ['**all**', ...sums.map((sum) => `**${number(sum)}**`)];
}

/** Whether every promise was kept, and every control found that it was not. */
export function isGood(results: readonly Result[]): boolean {
  return results.every(({ isControl, tally }) => isControl === tally.problems.length > 0);
}
