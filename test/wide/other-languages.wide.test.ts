/** The classic dialogue from the XML-RPC libraries of other languages: the same codes, texts and whole tokens. */
import { test } from 'vitest';
import { serve } from '../daemon.js';
import { haveDialogue } from '../examples/dialogue.js';
import { callFrom } from '../examples/languages.js';
import { describeWith } from '../needs.js';

describeWith(['ruby', 'perl', 'php'], 'the classic dialogue', () => {
  test.each(['ruby', 'perl', 'php'] as const)('in %s, also through kill -9', async (language) => {
    let running = await serve();
    const { directory } = running;
    const restart = async () => {
      await running.daemon.kill();
      running = await serve([], directory);
    };
    await haveDialogue(directory, (call) => callFrom(language, running.url, call), restart);
  });
});
