/** `GET /metrics`: who may read it, in which format, and what stands in it. */
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import { Users } from '../../src/access/users.js';
import { Access } from '../../src/http/access.js';
import { asksForOpenMetrics, type Figure, metricsPage } from '../../src/http/metrics.js';
import { counter, counters, gauge, histogram, histograms } from '../../src/http/metrics-figures.js';
import { HttpMeters } from '../../src/http/metrics-http.js';
import { Histogram } from '../../src/service/meters-histogram.js';
import { ManualClock } from '../service/manual-clock.js';
import { serve } from './fixture.js';
import { request } from './wire.js';

function histogramOf(...values: number[]): Histogram {
  const made = new Histogram([0.5, 10]);
  for (const value of values) made.add(value);
  return made;
}

const FIGURES: readonly Figure[] = [
  gauge('g', 'A gauge.', () => 1.5),
  gauge('info', 'With "quotes" and \\ and\na line.', () => 1, { version: 'a"b\\c\nd' }),
  counter('c_total', 'A counter.', () => 3),
  counters('cs_total', 'Two counters.', 'name', { one: 1, two: 0 }),
  histogram('h', 'A histogram.', histogramOf(0.1, 3, 100)),
  histograms('hs', 'Two histograms.', 'name', { one: histogramOf(0.5), two: histogramOf() }),
];

const TEXT = `# HELP g A gauge.
# TYPE g gauge
g 1.5

# HELP info With "quotes" and \\\\ and\\na line.
# TYPE info gauge
info{version="a\\"b\\\\c\\nd"} 1

# HELP c_total A counter.
# TYPE c_total counter
c_total 3

# HELP cs_total Two counters.
# TYPE cs_total counter
cs_total{name="one"} 1
cs_total{name="two"} 0

# HELP h A histogram.
# TYPE h histogram
h_bucket{le="0.5"} 1
h_bucket{le="10"} 2
h_bucket{le="+Inf"} 3
h_sum 103.1
h_count 3

# HELP hs Two histograms.
# TYPE hs histogram
hs_bucket{name="one",le="0.5"} 1
hs_bucket{name="one",le="10"} 1
hs_bucket{name="one",le="+Inf"} 1
hs_sum{name="one"} 0.5
hs_count{name="one"} 1
hs_bucket{name="two",le="0.5"} 0
hs_bucket{name="two",le="10"} 0
hs_bucket{name="two",le="+Inf"} 0
hs_sum{name="two"} 0
hs_count{name="two"} 0
`;

/** In OpenMetrics the family of a counter has no `_total`, nothing is blank, and the end is said. */
const OPEN_METRICS = `${TEXT.replaceAll('\n\n', '\n').replace(/^(# (?:HELP|TYPE) \w+)_total /gm, '$1 ')}# EOF\n`;

const OPEN = ['Host: localhost', 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5'];

async function server(options = {}) {
  const { wire } = await serve({ pages: new Map([['/metrics', metricsPage(FIGURES)]]), ...options });
  return wire();
}

describe('the page', () => {
  test('the text format, as it is documented', async () => {
    const answer = await (await server()).send(request('GET /metrics')).answer();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toBe(TEXT);
  });

  test('OpenMetrics for those who ask for it', async () => {
    const answer = await (await server()).send(request('GET /metrics', OPEN)).answer();
    expect(answer.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    expect(answer.body).toBe(OPEN_METRICS);
  });

  test('one format does not change the other, in whatever order they are asked for', async () => {
    const peer = await server();
    const texts: string[] = [];
    for (const headers of [OPEN, undefined, OPEN, undefined]) {
      texts.push((await peer.send(request('GET /metrics', headers)).answer()).body);
    }
    expect(texts).toEqual([OPEN_METRICS, TEXT, OPEN_METRICS, TEXT]);
  });

  test('HEAD has the headers of GET and no body', async () => {
    const peer = await server();
    const head = await peer.send(request('HEAD /metrics')).answer(true);
    expect(head.headers.get('content-length')).toBe(String(TEXT.length));
  });

  test('is read, not called', async () => {
    const answer = await (await server()).send(request('POST /metrics')).answer();
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test('two figures of one name are a defect that nobody starts with', () => {
    expect(() => metricsPage([gauge('g', 'One.', () => 1), gauge('g', 'Two.', () => 2)])).toThrow(/name g/);
  });
});

describe('where there are users', () => {
  const SECRET = 'one';
  const users = new Users([{ user: { name: 'eve', role: 'viewer' }, secretHash: hashOf(SECRET) }]);
  const guarded = () => server({ access: new Access(users, new ManualClock()) });
  const signedIn = (text: string) => request('GET /metrics', ['Host: localhost', `Authorization: ${text}`]);
  const basic = (text: string) => signedIn(`Basic ${Buffer.from(text).toString('base64')}`);

  test.each([
    ['a viewer, by HTTP Basic as Prometheus does it', 200, basic(`eve:${SECRET}`)],
    ['a viewer, by Bearer', 200, signedIn(`Bearer ${SECRET}`)],
    ['nobody', 401, request('GET /metrics')],
    ['nobody, by HEAD', 401, request('HEAD /metrics')],
    ['a wrong secret', 401, basic('eve:two')],
  ])('%s: %i', async (_, status, text) => {
    const answer = await (await guarded()).send(text).answer(text.startsWith('HEAD'));
    expect(answer.status).toBe(status);
    expect(answer.body.includes('# HELP')).toBe(status === 200);
  });
});

describe('Accept', () => {
  test.each([
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/plain', false],
    ['text/plain;version=0.0.4;q=0.3,*/*;q=0.2', false],
    ['application/openmetrics-text', true],
    ['Application/OpenMetrics-Text; Version=1.0.0', true],
    // Prometheus 2.42, 3.0 with and without UTF-8 names.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      true,
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2',
      true,
    ],
    ['text/plain,application/openmetrics-text;q=0', false],
    ['text/plain,application/openmetrics-text;q=0.000', false],
    ['text/plain,application/openmetrics-text;q=0.05', true],
    ['application/openmetrics-text-2', false],
    ['x-application/openmetrics-text', false],
  ])('%j: %s', (accept, expected) => {
    expect(asksForOpenMetrics(accept)).toBe(expected);
  });
});

describe('what is counted of HTTP', () => {
  test('refused requests by their status, streams that were cut, and nothing else', () => {
    const meters = new HttpMeters();
    const from = '192.0.2.7:40000';
    expect(meters.refused[401]).toBe(0);
    for (const status of [401, 401, 404]) {
      meters.note({ event: 'requestRefused', from, status, text: 'x' });
    }
    meters.note({ event: 'callFailed', from, error: new Error('x') });
    meters.note({ event: 'connectionsFull', max: 1 });
    meters.note({ event: 'streamCut', from, reason: 'x' });
    expect(meters.refused).toMatchObject({ 400: 0, 401: 2, 404: 1, 413: 0 });
    expect(meters.refused[503]).toBeUndefined();
    expect(meters.streamsCut).toBe(1);
  });
});
