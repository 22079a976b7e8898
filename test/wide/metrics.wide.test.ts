/** The metrics as Prometheus sees them: its own tools find nothing to say against them, and itself reads them. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { run } from '../cli/world.js';
import { eventually } from '../crash/eventually.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { metricsText, scrape } from '../scrape.js';
import { temporaryDirectory } from '../temporary-directory.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

function promtool(words: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', words, { input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A daemon where everything that is counted has happened. */
async function busyDaemon() {
  const running = await serve(['--fence', 'fenced/*=/bin/true']);
  const { url } = running;
  const [a, b] = [new LockdClient({ url, client: 'A' }), new LockdClient({ url, client: 'B' })];
  await a.lock('r');
  await b.lock('r').catch(() => undefined);
  await a.lock('fenced/x', { ttl: 0.1 });
  const runs = 'lockd_fence_run_seconds_count{outcome="succeeded"}';
  await eventually('it is fenced', async () => (await scrape(url)).get(runs) === 1);
  return running;
}

describeWith(['promtool'], 'promtool', () => {
  test('check metrics: is content, without a warning', async () => {
    const { url } = await busyDaemon();
    const said = promtool(['check', 'metrics'], await metricsText(url));
    expect(said).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('would not be content with a counter of another name', () => {
    const text = '# HELP lockd_grants Grants.\n# TYPE lockd_grants counter\nlockd_grants 1\n';
    expect(promtool(['check', 'metrics'], text).status).not.toBe(0);
  });

  test('check config, check rules: the examples', () => {
    const directory = temporaryDirectory();
    for (const name of ['prometheus.yml', 'prometheus-rules.yml']) {
      cpSync(join(EXAMPLES, name), join(directory, name));
    }
    for (const name of ['ca.pem', 'lockd.secret']) writeFileSync(join(directory, name), '');
    const config = promtool(['check', 'config', '--lint-fatal', join(directory, 'prometheus.yml')]);
    expect(config).toMatchObject({ status: 0, stderr: '' });
    const rules = join(directory, 'prometheus-rules.yml');
    expect(promtool(['check', 'rules', '--lint-fatal', rules])).toMatchObject({ status: 0, stderr: '' });
  });
});

/** A name, the values that make an alert fire, and values that do not: one a minute. */
type Series = readonly [name: string, loud: string, calm: string];

/** Series that make each alert of the example fire, and with which it must not. */
const ALERTS: readonly (readonly [alert: string, series: readonly Series[]])[] = [
  ['LockdDown', [['up{job="lockd"}', '0x30', '1x30']]],
  ['LockdNotReady', [['lockd_ready', '0x30', '1x30']]],
  [
    'LockdNotReady',
    [
      ['lockd_ready', '0x30', '0x30'],
      ['lockd_leader', '1x30', '0x30'],
    ],
  ],
  [
    'LockdLeaderless',
    [
      ['lockd_leader{instance="a"}', '0x30', '0x10 1x30'],
      ['lockd_leader{instance="b"}', '0x30', '1x10 0x30'],
    ],
  ],
  ['LockdFencingTakesLong', [['lockd_fencing', '1x30', '1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1']]],
  ['LockdProblem', [['lockd_problems', '2x30', '0x15 1x30']]],
  ['LockdMaintenanceFails', [['lockd_maintenance_failures_total', '0+1x30', '0x10 1x30']]],
  [
    'LockdSlowDisk',
    [
      ['lockd_flush_seconds_bucket{le="0.25"}', '0x30', '0+100x30'],
      ['lockd_flush_seconds_bucket{le="0.5"}', '0+100x30', '0+100x30'],
      ['lockd_flush_seconds_bucket{le="+Inf"}', '0+100x30', '0+100x30'],
    ],
  ],
  ['LockdBusy', [['lockd_event_loop_active_seconds_total', '0+58x30', '0+30x30']]],
  [
    'LockdNearlyFull',
    [
      ['lockd_held', '81x30', '79x30'],
      ['lockd_held_limit', '100x30', '100x30'],
    ],
  ],
  [
    'LockdNearlyFull',
    [
      ['lockd_connections', '81x30', '79x30'],
      ['lockd_connections_limit', '100x30', '100x30'],
    ],
  ],
  ['LockdManyLosses', [['lockd_lost_total{reason="expired"}', '0+1x30', '0x10 5x30']]],
  ['LockdStrangers', [['lockd_refused_requests_total{status="401"}', '0+30x30', '0+1x30']]],
];

function firing(
  alert: string,
  series: readonly { series: string; values: string }[],
  count: number | undefined,
) {
  return {
    interval: '1m',
    input_series: series,
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
        eval_time: '20m',
        exp_samples: count === undefined ? [] : [{ labels: '{}', value: count }],
      },
    ],
  };
}

