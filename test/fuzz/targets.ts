/** All that is fuzzed. */
import { adoptionTarget } from './adoption-target.js';
import { answersTarget } from './answers-target.js';
import { journalTarget } from './journal-target.js';
import type { Target } from './target.js';
import { usersTarget } from './users-target.js';
import { xmlrpcTarget } from './xmlrpc-target.js';

export const TARGETS: readonly Target[] = [
  xmlrpcTarget,
  journalTarget,
  adoptionTarget,
  answersTarget,
  usersTarget,
];

/** @throws RangeError */
export function targetNamed(name: string): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (target) return target;
  throw new RangeError(`no target '${name}'; there are: ${TARGETS.map((one) => one.name).join(', ')}`);
}
