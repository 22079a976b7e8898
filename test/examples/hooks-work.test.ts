/** The examples that run some work under a lock: a deployment, jobs of a CI, tests on shared devices. */
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Caller } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { example, exampleText, Workplace } from './workplace.js';

async function workplace(): Promise<Workplace> {
  const { url } = await serve();
  return new Workplace(url);
}

describe('deploy.sh', () => {
  async function app() {
    const place = await workplace();
    for (const release of ['release-7', 'release-8'])
      mkdirSync(place.path(`app/releases/${release}`), { recursive: true });
    const deploy = (release: string, more: Record<string, string> = {}) =>
      place.run([example('deploy.sh'), 'prod', release], { APP: place.path('app'), ...more });
    return { place, deploy };
  }

  test('switches the release, records its token, and gives the lock back', async () => {
    const { place, deploy } = await app();
    expect(deploy('release-7')).toMatchObject({ status: 0, stdout: '' });
    expect(readlinkSync(place.path('app/current'))).toBe('releases/release-7');
    const first = place.read('app/token');
    expect(first).toMatch(/^\d{16}\n$/);
    expect(deploy('release-8')).toMatchObject({ status: 0 });
    expect(readlinkSync(place.path('app/current'))).toBe('releases/release-8');
    expect(place.read('app/token')).toMatch(new RegExp(`^${first}\\d{16}\\n$`));
    const story = (await place.story('deploy/prod')).map((line) => line.split(' ')[0]);
    expect(story).toEqual(['granted', 'unlocked', 'granted', 'unlocked']);
  });

  test('does not get past the gate with an old token', async () => {
    const { place, deploy } = await app();
    deploy('release-7');
    writeFileSync(place.path('app/token'), '9000000000000000\n', { flag: 'a' });
    const { status, stderr } = deploy('release-8');
    expect(status).toBe(76);
    expect(stderr).toContain('9000000000000000');
    expect(readlinkSync(place.path('app/current'))).toBe('releases/release-7');
    expect((await place.story('deploy/prod')).at(-1)).toMatch(/^unlocked /);
  });

  test('does nothing while another deployment goes on, and nothing with a release that is not there', async () => {
    const { place, deploy } = await app();
    expect(deploy('release-9').status).toBe(1);
    const caller = await Caller.to(place.url);
    await caller.lock('deploy/prod', 'another deployment');
    const { status, stderr } = deploy('release-7', { WAIT: '300ms' });
    expect(status).toBe(75);
    expect(stderr).toContain('another deployment');
    expect(existsSync(place.path('app/current'))).toBe(false);
    caller.close();
  });
});

/** The lines of a block in YAML that stands behind `key`, without the signs that make them a list. */
function scriptOf(yaml: string, key: string): string {
  const lines = yaml.split('\n');
  const start = lines.findIndex((line) => line.trimStart().startsWith(key));
  const depth = (line: string) => line.length - line.trimStart().length;
  const own = depth(lines[start] ?? '');
  const length = lines.slice(start + 1).findIndex((line) => line.trim() !== '' && depth(line) <= own);
  const block = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  return block.map((line) => line.trim().replace(/^- /, '')).join('\n');
}

describe.each([
  [
    'gitlab-ci.yml',
    'script:',
    'lockd.py',
    ['curl', 'python3'],
    { CI_JOB_URL: 'https://git/1', CI_JOB_ID: '1' },
  ],
  ['github-workflow.yml', '- run: |', 'lockd.sh', ['curl', 'flock'], { GITHUB_RUN_ID: '1' }],
] as const)('%s', (name, key, client, needs, variables) => {
  describeWith(needs, 'its script', () => {
    async function job(deploy: string) {
      const place = await workplace();
      place.localProgram('deploy', deploy);
      const script = scriptOf(exampleText(name), key);
      expect(script).toContain(client);
      return { place, run: () => place.run(['sh', '-ec', script], variables) };
    }

    test('deploys under the lock', async () => {
      const { place, run } = await job('echo "$LOCKD_RESOURCE $LOCKD_TOKEN" >deployed');
      expect(run()).toMatchObject({ status: 0 });
      expect(place.read('deployed')).toMatch(/^deploy\/prod \d{16}\n$/);
      const story = await place.story('deploy/prod');
      expect(story.map((line) => line.split(' ')[0])).toEqual(['granted', 'unlocked']);
    });

    test('fails as the deployment does', async () => {
      const { place, run } = await job('exit 23');
      expect(run()).toMatchObject({ status: 23 });
      expect((await place.story('deploy/prod')).at(-1)).toMatch(/^unlocked/);
    });
  });
});

test('with-device.sh: two devices, three tests; each device has one, and the third waits for it', async () => {
  const place = await workplace();
  place.localProgram(
    'on-device',
    'echo "$DEVICE" >"in-$1"\nuntil [ -e "go-$1" ]; do sleep 0.05; done\nexit 7',
  );
  const variables = { DEVICES: 'left right' };
  const start = (name: string) => place.start([example('with-device.sh'), './on-device', name], variables);
  const isIn = (name: string) => existsSync(place.path(`in-${name}`)) && place.read(`in-${name}`) !== '';
  const running = new Map<string, ReturnType<typeof start>>();
  for (const name of ['a', 'b']) {
    running.set(name, start(name));
    await eventually(`${name} has a device`, async () => isIn(name));
  }
  const c = start('c');
  await eventually('c waits', async () => {
    const caller = await Caller.to(place.url);
    const { waiting } = await caller.status('lab/phones');
    caller.close();
    return waiting === 1;
  });
  expect([place.read('in-a'), place.read('in-b'), isIn('c')]).toEqual(['left\n', 'right\n', false]);
  writeFileSync(place.path('go-b'), '');
  expect(await running.get('b')?.ended).toBe(7);
  await eventually('c has a device', async () => isIn('c'));
  expect(place.read('in-c')).toBe('right\n');
  for (const name of ['a', 'c']) writeFileSync(place.path(`go-${name}`), '');
  expect([await running.get('a')?.ended, await c.ended]).toEqual([7, 7]);
  const caller = await Caller.to(place.url);
  expect(await caller.list()).toEqual([]);
  caller.close();
});
