/** What a client may be told, and what makes no sense. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { type RetryOptions, retriesOf } from '../../src/client/retry.js';

afterEach(() => vi.unstubAllEnvs());

describe('options that make no sense', () => {
  const cases: readonly (readonly [LockdClientOptions, string])[] = [
    [{ url: 'http://a:1', urls: ['http://b:1'] }, 'url, urls and shards exclude each other'],
    [{ urls: [] }, "urls must be like http://127.0.0.1:7420, not ''"],
    [{ shards: [] }, 'shards must name at least one daemon'],
    [{ shards: ['http://a:1', 'b'] }, "shards must be like http://127.0.0.1:7420, not 'b'"],
    [{ urls: ['http://a:1', 'open://'] }, 'urls must not name open:// beside other addresses'],
    [{ url: 'open://x' }, "url must be like http://127.0.0.1:7420, not 'open://x'"],
    // As a program without types may say it.
    [{ url: {} as string }, "url must be like http://127.0.0.1:7420, not '[object Object]'"],
    [{ timeout: 0 }, 'timeout must be above 0'],
    [{ timeout: Number.NaN }, 'timeout must be above 0'],
    [{ connectTimeout: Number.POSITIVE_INFINITY }, 'connectTimeout must be above 0'],
    [{ renewRatio: 0.9 }, 'renewRatio must be above 0 and at most 0.8, not 0.9'],
    [{ renewRatio: 0 }, 'renewRatio must be above 0'],
    [{ retry: { attempts: 0 } }, 'retry.attempts must be a whole number from 1, not 0'],
    [{ retry: { delay: -1 } }, 'retry.delay must be seconds from 0, not -1'],
    [{ retry: { factor: 0.5 } }, 'retry.factor must be a number from 1, not 0.5'],
    [{ retry: { jitter: 2 } }, 'retry.jitter must be from 0 to 1, not 2'],
    [{ retry: { failover: -1 } }, 'retry.failover must be seconds from 0 to 3600, not -1'],
  ];
  test.each(cases)('%j', (options, message) => {
    expect(() => new LockdClient(options)).toThrow(message);
  });
});

describe('addresses', () => {
  test('without one, that of LOCKD_URL, or that of a daemon on this host', () => {
    vi.stubEnv('LOCKD_URL', undefined);
    expect(new LockdClient().url.href).toBe('http://127.0.0.1:7420/');
    vi.stubEnv('LOCKD_URL', 'http://lockhost:7421,http://other:7421');
    expect(new LockdClient().url.href).toBe('http://lockhost:7421/');
    expect(new LockdClient({ url: new URL('http://given:1') }).url.href).toBe('http://given:1/');
  });

  test('every client has a name of its own', () => {
    expect(new LockdClient().client).toMatch(/^.+@.+:\d+-[0-9a-f]{6}$/);
    expect(new LockdClient().client).not.toBe(new LockdClient().client);
  });
});

describe('retries', () => {
  const pauses = (options: RetryOptions, tries: readonly number[], random = 0.5) => {
    const { pause } = retriesOf(options, () => random);
    return tries.map((number) => pause(number));
  };

  test('by default four attempts, each pause twice as long, a fifth more or less', () => {
    expect(pauses({}, [1, 2, 3, 4])).toEqual([0.5, 1, 2, undefined]);
    expect(pauses({}, [1, 2, 3, 4], 0)).toEqual([0.4, 0.8, 1.6, undefined]);
    expect(pauses({}, [1], 1)[0]).toBeCloseTo(0.6);
  });

  test('or as asked', () => {
    const asked = { attempts: 3, delay: 1, factor: 3, jitter: 0 };
    expect(pauses(asked, [1, 2, 3])).toEqual([1, 3, undefined]);
    expect(pauses({ attempts: 1 }, [1])).toEqual([undefined]);
  });

  test.each<[RetryOptions, number]>([
    [{}, 15],
    [{ delay: 3 }, 15],
    [{ attempts: 4 }, 0],
    [{ attempts: 2, failover: 20 }, 20],
    [{ failover: 0 }, 0],
  ])('a cluster has time for a failover: %j', (options, seconds) => {
    expect(retriesOf(options).failoverSeconds).toBe(seconds);
  });

  test('in which no pause is long, and the last try is made when it is over', () => {
    const { failoverPause } = retriesOf({ jitter: 0 });
    const asked = [1, 2, 3, 4, 2_000].map((tries) => failoverPause(tries, 10));
    expect(asked).toEqual([0.5, 1, 1, 1, 1]);
    expect([failoverPause(4, 0.3), failoverPause(4, 0), failoverPause(3, -1)]).toEqual([0.3, undefined, 1]);
  });

  test('in which a policy without pauses has some beyond its attempts, and a patient one its own', () => {
    const hasty = retriesOf({ attempts: 2, delay: 0, factor: 1e10, jitter: 0, failover: 5 });
    expect([1, 2, 2_000].map((tries) => hasty.failoverPause(tries, 5))).toEqual([0, 0.2, 0.2]);
    const patient = retriesOf({ delay: 3, jitter: 0 });
    expect([1, 2, 5].map((tries) => patient.failoverPause(tries, 10))).toEqual([3, 3, 3]);
  });
});
