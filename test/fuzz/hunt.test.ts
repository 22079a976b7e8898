/** A hunt that could find nothing would prove nothing: planted crashes, lies and slowness are found, and found again. */
import { describe, expect, test } from 'vitest';
import { adoptionTarget } from './adoption-target.js';
import { hunt, inputOf, problemOf } from './hunt.js';
import { JOURNALS, journalTarget } from './journal-target.js';
import { pack, unpack } from './packed.js';
import { must, type Target } from './target.js';
import { TARGETS, targetNamed } from './targets.js';
import { callInput, xmlrpcTarget } from './xmlrpc-target.js';

/** Inputs of one byte. */
const byte: Target = {
  name: 'byte',
  patienceMs: 1_000,
  make: (random) => Buffer.from([random(256)]),
  check: (input) => {
    must(input[0] !== 42, '42 is no answer');
    return (input[0] ?? 0) < 128 ? 'low' : 'high';
  },
};

describe('a hunt', () => {
  test('finds what is wrong, and says what leads there again', async () => {
    const { findings, inputs, outcomes } = await hunt({ target: byte, inputs: 1_000, seed: 1 });
    expect(findings.length).toBeGreaterThan(0);
    for (const { index, input, problem } of findings) {
      expect(input).toBe(Buffer.from([42]).toString('base64'));
      expect(inputOf(byte, 1, index).toString('base64')).toBe(input);
      expect(problem).toContain('42 is no answer');
    }
    expect((outcomes.low ?? 0) + (outcomes.high ?? 0) + findings.length).toBe(inputs);
  });

  test('ends when it has found enough', async () => {
    const target: Target = { ...byte, check: () => Promise.reject(new Error('always')) };
    const { findings, inputs } = await hunt({ target, inputs: 1_000, seed: 1 });
    expect([findings.length, inputs]).toEqual([10, 10]);
  });

  test('finds what is slow each time, and not what is slow once', async () => {
    let calls = 0;
    const busy = (milliseconds: number) => {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
      return 'done';
    };
    const once: Target = { ...byte, patienceMs: 20, check: () => busy(calls++ === 3 ? 60 : 0) };
    expect((await hunt({ target: once, inputs: 10, seed: 1 })).findings).toEqual([]);
    const always: Target = { ...byte, patienceMs: 20, check: () => busy(30) };
    const { findings } = await hunt({ target: always, inputs: 1, seed: 1 });
    expect(findings).toMatchObject([{ problem: expect.stringMatching(/it took \d+ ms at best/) }]);
  });

  test('the same seed makes the same inputs, another one others', async () => {
    for (const target of TARGETS) {
      await target.prepare?.();
      const inputs = (seed: number) =>
        Array.from({ length: 20 }, (_, index) => inputOf(target, seed, index).toString('latin1'));
      expect(inputs(5), target.name).toEqual(inputs(5));
      expect(inputs(5), target.name).not.toEqual(inputs(6));
    }
  });

  test('a target that is none', () => {
    expect(() => targetNamed('x')).toThrow(
      "no target 'x'; there are: xmlrpc, journal, adoption, answers, users",
    );
  });
});

describe('what a check does not let pass', () => {
  test('a call that is read as something else than was meant, or not at all', () => {
    const { body } = unpack(callInput('m', '<string>a</string>'));
    expect(xmlrpcTarget.check(pack({ meaning: '"m"("a")' }, body))).toBe('as it was meant');
    expect(() => xmlrpcTarget.check(pack({ meaning: '"m"("b")' }, body))).toThrow(/as it was meant/);
    expect(() => xmlrpcTarget.check(pack({ meaning: '"m"("a")' }, Buffer.from('<a>')))).toThrow(/is read$/);
  });

  test('a journal whose state is that of no turn', async () => {
    await journalTarget.prepare?.();
    const input = await recoveredInput();
    const { head, body } = unpack<{ journal: number }>(input);
    // Any other journal says something else, though some have a file of the same name.
    const outcomes = await Promise.all(
      Array.from({ length: JOURNALS }, async (_, journal) => {
        if (journal === head.journal) return 'itself';
        return Promise.resolve(pack({ journal }, body)).then(journalTarget.check).catch(problemOf);
      }),
    );
    expect(
      outcomes.filter((outcome) => /Broken: the state behind turn/.test(outcome)).length,
    ).toBeGreaterThan(1);
    expect(outcomes.filter((outcome) => outcome.startsWith('recovered'))).toEqual([]);
  });

  /** An input that is recovered whole. */
  async function recoveredInput(): Promise<Buffer> {
    for (let index = 0; ; index += 1) {
      const input = inputOf(journalTarget, 1, index);
      if ((await journalTarget.check(input)) === 'recovered whole') return input;
    }
  }

  test('every kind of lock file comes to what it should', () => {
    const entry = (name: string, content: string) => [
      name,
      { bytes: Buffer.from(content).toString('base64') },
    ];
    const check = (...entries: unknown[]) => adoptionTarget.check(Buffer.from(JSON.stringify(entries)));
    expect(check(entry('a.lock', 'alice'))).toBe('adopted');
    expect(check(entry('a.lock', ''))).toBe('locked by ?');
    expect(check(['a.lock', { kind: 'directory' }])).toBe('locked by ?');
    expect(check(entry('\n.lock', 'alice'))).toBe('none');
    expect(check(entry('a.lock', 'alice'), entry('a.resource.lock', 'bob'))).toBe('locked by ?');
  });
});
