import { expect, test } from 'vitest';
import { Guardianship } from '../../src/fencing/guardianship.js';
import { describeWith } from '../needs.js';
import { HOLD, isAlive, place } from './place.js';

const DEAF = "trap '' TERM";

/** Polls: a command says by a file that it runs. */
async function seen(look: () => string[]): Promise<string[]> {
  for (;;) {
    const lines = look();
    if (lines.length > 0) return lines;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describeWith(['flock'], 'fence commands that are ended at once', () => {
  test('are killed in the step of the call, without a moment for SIGTERM', async () => {
    const here = place();
    const runner = here.runner({ graceMs: 20_000 });
    const command = here.script(`${DEAF}; echo $$ >> ${here.path('ids')}; while :; do sleep 1; done`);
    const run = runner.run(command, HOLD);
    const [id = ''] = await seen(() => here.lines('ids'));
    const closed = runner.close(true);
    // No step of ours lies between: only the kernel has to do its part.
    for (const end = performance.now() + 10_000; isAlive(id) && performance.now() < end; );
    expect(isAlive(id)).toBe(false);
    await closed;
    expect(await run).toEqual({ succeeded: false, error: 'a run that lockd ended before it was done' });
  });

  test('with all their processes, also in other groups', async () => {
    const here = place();
    const runner = here.runner({ graceMs: 20_000 });
    const command = here.script(
      `setsid sh -c '${DEAF.replaceAll("'", '"')}; echo $$ >> ${here.path('ids')}; while :; do sleep 1; done' & ` +
        `echo $$ >> ${here.path('ids')}; wait`,
    );
    const run = runner.run(command, HOLD);
    while (here.lines('ids').length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const begun = performance.now();
    await runner.close(true);
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(here.lines('ids').filter(isAlive)).toEqual([]);
    expect(await run).toMatchObject({ succeeded: false });
  });

  test('also when they were being given their time to end', async () => {
    const here = place();
    const runner = here.runner({ graceMs: 60_000 });
    const command = here.script(`${DEAF}; echo $$ >> ${here.path('ids')}; while :; do sleep 1; done`);
    void runner.run(command, HOLD);
    await seen(() => here.lines('ids'));
    const closing = runner.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(here.lines('ids').filter(isAlive)).toHaveLength(1);
    await runner.close(true);
    await closing;
    expect(here.lines('ids').filter(isAlive)).toEqual([]);
  });

  test('are not begun where that may not be any more', async () => {
    const here = place();
    let mayStart = true;
    const runner = here.runner({
      leadership: {
        assert: () => {
          if (!mayStart) throw new Error('the leadership is over');
        },
        makeGuardianship: (wanted) => new Guardianship({ ...wanted, left: () => 60_000 }),
      },
    });
    const command = here.script(`echo x >> ${here.path('seen')}`);
    expect(await runner.run(command, HOLD)).toEqual({ succeeded: true });
    mayStart = false;
    expect(await runner.run(command, HOLD)).toEqual({ succeeded: false, error: 'the leadership is over' });
    expect(here.lines('seen')).toEqual(['x']);
  });
});
