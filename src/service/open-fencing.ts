/** The fence commands of a daemon, as its options have them. */
import { StartRefused } from '../disk/start-refused.js';
import { CommandRunner, type RunnerLeadership } from '../fencing/command-runner.js';
import { requireFlock } from '../fencing/fence-lock.js';
import type { FenceRunner } from '../fencing/port.js';
import { type FenceRule, FenceRules, parseFenceRule } from '../fencing/rules.js';
import type { MemberOptions } from './member-options.js';
import type { Parts } from './open-parts.js';
import type { LockdOptions } from './options.js';

/**
 * Reads the rules, and opens what runs the commands where it is needed: for these rules, or for a hold that was being fenced
 * when the last daemon ended.
 *
 * @param leadership in whose name the commands run; absent: in that of the directory.
 * @throws StartRefused for a rule that cannot work, and where commands cannot be run safely.
 */
export function openFencing(
  { fence = [], fenceTimeout = 60, fenceRunner, log = () => undefined }: LockdOptions,
  { layout, table, epoch }: Parts,
  leadership?: RunnerLeadership,
): { readonly fenceRules: FenceRules; readonly fenceRunner: FenceRunner | undefined } {
  const fenceRules = new FenceRules(fence.map((text) => readRule(text)));
  const isNeeded = fence.length > 0 || table.fencing > 0;
  const open = () =>
    CommandRunner.open({
      layout,
      timeoutMs: fenceTimeout * 1_000,
      log,
      isOwner: () => epoch.isMine(),
      ...(leadership && { leadership }),
    });
  return { fenceRules, fenceRunner: fenceRunner ?? (isNeeded ? open() : undefined) };
}

/** What `openFencing` would refuse. Throws `StartRefused`. */
export function checkFencing({
  fence = [],
  makeFenceRunner,
}: Pick<MemberOptions, 'fence' | 'makeFenceRunner'>): void {
  for (const text of fence) readRule(text);
  if (fence.length > 0 && !makeFenceRunner) requireFlock();
}

function readRule(text: string): FenceRule {
  const rule = parseFenceRule(text);
  if ('problem' in rule) throw new StartRefused(`--fence ${rule.problem}`);
  return rule;
}
