/** A run as a person reads it: what happened, in order, and what it breaks. */
import type { Result } from './run.js';

export function storyText({ seed, story, violations }: Result): string {
  const lines = story.map(
    ({ at, who, what }) => `${(at / 1_000).toFixed(4).padStart(10)} ${who.padEnd(16)} ${what}`,
  );
  const broken = violations.map(({ rule, at, text }) => `  ${rule} at ${(at / 1_000).toFixed(3)} s: ${text}`);
  return [`Seed ${seed}:`, ...lines, `Seed ${seed} breaks:`, ...broken].join('\n');
}
