/** The classic dialogue from Python, whose standard library is all it takes, also through kill -9 at every point. */
import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { haveDialogue, type Said } from './dialogue.js';

const SAY = `
import json, sys
from xmlrpc.client import Fault, ServerProxy
url, method, *arguments = sys.argv[1:]
try:
    print(json.dumps({'value': getattr(ServerProxy(url), method)(*arguments)}, default=str))
except Fault as fault:
    print(json.dumps({'fault': [fault.faultCode, fault.faultString]}))
`;

function sayInPython(url: string, call: readonly string[]): Said {
  const { stdout, stderr } = spawnSync('python3', ['-c', SAY, url, ...call], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describeWith(['python3'], 'the classic dialogue in Python', () => {
  test('with one daemon', async () => {
    const { url, directory } = await serve();
    await haveDialogue(directory, (call) => sayInPython(url, call));
  });

  test('with kill -9 between every two lines', async () => {
    let running = await serve();
    const { directory } = running;
    const restart = async () => {
      await running.daemon.kill();
      running = await serve([], directory);
    };
    await haveDialogue(directory, (call) => sayInPython(running.url, call), restart);
  });
});
