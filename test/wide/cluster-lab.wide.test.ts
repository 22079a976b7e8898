/** The cluster laboratory in three minutes. The long form, and the controls: `npm run cluster-lab`. */
import { expect, test } from 'vitest';
import { experiment } from '../at-last.js';
import { NEEDS } from '../cluster-lab/needs.js';
import { keep, Totals } from '../cluster-lab/report.js';
import { playRound } from '../cluster-lab/round.js';
import { describeWith } from '../needs.js';
import { chooseSeed } from '../random.js';

/** For how long faults begin: the start, the end and the checking come on top. */
const FAULTS_MS = 150_000;

/** A machine under load takes longer for all but the faults. */
const TIMEOUT_MS = 420_000;

describeWith(NEEDS, 'the cluster laboratory', () => {
  test(
    'three members, three daemons, one fault after another',
    async () => {
      const seed = chooseSeed();
      console.log(`--seed ${seed}`);
      const round = await experiment(() => playRound({ seed, milliseconds: FAULTS_MS }));
      const { stories, calls, fences, violations } = round;
      const totals = new Totals();
      totals.add(round);
      console.log(String(totals));
      const where = violations.length > 0 ? `; all that is known is in ${keep(round)}` : '';
      expect(violations, `--seed ${seed}${where}`).toEqual([]);
      // It tried something, and the cluster went on.
      expect(stories.filter(({ failoverMs }) => failoverMs !== undefined).length).toBeGreaterThan(1);
      expect(calls.filter(({ outcome }) => outcome?.kind === 'hold').length).toBeGreaterThan(500);
      expect(fences).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
