/** The classic dialogue from Python, whose standard library is all it takes, also through kill -9 at every point. */
import { test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { haveDialogue } from './dialogue.js';
import { callFrom } from './languages.js';

describeWith(['python3'], 'the classic dialogue in Python', () => {
  test('with one daemon', async () => {
    const { url, directory } = await serve();
    await haveDialogue(directory, (call) => callFrom('python3', url, call));
  });

  test('with kill -9 between every two lines', async () => {
    let running = await serve();
    const { directory } = running;
    const restart = async () => {
      await running.daemon.kill();
      running = await serve([], directory);
    };
    await haveDialogue(directory, (call) => callFrom('python3', running.url, call), restart);
  });
});
