/**
 * The other examples: the token check in SQL and behind HTTP, the git hook, Ansible, and the programs in other languages.
 * None is left out of the table that lists them.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Caller } from '../crash/caller.js';
import { serve } from '../daemon.js';
import { describeWith, type Need } from '../needs.js';
import { example, exampleText, Workplace } from './workplace.js';

test('README.md lists every file once, and nothing else', () => {
  const listed = [...exampleText('README.md').matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
  for (const [, text, target] of listed) expect(text).toBe(target);
  const files = readdirSync(example('')).filter((name) => name !== 'README.md');
  expect(listed.map(([, name]) => name).sort()).toEqual(files.sort());
});

/** Runs the file's statements, the last one once for each token; prints how many rows each changed, and what is left. */
const SQLITE = `
import json, re, sqlite3, sys
database = sqlite3.connect(':memory:', isolation_level=None)
text = re.sub('--.*', '', open(sys.argv[1]).read())
*schema, check = [one for one in text.split(';') if one.strip()]
for statement in schema: database.execute(statement)
def rows(resource, token):
    try: return database.execute(check, {'resource': resource, 'token': token}).rowcount
    except sqlite3.IntegrityError: return 'refused'
changed = [rows(*one) for one in json.loads(sys.argv[2])]
print(json.dumps([changed, database.execute('SELECT resource, token FROM fence ORDER BY resource').fetchall()]))
`;

describeWith(['python3'], 'token-check.sql', () => {
  test('lets the same and higher tokens pass, compared as numbers, for each resource by itself', () => {
    const asked = [
      ['r', '9'],
      ['r', '9'],
      ['r', '10'],
      ['r', '9'],
      ['other', '1'],
      ['r', '1795265548828001'],
      ['r', '1795265548828000'],
      // That of open://, which everybody gets.
      ['new', '0'],
    ];
    const { stdout, stderr } = spawnSync(
      'python3',
      ['-c', SQLITE, example('token-check.sql'), JSON.stringify(asked)],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    const left = [
      ['other', 1],
      ['r', 1795265548828001],
    ];
    expect(JSON.parse(stdout)).toEqual([[1, 1, 1, 0, 1, 1, 0, 'refused'], left]);
  });
});

describeWith(['python3'], 'token-check-http.py', () => {
  async function start(place: Workplace) {
    const service = place.start(['python3', example('token-check-http.py'), 'value.db', '0']);
    const url = await service.firstLine;
    const put = async (token: string | undefined, body: string) => {
      const headers: Record<string, string> = token === undefined ? {} : { 'X-Fencing-Token': token };
      return (await fetch(url, { method: 'PUT', headers, body })).status;
    };
    return { service, put, get: async () => (await fetch(url)).text() };
  }

  test('only the newest holder writes, also after a restart', async () => {
    const place = new Workplace();
    const { service, put, get } = await start(place);
    expect(await get()).toBe('');
    expect(await put('9', 'first')).toBe(204);
    expect(await put('10', 'second')).toBe(204);
    expect(await put('10', 'third')).toBe(204);
    expect(await put('9', 'late')).toBe(409);
    expect(await get()).toBe('third');
    service.signal('SIGKILL');
    await service.ended;
    const again = await start(place);
    expect(await again.put('9', 'late')).toBe(409);
    expect(await again.get()).toBe('third');
  });

  test.each([[undefined], [''], ['0'], ['00'], ['-1'], ['1.5'], ['x'], ['9'.repeat(19)]])(
    'the token %j is none',
    async (token) => {
      const { put, get } = await start(new Workplace());
      expect(await put(token, 'text')).toBe(428);
      expect(await get()).toBe('');
    },
  );
});

describe('git-update-hook.sh', () => {
  const GIT = spawnSync('git', ['--version']).status === 0;

  test.runIf(GIT || process.env.LOCKD_TEST_REQUIRE !== undefined)(
    'a frozen branch takes no push, another one does, and none is taken without a daemon',
    async () => {
      const { url, daemon } = await serve();
      const place = new Workplace(url);
      const git = (...words: string[]) => {
        const identity = ['-c', 'user.name=T', '-c', 'user.email=t@test', '-c', 'init.defaultBranch=main'];
        return place.run(['git', ...identity, ...words], { HOME: place.directory });
      };
      expect(git('init', '-q', '--bare', 'server').status).toBe(0);
      mkdirSync(place.path('server/hooks'), { recursive: true });
      symlinkSync(example('git-update-hook.sh'), place.path('server/hooks/update'));
      expect(git('init', '-q', 'work').status).toBe(0);
      const commit = () => git('-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'change').status;
      const push = (branch: string) =>
        git('-C', 'work', 'push', '-q', '../server', `HEAD:refs/heads/${branch}`);
      expect(commit()).toBe(0);
      expect(push('main')).toMatchObject({ status: 0 });

      const caller = await Caller.to(url);
      await caller.lock('freeze/main', 'release manager', { note: 'release 7' });
      expect(commit()).toBe(0);
      const refused = push('main');
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain('main is frozen');
      expect(refused.stderr).toContain('release manager');
      expect(push('topic').status).toBe(0);
      await caller.unlock('freeze/main', 'release manager');
      caller.close();
      expect(push('main').status).toBe(0);

      await daemon.kill();
      expect(commit()).toBe(0);
      expect(push('main').status).not.toBe(0);
    },
  );
});

describeWith(['python3'], 'ansible-deploy.yml', () => {
  test('is a play that takes a lock, works, and gives it back in any case', ({ skip }) => {
    const script = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))';
    const { status, stdout, stderr } = spawnSync('python3', ['-c', script, example('ansible-deploy.yml')], {
      encoding: 'utf8',
    });
    const isThere = !stderr.includes("No module named 'yaml'");
    if (!isThere && process.env.LOCKD_TEST_REQUIRE === undefined) skip('needs PyYAML');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [{ tasks }] = JSON.parse(stdout);
    const command = (task: Record<string, { argv: string[] }>) => task['ansible.builtin.command']?.argv;
    const [, take, { block, always }] = tasks;
    expect(command(take)?.slice(0, 2)).toEqual(['lockd', 'lock']);
    expect(command(block[0])?.slice(0, 2)).toEqual(['lockd', 'gate']);
    expect(command(always[0])?.slice(0, 2)).toEqual(['lockd', 'unlock']);
  });
});