describeWith(['promtool'], 'promtool test rules', () => {
  test.each(ALERTS)('%s fires when it should, and only then', (alert, series) => {
    const path = join(temporaryDirectory(), 'test.yml');
    const loud = series.map(([name, values]) => ({ series: name, values }));
    const calm = series.map(([name, , values]) => ({ series: name, values }));
    const rules = {
      rule_files: [join(EXAMPLES, 'prometheus-rules.yml')],
      evaluation_interval: '1m',
      tests: [firing(alert, loud, 1), firing(alert, calm, undefined)],
    };
    // JSON is YAML.
    writeFileSync(path, JSON.stringify(rules));
    expect(promtool(['test', 'rules', path])).toMatchObject({ status: 0, stderr: '' });
  });

  test('there is no alert that is not tried here', () => {
    const rules = readFileSync(join(EXAMPLES, 'prometheus-rules.yml'), 'utf8');
    const named = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    expect([...new Set(ALERTS.map(([alert]) => alert))].sort()).toEqual(named.sort());
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Prometheus with this configuration; ends with the test. */
async function prometheus(config: string): Promise<string> {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'prometheus.yml'), config);
  cpSync(join(EXAMPLES, 'prometheus-rules.yml'), join(directory, 'prometheus-rules.yml'));
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(`Prometheus listens: ${stderr}`, async () => {
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true;
  });
  return url;
}

/** What Prometheus answers to a question about one series. */
async function ask(url: string, query: string): Promise<number | undefined> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  const [first] = data.result;
  return first && Number(first.value[1]);
}

describeWith(['prometheus'], 'Prometheus itself', () => {
  test('signs in as a viewer, reads everything, by OpenMetrics, and has no alert while all is well', async () => {
    const file = join(temporaryDirectory(), 'users.json');
    const add = async (...words: string[]) =>
      (await run(['user', 'add', ...words, '--users', file])).stdout.trim();
    const secret = await add('prometheus', '--role', 'viewer');
    const operator = await add('ops', '--role', 'operator');
    const { url } = await serve(['--users', file]);
    const ops = new LockdClient({ url, user: 'ops', secret: operator });
    await ops.lock('a');
    await ops.lock('b');
    await ops.forceUnlock('b', { reason: 'x' });
    const server = await prometheus(`
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [prometheus-rules.yml]
scrape_configs:
  - job_name: lockd
    basic_auth: { username: prometheus, password: '${secret}' }
    static_configs: [{ targets: ['${new URL(url).host}'] }]
`);
    await eventually('a scrape', async () => (await ask(server, 'up{job="lockd"}')) === 1);
    const expected: Record<string, number> = {
      lockd_held: 1,
      lockd_grants_total: 2,
      'lockd_lost_total{reason="forced"}': 1,
      'lockd_wait_seconds_bucket{le="+Inf"}': 2,
      lockd_hold_seconds_count: 1,
      lockd_ready: 1,
      'lockd_refused_requests_total{status="401"}': 0,
    };
    for (const [query, value] of Object.entries(expected)) {
      expect(await ask(server, query), query).toBe(value);
    }
    // Nothing that stands in the text is missing in Prometheus.
    const samples = await scrape(url, {
      Authorization: `Basic ${Buffer.from(`prometheus:${secret}`).toString('base64')}`,
    });
    expect(await ask(server, 'scrape_samples_scraped{job="lockd"}')).toBe(samples.size);
    const families = await (await fetch(`${server}/api/v1/metadata?metric=lockd_grants`)).json();
    expect(families).toMatchObject({ data: { lockd_grants: [{ type: 'counter' }] } });
    expect(await ask(server, 'count(ALERTS)')).toBeUndefined();
  });
});
