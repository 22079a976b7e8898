/** The fence commands of `lockd serve`: read from their flags, and checked for what cannot have been meant. */
import { type FenceRule, parseFenceRule } from '../fencing/rules.js';
import { UsageError } from './usage-error.js';

/** Matches every resource: what --fence-command stands for. */
const EVERYTHING = '*';

/** `PATTERN=COMMAND`. Throws `UsageError` with a phrase: `must be ...`. */
export function fenceRule(given: string): FenceRule {
  const rule = parseFenceRule(given);
  if ('problem' in rule) throw new UsageError(rule.problem);
  return rule;
}

/** The path of a command that fences every resource. Throws `UsageError` with a phrase. */
export function fenceCommand(given: string): FenceRule {
  return fenceRule(`${EVERYTHING}=${given}`);
}

/**
 * All rules in order, as the daemon takes them: those of --fence, then that of --fence-command.
 *
 * @throws UsageError for a rule that is never used, because an earlier one matches all that it does.
 */
export function fenceRules(rules: readonly FenceRule[], forAll: FenceRule | undefined): string[] {
  const all = forAll === undefined ? rules : [...rules, forAll];
  for (const [index, rule] of all.entries()) {
    const earlier = all
      .slice(0, index)
      .find(({ pattern }) => pattern === rule.pattern || pattern === EVERYTHING);
    if (earlier === undefined) continue;
    const name = rule === forAll ? `--fence-command ${rule.command}` : `--fence '${ruleText(rule)}'`;
    throw new UsageError(
      `${name} would never be used: the first match counts, and --fence '${ruleText(earlier)}' comes before it. ` +
        'Remove one of them',
    );
  }
  return all.map(ruleText);
}

function ruleText({ pattern, command }: FenceRule): string {
  return `${pattern}=${command}`;
}
