/** Round trips with Python's xmlrpc.client, which most callers use. Skipped where there is no python3. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { writeFault, writeResponse } from '../../src/xmlrpc/write.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython && !process.env.LOCKD_TEST_REQUIRE)
  console.log('python3 is not here: its round trips are skipped');
const isSkipped = !hasPython && !process.env.LOCKD_TEST_REQUIRE;

/** What the script prints, as JSON; `input` is JSON on its standard input. */
function python(script: string, input: unknown): unknown {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], { input: JSON.stringify(input) });
  if (status !== 0) throw new Error(`python3 failed: ${stderr}`);
  return JSON.parse(stdout.toString());
}

const DUMPS = `
import base64, datetime, json, sys, xmlrpc.client as x
params = ('deploy/prod', 'K\\u00e4the \\U0001f512', '', ' <a>&]]>"\\' ', 0, -5, 2147483647, 0.5, 1e-07, -1e+20, True, False, None,
  datetime.datetime(2026, 11, 21, 1, 20, 48), x.DateTime('20261121T01:20:48'), x.Binary(bytes(range(100))),
  [], [1, ['a']], {}, {'limit': 3, 'note': 'x', '': [{}]})
bodies = [x.dumps(params, 'lock', allow_none=True, encoding=e).encode(e or 'utf-8', 'xmlcharrefreplace')
  for e in (None, 'utf-8', 'us-ascii', 'iso-8859-1')]
print(json.dumps([base64.b64encode(b).decode() for b in bodies]))
`;

test.skipIf(isSkipped)('calls that Python wrote, in every encoding', () => {
  const date = new Date('2026-11-21T01:20:48Z');
  for (const body of python(DUMPS, null) as string[]) {
    expect(parseCall(Buffer.from(body, 'base64'))).toEqual({
      method: 'lock',
      params: [
        ...[
          'deploy/prod',
          'Käthe 🔒',
          '',
          ' <a>&]]>"\' ',
          0,
          -5,
          2_147_483_647,
          0.5,
          1e-7,
          -1e20,
          true,
          false,
          null,
        ],
        ...[date, date, Buffer.from(Array.from({ length: 100 }, (_, octet) => octet))],
        ...[[], [1, ['a']], new Map()],
        new Map<string, unknown>([
          ['limit', 3],
          ['note', 'x'],
          ['', [new Map()]],
        ]),
      ],
    });
  }
});

const LOADS = `
import json, sys, xmlrpc.client as x
def plain(v):
  if isinstance(v, x.DateTime): return 'date ' + v.value
  if isinstance(v, x.Binary): return 'bytes ' + v.data.hex()
  if isinstance(v, list): return [plain(i) for i in v]
  if isinstance(v, dict): return {k: plain(i) for k, i in v.items()}
  return v
print(json.dumps([plain(x.loads(body)[0][0]) for body in json.load(sys.stdin)]))
`;

test.skipIf(isSkipped)('answers that Python reads', () => {
  const values = [
    'Käthe \r\n🔒 ]]> <a> &amp;',
    '',
    0,
    -5,
    0.25,
    1e-7,
    1_790_000_000_000_000,
    true,
    [1, []],
    { a: { b: ['c'] }, '': 1 },
  ];
  expect(python(LOADS, values.map(writeResponse))).toEqual(values);
  const special = [new Date('2026-11-21T01:20:48Z'), Buffer.from('hello')];
  expect(python(LOADS, [writeResponse(special)])).toEqual([['date 20261121T01:20:48', 'bytes 68656c6c6f']]);
});

const FAULT = `
import json, sys, xmlrpc.client as x
try: x.loads(json.load(sys.stdin))
except x.Fault as f: print(json.dumps([f.faultCode, f.faultString]))
`;

test.skipIf(isSkipped)('a fault that Python raises', () => {
  const text = "Resource already locked by 'Käthe'";
  expect(python(FAULT, writeFault(1, text))).toEqual([1, text]);
});
