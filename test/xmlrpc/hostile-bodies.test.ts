/** Bodies that were made to do harm: torn, deep, endless, mutated. None may throw anything but a fault, or take long. */
import { expect, test } from 'vitest';
import { Fault, NOT_WELL_FORMED, NOT_XML_RPC } from '../../src/xmlrpc/faults.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { chooseSeed, randomFrom } from '../random.js';
import { bytes, callOf, faultCode, LOCK_CALL } from './documents.js';
import { mutatedBody } from './mutations.js';

/** Milliseconds of the fastest of some runs: what the work takes, not what the machine does besides. */
function fastest(work: () => void): number {
  const runs = Array.from({ length: 10 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...runs);
}

test('a good body cut at every byte', () => {
  const body = bytes(LOCK_CALL.trimEnd());
  for (let length = 0; length < body.length; length += 1) {
    expect(faultCode(body.subarray(0, length)), `cut at ${length}`).toBe(NOT_WELL_FORMED);
  }
});

const levels = Array.from({ length: 9 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`);
const BILLION_LAUGHS = `<?xml version="1.0"?><!DOCTYPE m [<!ENTITY e0 "ha">${levels.join('')}]>${callOf('m', '&e9;').replace(/<\?.*\?>/, '')}`;

test.each([
  ['nested entities', BILLION_LAUGHS, NOT_WELL_FORMED],
  ['an external entity', `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`, NOT_WELL_FORMED],
  ['a reference beyond Unicode in one line', callOf('m', '&#x110000;'), NOT_WELL_FORMED],
  ['an empty fault in a call', '<methodCall><fault></fault></methodCall>', NOT_XML_RPC],
])('%s, within 5 ms', (_name, body, code) => {
  expect(faultCode(body)).toBe(code);
  expect(fastest(() => faultCode(body))).toBeLessThan(5);
});

const roomy = { bytes: 4_000_000, nesting: 16, items: 1_024 };

test.each([
  ['100,000 arrays within each other', '<value><array><data>'.repeat(100_000)],
  ['100,000 structs within each other', '<value><struct><member><name>a</name>'.repeat(100_000)],
  ['100,000 elements within each other', '<a>'.repeat(100_000)],
  ['89 KB of tags that are never closed', '<methodCall>'.repeat(7_500)],
  ['89 KB of end tags', '</a>'.repeat(22_500)],
  ['a tag with 50,000 attributes', `<a ${Array.from({ length: 50_000 }, (_, n) => `a${n}="1"`).join(' ')}`],
  ['references without an end', `<a>${'&amp'.repeat(100_000)}`],
  ['400,000 references', `<a>${'&lt;'.repeat(400_000)}`],
  ['pieces of text', `<methodCall><methodName>${'<![CDATA[x]]>y<!---->'.repeat(50_000)}`],
  ['spaces', `<methodCall${' '.repeat(1_000_000)}`],
  ['spaces as text', `<methodCall>${' '.repeat(1_000_000)}x`],
  ['digits', `<methodCall><methodName/><params><param><value><double>${'1'.repeat(1_000_000)}x`],
  ['quotes', `<a b='${'">'.repeat(500_000)}`],
  ['comments that never end', '<!-- '.repeat(200_000)],
  ['instructions that never end', '<?a '.repeat(200_000)],
])('%s: a fault, and soon', (_name, body) => {
  const { length } = bytes(body);
  expect(length).toBeLessThan(roomy.bytes);
  const parse = () => parseCall(bytes(body), undefined, roomy);
  expect(parse).toThrow(Fault);
  // A few hundred bytes a microsecond is usual; quadratic work would take minutes.
  const start = performance.now();
  expect(parse).toThrow(Fault);
  expect(performance.now() - start).toBeLessThan(2_000);
});

test('closed again, 100,000 arrays within each other are well-formed, but too deep', () => {
  const nested = '<array><data><value>'.repeat(100_000) + '</value></data></array>'.repeat(100_000);
  const parse = () => parseCall(bytes(callOf('m', nested)), undefined, { ...roomy, bytes: 10_000_000 });
  expect(parse).toThrow(/more than 16 arrays and structs within each other/);
});

test('100,000 mutated bodies', () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const charsets = [undefined, 'utf-8', 'us-ascii', 'iso-8859-1'];
  let faults = 0;
  let slowest = 0;
  for (let round = 0; round < 100_000; round += 1) {
    const body = mutatedBody(random);
    const start = performance.now();
    try {
      parseCall(body, charsets[random(charsets.length)]);
    } catch (error) {
      if (!(error instanceof Fault))
        throw new Error(`seed ${seed}, round ${round}: ${body}`, { cause: error });
      faults += 1;
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  console.log(
    `100,000 mutated bodies, LOCKD_TEST_SEED=${seed}: ${faults} faults, the slowest ${slowest.toFixed(1)} ms`,
  );
  expect(faults).toBeGreaterThan(50_000);
  expect(slowest).toBeLessThan(2_000);
});
