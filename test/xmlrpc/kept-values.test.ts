import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { bytes, callOf } from './documents.js';

test('a name that is kept does not keep its body', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const padding = ' '.repeat(60_000);
  const heapBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  const kept = Array.from({ length: 1_000 }, (_, n) => {
    const { params } = parseCall(bytes(callOf('m', `a name of some length, ${n}`) + padding));
    return params[0];
  });
  const bytesPerName = (heapBytes() - before) / kept.length;
  expect(kept).toHaveLength(1_000);
  expect(bytesPerName).toBeLessThan(5_000);
});
