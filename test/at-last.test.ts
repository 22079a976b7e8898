import { expect, test } from 'vitest';
import { atLast, experiment, undoExperiments } from './at-last.js';

test('an experiment undoes what it did, the latest first, before it answers', async () => {
  const undone: string[] = [];
  const answer = await experiment(async () => {
    atLast(() => undone.push('first'));
    atLast(async () => {
      await Promise.resolve();
      undone.push('second');
    });
    expect(undone).toEqual([]);
    return 'answer';
  });
  expect(answer).toBe('answer');
  expect(undone).toEqual(['second', 'first']);
});

test('also when it fails', async () => {
  const undone: string[] = [];
  const failing = experiment(async () => {
    atLast(() => undone.push('done'));
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(undone).toEqual(['done']);
});

test('experiments side by side keep apart', async () => {
  const undone: string[] = [];
  let endFirst: () => void = () => undefined;
  const first = experiment(async () => {
    atLast(() => undone.push('first'));
    await new Promise<void>((resolve) => {
      endFirst = resolve;
    });
  });
  await experiment(async () => void atLast(() => undone.push('second')));
  expect(undone).toEqual(['second']);
  endFirst();
  await first;
  expect(undone).toEqual(['second', 'first']);
});

test('who ends in the middle of them undoes them all, once', async () => {
  const undone: string[] = [];
  let end: () => void = () => undefined;
  const running = experiment(async () => {
    atLast(() => undone.push('it'));
    await new Promise<void>((resolve) => {
      end = resolve;
    });
  });
  await undoExperiments();
  expect(undone).toEqual(['it']);
  end();
  await running;
  expect(undone).toEqual(['it']);
});

test('outside of an experiment it is the test at whose end it happens', ({ onTestFinished }) => {
  const ended: string[] = [];
  // Told before: done after.
  onTestFinished(() => expect(ended).toEqual(['test']));
  atLast(() => ended.push('test'));
  expect(ended).toEqual([]);
});