describeWith(['ansible-playbook'], 'ansible-deploy.yml', () => {
  test('is a playbook to Ansible itself', () => {
    const words = ['--syntax-check', '--inventory', 'app,', example('ansible-deploy.yml')];
    const { status, stdout, stderr } = spawnSync('ansible-playbook', words, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\s*playbook: .*ansible-deploy\.yml\s*$/);
  });
});

/** Whether an interpreter has the XML-RPC library that its example needs. */
const LIBRARIES = {
  perl: ['-MXMLRPC::Lite', '-e1'],
  ruby: ['-rxmlrpc/client', '-e', '1'],
  php: ['-r', 'exit(function_exists("xmlrpc_encode_request") ? 0 : 1);'],
} as const;

const CHECKS = { perl: '-c', ruby: '-c', php: '-l' } as const;

describe.each([
  ['perl', 'lock.pl'],
  ['ruby', 'lock.rb'],
  ['php', 'lock.php'],
] as const)('in %s', (language, name) => {
  const hasLibrary = spawnSync(language, LIBRARIES[language]).status === 0;
  const needs: Need[] = [language];

  describeWith(needs, name, () => {
    test.runIf(hasLibrary || process.env.LOCKD_TEST_REQUIRE !== undefined)(
      'runs a command under a lock and gives it back',
      async () => {
        expect(spawnSync(language, [CHECKS[language], example(name)]).status).toBe(0);
        const { url } = await serve();
        const place = new Workplace(url);
        place.localProgram('work', 'echo "$LOCKD_TOKEN $1" >done\nexit 7');
        const run = () => place.run([language, example(name), './work', 'a  b']);
        expect(run()).toMatchObject({ status: 7, stderr: '' });
        expect(place.read('done')).toMatch(/^\d{16} a {2}b\n$/);
        const story = (await place.story('deploy/prod')).map((line) => line.split(' ')[0]);
        expect(story).toEqual(['granted', 'unlocked']);
      },
    );

    test.runIf(hasLibrary || process.env.LOCKD_TEST_REQUIRE !== undefined)(
      'a refusal is told, and nothing is run',
      async () => {
        const { url } = await serve();
        const place = new Workplace(url);
        // Its wait would take ten seconds; this refusal comes at once.
        const caller = await Caller.to(url);
        await caller.lock('deploy/prod', 'somebody else', { limit: 2 });
        const { status, stderr } = place.run([language, example(name), 'touch', 'done']);
        expect(status).not.toBe(0);
        expect(stderr).toContain("'deploy/prod' is in use with limit 2, not 1");
        expect(readdirSync(place.directory)).toEqual(['bin']);
        caller.close();
      },
    );
  });
});
