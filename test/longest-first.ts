/**
 * The order of test files: those that take longest come first, so that none of them is left to run by itself at the end. Of
 * the others vitest knows nothing on a fresh checkout, and begins with the largest.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take more than a small part of the whole, the longest first; one that is not there changes nothing. */
const LONGEST = [
  'test/clients/failover.test.ts',
  'test/client/lost-answers.test.ts',
  'test/crash/kill.test.ts',
  'test/simulation/simulation.test.ts',
  'test/gate/race.test.ts',
  'test/clients/shell-loss.test.ts',
  'test/cli/run-loss.test.ts',
  'test/crash/stopped-daemon.test.ts',
  'test/gate/gate.test.ts',
  'test/crash/readers.test.ts',
  'test/http/mutated-bodies.test.ts',
  'test/clients/agreement.test.ts',
  'test/clients/python-hold.test.ts',
  'test/clients/python-usage.test.ts',
  'test/clients/python-command.test.ts',
  'test/clients/shell-terminal.test.ts',
  'test/cli/run.test.ts',
  'test/cli/refusal-lines.test.ts',
  'test/clients/python-run.test.ts',
  'test/cli/several-addresses.test.ts',
  'test/crash/events.test.ts',
  'test/crash/fenced-restart.test.ts',
  'test/wide/cluster-lab.wide.test.ts',
  'test/wide/killed-lines.wide.test.ts',
  'test/wide/failing-calls.wide.test.ts',
  'test/wide/gate-race.wide.test.ts',
  'test/wide/storage-failure.wide.test.ts',
  'test/crash-lab/crash-lab.wide.test.ts',
  'test/cluster/daemons.wide.test.ts',
  'test/clients/failover.wide.test.ts',
  'test/clients/shell-cuts.wide.test.ts',
  'test/wide/slow-event-readers.wide.test.ts',
  'test/wide/full-disk.wide.test.ts',
  'test/page/meanwhile.wide.test.ts',
  'test/page/story.wide.test.ts',
];

function place({ moduleId, project }: TestSpecification): [group: number, place: number] {
  const place = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
  return [project.config.sequence.groupOrder, place < 0 ? LONGEST.length : place];
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => {
      const [[groupOfA, placeOfA], [groupOfB, placeOfB]] = [place(a), place(b)];
      return groupOfA - groupOfB || placeOfA - placeOfB;
    });
  }
}
