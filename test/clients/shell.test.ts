/** clients/lockd.sh: its calls, what it makes of every answer, and what it lets nobody tell it. */
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { fakeDaemon, fault, hold, member, response } from './shell-daemon.js';
import { LOCKD_SH, lockdSh, SHELLS, script } from './shell-process.js';

describeWith(['curl', 'flock'], 'lockd.sh', () => {
  describe.each(SHELLS.map((shell) => [shell]))('%j', (shell) => {
    test('locks, renews, checks, unlocks: as a library', async () => {
      const { url } = await serve();
      const text = `set -eu
T=first
lockd_lock deploy/prod 30s >/dev/null
[ -n "$LOCKD_TOKEN" ] && lockd_check deploy/prod && lockd_renew deploy/prod && echo held
lockd_lock deploy/prod || echo "status $?"
echo "token <$LOCKD_TOKEN>"
T=$(lockd_lock other)
lockd_unlock other "$T" && echo "unlocked"
lockd_check other "$T" || echo "status $?"
lockd_status deploy/prod | grep -c 'is held'`;
      const { status, stdout, stderr } = await script(text, { url, shell });
      expect(stdout.split('\n')).toEqual(['held', 'status 1', 'token <>', 'unlocked', 'status 1', '1', '']);
      expect(status).toBe(0);
      expect(stderr).toMatch(/^Resource already locked by '/);
    });

    test('names and notes arrive as they are, whatever is in them', async () => {
      const { url } = await serve();
      const odd = [
        `a'b"c<d>&e;f\\g$h\`i\`%s*`,
        'ü€😀 日本',
        '--ttl',
        '</string></value><fault>',
        '%41&amp;&#65;',
        '-n',
        '  two  blanks  ',
      ];
      for (const name of odd) {
        const { status, stdout, stderr } = await lockdSh(
          ['lock', '--client', name, '--note', name, '--', name],
          { url, shell },
        );
        expect({ status, stderr, stdout }, name).toEqual({
          status: 0,
          stderr: '',
          stdout: expect.stringMatching(/^\d+\n$/),
        });
        const [found] = (await new LockdClient({ url }).status(name)).holders;
        expect(found).toMatchObject({ resource: name, client: name, note: name, token: stdout.trim() });
        const refused = await lockdSh(['lock', '--client', 'B', '--', name], { url, shell });
        expect(refused.status).toBe(1);
        expect(refused.stderr).toContain(
          `Resource already locked by '${name}'\n'${name}' is held; '${name}' (token ${stdout.trim()}): ${name}\n`,
        );
      }
    });

    test.each([
      [
        'a note that looks like a fault',
        hold('7', member('note', '<string>&lt;fault&gt;&lt;/value&gt; faultCode=1</string>')),
        0,
        '7\n',
      ],
      [
        'a note with what looks like a token',
        hold('7', member('note', '<string>x&#13;value.token=9&#10;value.token=9</string>')),
        0,
        '7\n',
      ],
      ['strings without a type', hold('7').replaceAll(/<\/?string>/g, ''), 0, '7\n'],
      [
        'white space between the tags',
        hold('7')
          .replaceAll('><', '>\n  <')
          .replaceAll(/<value>\s+<(string|double|struct)/g, '<value><$1'),
        0,
        '7\n',
      ],
      ['the hold of somebody else', hold('7', '', 'B'), 70, ''],
      ['a token that is none', hold('7; rm -rf'), 70, ''],
      [
        'a fault with a client that looks like a hold',
        fault(1, "Resource already locked by 'value.token=9'"),
        1,
        '',
      ],
      [
        'a member that is called like a fault',
        response(`<struct>${member('fault', '<string>x</string>')}</struct>`),
        70,
        '',
      ],
      ['an HTML page', '<html><body>Welcome</body></html>', 69, ''],
      ['no XML', 'hello', 69, ''],
    ])('answers: %s', async (_what, body, status, stdout) => {
      const { url } = await fakeDaemon((call) =>
        call.includes('status') ? { body: fault(3, 'none') } : { body },
      );
      expect(await lockdSh(['lock', 'r', '--client', 'A'], { url, shell })).toMatchObject({
        status,
        stdout,
      });
    });
  });

  test.each([
    ['1', 1],
    ['2', 1],
    ['3', 1],
    ['4', 75],
    ['7', 75],
    ['8', 76],
    ['9', 75],
    ['10', 76],
    ['11', 2],
    ['13', 77],
    ['15', 75],
    ['19', 75],
    ['99', 1],
    ['-32602', 2],
    ['-32603', 70],
  ])('fault %s: exit status %i', async (code, expected) => {
    const { url } = await fakeDaemon(() => ({ body: fault(Number(code), 'No &lt;b&gt; &amp;amp; so') }));
    const { status, stderr } = await lockdSh(['renew', 'r', '--token', '7'], { url });
    expect({ status, stderr }).toEqual({
      status: expected,
      stderr: expect.stringMatching(/^No <b> &amp; so\n/),
    });
  });

  test('a reply that is cut off at any byte takes no lock twice', async () => {
    const whole = hold('7');
    const cuts = Array.from({ length: 12 }, (_, at) => Math.floor((at * whole.length) / 12));
    const runs = cuts.map(async (cutAt) => {
      const { url, calls } = await fakeDaemon((_call, at) => ({
        body: whole,
        ...(at === 1 ? { cutAt } : {}),
      }));
      expect(await lockdSh(['lock', 'r', '--client', 'A'], { url })).toMatchObject({
        status: 0,
        stdout: '7\n',
      });
      expect(calls.length).toBe(2);
      expect(calls[0]).toBe(calls[1]);
      expect(calls[0]).toMatch(/<name>request<\/name><value><string>[0-9a-f-]{36}</);
    });
    await Promise.all(runs);
  });

  test('an unlock whose answer was lost is not refused when it is repeated', async () => {
    const answers = [{ body: 'x'.repeat(99), cutAt: 1 }, { body: fault(3, 'Resource not locked') }];
    const { url } = await fakeDaemon((_call, at) => answers[at - 1]);
    expect((await lockdSh(['unlock', 'r', '--token', '7'], { url })).status).toBe(0);
  });

  test.each([
    [12, 1],
    [13, 77],
  ])('an unlock that is refused with fault %i is refused', async (code, expected) => {
    const { url } = await fakeDaemon((call) => ({
      body: call.includes('unlock') ? fault(code, 'No') : hold('7'),
    }));
    expect((await lockdSh(['unlock', 'r', '--token', '7'], { url })).status).toBe(expected);
    const ran = await lockdSh(['run', 'r', '--no-wait', '--client', 'A', '--', 'true'], { url });
    expect(ran).toEqual({ status: 0, stdout: '', stderr: 'No\n' });
  });

  test('a renewal that answers with another token is a loss', async () => {
    const { url } = await fakeDaemon(() => ({ body: hold('8') }));
    const { status, stderr } = await lockdSh(['renew', 'r', '--token', '7', '--client', 'A'], { url });
    expect({ status, stderr }).toEqual({
      status: 76,
      stderr: expect.stringMatching(/Token 7 is not the hold of 'A' on 'r', but 8 is/),
    });
  });

  test.each([
    [
      'a redirect',
      { status: 302, headers: { Location: 'http://elsewhere/' } },
      /redirect to http:\/\/elsewhere\/, and none is followed/,
    ],
    [
      'another status',
      { status: 421, body: 'Use --allow-host\nor not' },
      /\(HTTP status 421: Use --allow-host\)/,
    ],
    ['a page', { status: 404, body: '<html>no</html>' }, /\(HTTP status 404\)/],
    ['another type', { headers: { 'Content-Type': 'text/html' }, body: hold('7') }, /HTTP status 200/],
  ])('%s is no lockd', async (_what, answer, text) => {
    const { url, calls } = await fakeDaemon(() => answer);
    const { status, stderr } = await lockdSh(['lock', 'r'], { url });
    expect({ status, stderr }).toEqual({ status: 69, stderr: expect.stringMatching(text) });
    expect(calls.length).toBe(1);
  });

  test('several addresses: the next one where the first is not there; another cluster stops everything', async () => {
    const { url } = await serve();
    const found = await lockdSh(['lock', 'r'], { url: `http://127.0.0.1:1,${url}` });
    expect(found).toMatchObject({ status: 0, stderr: '' });
    const one = await fakeDaemon(() => ({ status: 503, headers: { 'X-Lockd-Id': 'one' }, body: 'busy' }));
    const two = await fakeDaemon(() => ({ headers: { 'X-Lockd-Id': 'two' }, body: hold('7') }));
    const first = await fakeDaemon(() => ({
      headers: { 'X-Lockd-Id': 'one' },
      body: fault(16, 'The daemon is stopping'),
    }));
    const mixed = await lockdSh(['lock', 'r', '--client', 'A'], { url: `${first.url},${two.url}` });
    expect(mixed.status).toBe(69);
    expect(mixed.stderr).toMatch(/is another lockd than the one before \(two, not one\)/);
    expect((await lockdSh(['lock', 'r', '--client', 'A'], { url: `${one.url},${two.url}` })).stdout).toBe(
      '7\n',
    );
  });

  test('open:// says yes to everybody, and warns', async () => {
    const { status, stdout, stderr } = await lockdSh(
      ['run', 'r', '--', 'sh', '-c', 'echo $LOCKD_TOKEN; exit 3'],
      { url: 'open://' },
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 3,
      stdout: '0\n',
      stderr: 'Warning: open:// locks nothing, and says yes to everybody\n',
    });
    const fixed = 'readonly LOCKD_URL; lockd_run r -- echo ran';
    expect(await script(fixed, { url: 'open://' })).toMatchObject({ status: 0, stdout: 'ran\n' });
    // A token that everybody has is nobody's.
    expect((await lockdSh(['check', 'r', '0'], { url: 'open://' })).status).toBe(1);
  });

  test.each([
    [['lock'], /must not be empty/],
    [['lock', '', '--ttl', '5s'], /must not be empty/],
    [['lock', 'r', '--ttl', '5 s'], /--ttl must be seconds, or like 1500ms/],
    [['lock', 'r', '--ttl', '1.s'], /--ttl must be seconds/],
    [['lock', 'r', '--tll', '5s'], /unknown option '--tll'/],
    [['lock', 'r', '--ttl'], /--ttl needs a value/],
    [['lock', 'a\tb'], /must be printable text/],
    [['lock', 'r', '--note', 'a\nb'], /must be printable text/],
    [['lock', 'r', '--url', 'ftp://x'], /--url must be like http:\/\/127\.0\.0\.1:7420, not 'ftp:\/\/x'/],
    [['lock', 'r', '--url', 'open://,http://x'], /must not name open:\/\/ beside other addresses/],
    [['lock', 'r', '--url', 'http://user@x'], /--url must not carry a user and a secret/],
    [['lock', 'r', '--limit', 'x'], /--limit must be a whole number/],
    [['lock', 'r', '--conflict-exit-code', '256'], /--conflict-exit-code must be from 0 to 255/],
    [['run', 'r', '--', ''], /The command must not be empty/],
    [['run', 'r', '--on-loss', 'cry', '--', 'true'], /--on-loss must be term, kill, keep; it is 'cry'/],
    [['run', 'r', '--wait', '1', '--no-wait', '--', 'true'], /contradict/],
    [['unlock', 'r', '--token', '7x'], /--token must be decimal digits/],
    [['check', 'r'], /Say which token/],
    [['lock', 'r', '--client', 'a\nb'], /must be printable text/],
    [['jump', 'r'], /Usage/],
  ])('usage: %j', async (words, text) => {
    const { status, stdout, stderr } = await lockdSh(words);
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(text),
    });
  });

  test.each([
    ['2', 2],
    ['1500ms', 1.5],
    ['1.5m', 90],
    ['0.25h', 900],
    ['0010s', 10],
    ['7d', 604_800],
    ['08.010s', 8.01],
  ])('a ttl of %s is %d s', async (given, seconds) => {
    const { url } = await serve();
    await lockdSh(['lock', 'r', '--ttl', given], { url });
    expect((await new LockdClient({ url }).status('r')).holders[0]?.ttl).toBe(seconds);
  });

  test('the version and the address stand where the daemon can fill them in', async () => {
    expect((await lockdSh(['--version'])).stdout).toBe('0.0.0\n');
    const { stdout } = await script('unset LOCKD_URL; . "$FILE"; echo "$LOCKD_URL"', {
      variables: { FILE: LOCKD_SH },
    });
    expect(stdout).toBe('http://127.0.0.1:7420\n');
  });
});
