/**
 * The house: rooms are folders, doors open one way. Read from the import statements of every source file, so that a door
 * that should not be there is found on the day it is made.
 */
import * as fs from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), '../src');

/** Which rooms each room may import from. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  disk: [],
  etcd: ['core'],
  store: ['core', 'disk', 'etcd'],
  cluster: ['core', 'etcd', 'store'],
  'lock-files': ['core', 'disk'],
  fencing: ['core', 'disk'],
  access: ['core', 'disk'],
  service: ['core', 'disk', 'etcd', 'store', 'cluster', 'lock-files', 'fencing'],
  xmlrpc: ['core', 'access', 'service'],
  http: ['core', 'access', 'service', 'xmlrpc'],
  client: ['core', 'service', 'xmlrpc'],
  page: ['core', 'access', 'service', 'xmlrpc', 'client'],
  run: ['fencing', 'client'],
  gate: ['run'],
  cli: 'core disk etcd store cluster lock-files fencing access service xmlrpc http client run gate'.split(
    ' ',
  ),
};

/** Doors for types alone: what a client hands out is what the service says, but no line of the service runs there. */
const TYPES_ONLY: readonly string[] = ['client → service', 'page → service'];

/** Everything that touches the lock directory goes through src/disk. These read something else, or write no file. */
const FILE_SYSTEM: Readonly<Record<string, string>> = {
  'access/users-file.ts': 'reads and writes the users file',
  'service/version.ts': 'reads the package’s own package.json',
  'client/connection-files.ts': 'reads the secret, the certificates and the key that the settings name',
  'fencing/command-runner.ts': 'looks for the fence file of a token, and removes it',
  'fencing/fence-lock.ts': 'opens the fence file, for commands to inherit its descriptor',
  'fencing/processes.ts': 'reads /proc',
  'fencing/rules.ts': 'looks whether a fence command can be executed',
  'fencing/start-command.ts': 'opens /dev/null and reads /proc/self',
  'gate/gate-file.ts': 'the file of a gate, which is locked by the kernel and inherited by the command',
  'http/client-files.ts': 'reads the clients of the package, to hand them out',
  'http/machine-names.ts': 'reads /etc/hosts',
  'http/page-files.ts': 'reads the files of the web page, to hand them out',
  'http/socket-file.ts': 'the file of a Unix socket',
  'http/tls.ts': 'reads the certificates and the key',
  'run/command.ts': 'closes descriptors that somebody else left open',
  'run/processes.ts': 'reads /proc',
  'cli/cluster-files.ts': 'looks who may read the password of etcd',
  'cli/config-file.ts': 'reads the file of --config',
  'cli/main.ts': 'writes to standard error before the process ends',
  'cli/run-voice.ts': 'writes to standard error without waiting for who reads it',
};

/** The few modules of Node that compute and do nothing else. */
const PURE_MODULES: readonly string[] = [];

interface Import {
  /** From `src`, with slashes. */
  readonly file: string;
  readonly room: string;
  readonly specifier: string;
  /** No line of the other file runs because of it. */
  readonly isType: boolean;
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, `require('x')`; comments left out. */
const IMPORT =
  /\b(?:import|export)\s+(type\s+)?([^'";]*?)\bfrom\s*'([^']+)'|\bimport\s*\(?\s*'([^']+)'|\brequire\s*\(\s*'([^']+)'/g;
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] as string) : '';
}

function importsOf(file: string, text: string): Import[] {
  return [...text.replace(COMMENT, '').matchAll(IMPORT)].map((match) => {
    const named = match[2] ?? '';
    const names = /^\{(.*)\}\s*$/s
      .exec(named.trim())?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    const isType = match[1] !== undefined || (names?.every((name) => /^\s*type\s/.test(name)) ?? false);
    return { file, room: roomOf(file), specifier: match[3] ?? match[4] ?? match[5] ?? '', isType };
  });
}

const FILES = fs
  .readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => file.endsWith('.ts'))
  .sort();
const IMPORTS = FILES.flatMap((file) => importsOf(file, fs.readFileSync(join(SOURCE, file), 'utf8')));

/** The room that an import leads into; undefined for packages and for Node's own modules. */
function target({ file, specifier }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return roomOf(
    relative(SOURCE, resolve(SOURCE, dirname(file), specifier))
      .split(sep)
      .join('/'),
  );
}

/** `main` of `node:path` or `path`. */
function builtin(specifier: string): string | undefined {
  const name = specifier.replace(/^node:/, '');
  return specifier.startsWith('node:') || builtinModules.includes(name) ? name : undefined;
}

describe('reading imports', () => {
  test.each([
    ["import { a, type B } from './x.js';", './x.js', false],
    ["import { type A, type B } from './x.js';", './x.js', true],
    ["import type { A } from './x.js';", './x.js', true],
    ["import {\n  type A,\n  b,\n} from './x.js';", './x.js', false],
    ["import * as fs from 'node:fs';", 'node:fs', false],
    ["import a from 'package/lib/a.js';", 'package/lib/a.js', false],
    ["import './x.js';", './x.js', false],
    ["export { a } from './x.js';", './x.js', false],
    ["export type { A } from './x.js';", './x.js', true],
    ["export * from './x.js';", './x.js', false],
    ["const x = await import('./x.js');", './x.js', false],
    ["const x = require('x');", 'x', false],
  ])('%j', (text, specifier, isType) => {
    expect(importsOf('core/a.ts', text)).toEqual([{ file: 'core/a.ts', room: 'core', specifier, isType }]);
  });

  test('leaves out what only looks like one', () => {
    expect(
      importsOf('core/a.ts', "/** import { a } from './x.js'; */\n  // import './y.js'\nexport const a = 1;"),
    ).toEqual([]);
  });

  test('finds one for every line that begins or ends one', () => {
    expect(FILES.length).toBeGreaterThan(20);
    for (const file of FILES) {
      const text = fs.readFileSync(join(SOURCE, file), 'utf8').replace(COMMENT, '');
      const ends = text.match(/^(?:import|export|\}).* from '|^import '/gm)?.length ?? 0;
      expect(IMPORTS.filter((one) => one.file === file).length, file).toBeGreaterThanOrEqual(ends);
    }
  });
});

describe('doors open one way', () => {
  test('every folder is a room that is known', () => {
    const rooms = new Set(FILES.map(roomOf).filter((room) => room !== '' && room !== 'types'));
    expect([...rooms].filter((room) => DOORS[room] === undefined)).toEqual([]);
  });

  test.each(Object.entries(DOORS))('%s imports from %j only', (room, allowed) => {
    const wrong = IMPORTS.filter((one) => one.room === room).filter((one) => {
      const into = target(one);
      return into !== undefined && into !== room && !allowed.includes(into);
    });
    expect(wrong).toEqual([]);
  });

  test('some doors are for types alone', () => {
    const wrong = IMPORTS.filter((one) => !one.isType && TYPES_ONLY.includes(`${one.room} → ${target(one)}`));
    expect(wrong).toEqual([]);
  });

  test('nobody imports what stands outside the rooms, or a file that is not there', () => {
    for (const one of IMPORTS) {
      if (target(one) === undefined) continue;
      const path = resolve(SOURCE, dirname(one.file), one.specifier).replace(/\.js$/, '.ts');
      expect(fs.existsSync(path), `${one.file} imports ${one.specifier}`).toBe(true);
      expect(target(one), `${one.file} imports ${one.specifier}`).not.toBe(one.room === '' ? undefined : '');
    }
  });

  test('no two rooms import each other', () => {
    const pairs = new Set(IMPORTS.map((one) => `${one.room} → ${target(one)}`));
    const both = [...pairs].filter((pair) => {
      const [from, into] = pair.split(' → ');
      return from !== into && pairs.has(`${into} → ${from}`);
    });
    expect(both).toEqual([]);
  });
});

/** What runs when a file is loaded: itself, and what it imports, but for what is imported only when it is needed. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = fs.readFileSync(join(SOURCE, file), 'utf8').replace(/\bimport\s*\(\s*'[^']+'/g, '');
  for (const { specifier } of importsOf(file, text).filter(({ isType }) => !isType)) {
    if (!specifier.startsWith('.')) continue;
    const path = relative(SOURCE, resolve(SOURCE, dirname(file), specifier))
      .split(sep)
      .join('/');
    loadedWith(path.replace(/\.js$/, '.ts'), seen);
  }
  return seen;
}

test('a daemon that is alone loads no line of what makes a cluster', () => {
  const ofClusters = (files: ReadonlySet<string>) =>
    [...files].filter((file) =>
      /^(?:etcd|cluster|store\/etcd)\/|\/cluster-(?:settings|member|migration)|\/store-gateway/.test(file),
    );
  const alone = loadedWith('cli/run-daemon.ts', new Set(loadedWith('cli/serve.ts')));
  expect(alone).toContain('store/journal/journal-store.ts');
  expect(ofClusters(alone)).toEqual([]);
  expect(ofClusters(loadedWith('cli/cluster-member.ts'))).toContain('etcd/gateway.ts');
});

describe('a daemon that saves its locks in its directory', () => {
  const CLUSTER =
    /^(?:etcd|cluster)\/|^store\/etcd\/|^service\/(?:member|terms|open-member|migrate)\.ts$|^fencing\/guardian/;

  /** What is loaded with a file: all that it imports, but not what it only imports when it is needed. */
  function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
    if (loaded.has(file)) return loaded;
    loaded.add(file);
    const text = fs.readFileSync(join(SOURCE, file), 'utf8');
    for (const { specifier, isType } of IMPORTS.filter((one) => one.file === file)) {
      if (isType || !specifier.startsWith('.') || text.includes(`import('${specifier}')`)) continue;
      const path = relative(SOURCE, resolve(SOURCE, dirname(file), specifier))
        .split(sep)
        .join('/');
      loadedWith(path.replace(/\.js$/, '.ts'), loaded);
    }
    return loaded;
  }

  test.each(['index.ts', 'cli/main.ts', 'cli/run-daemon.ts', 'cli/daemon.ts'])(
    'loads nothing of etcd with %s',
    (file) => {
      const loaded = [...loadedWith(file)];
      expect(loaded.length).toBeGreaterThan(10);
      expect(loaded.filter((one) => CLUSTER.test(one))).toEqual([]);
    },
  );
});

describe('what the rooms know of the world', () => {
  test('core knows nothing: no module of Node, no package', () => {
    const outside = IMPORTS.filter((one) => one.room === 'core' && !one.specifier.startsWith('.'));
    expect(outside.filter((one) => !PURE_MODULES.includes(one.specifier))).toEqual([]);
  });

  test('core reads no clock, draws no lots, waits for nothing', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bMath\.random\b|\bprocess\b|\bset(?:Timeout|Interval|Immediate)\b|\basync\b|\bawait\b|\bPromise\b|\bconsole\b|\bfetch\b/;
    for (const file of FILES.filter((one) => roomOf(one) === 'core')) {
      const text = fs.readFileSync(join(SOURCE, file), 'utf8').replace(COMMENT, '');
      expect(impure.exec(text)?.[0], file).toBeUndefined();
    }
  });

  test('only disk touches files, apart from a few that have a reason', () => {
    const modules = ['fs', 'fs/promises'];
    const touching = IMPORTS.filter((one) => modules.includes(builtin(one.specifier) ?? ''));
    const others = new Set(touching.filter((one) => one.room !== 'disk').map((one) => one.file));
    expect([...others].filter((file) => FILE_SYSTEM[file] === undefined)).toEqual([]);
  });

  test('every module of Node is called by its full name', () => {
    const short = IMPORTS.filter(
      (one) => builtin(one.specifier) !== undefined && !one.specifier.startsWith('node:'),
    );
    expect(short).toEqual([]);
  });

  test('the page knows browsers: no module of Node, no package', () => {
    const outside = IMPORTS.filter((one) => one.room === 'page' && !one.specifier.startsWith('.'));
    expect(outside).toEqual([]);
  });

  test('the page makes no markup out of text, but for what it parses as XML', () => {
    const markup =
      /\b(?:innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|setHTMLUnsafe|srcdoc|eval)\b|\bdocument\.write|\bnew Function\b|\bsetAttribute\('on/;
    const pages = FILES.filter((one) => roomOf(one) === 'page');
    expect(pages.length).toBeGreaterThan(10);
    for (const file of pages) {
      const text = fs.readFileSync(join(SOURCE, file), 'utf8').replace(COMMENT, '');
      expect(markup.exec(text)?.[0], file).toBeUndefined();
      if (file !== 'page/parse-xml.ts') expect(text, file).not.toContain('parseFromString');
    }
  });

  test('the package xmlrpc only writes requests: its parser and server never see bytes from the network', () => {
    const writing = ['xmlrpc/lib/serializer.js', 'xmlrpc/lib/customtype.js'];
    const uses = IMPORTS.filter((one) => /^xmlrpc(?:\/|$)/.test(one.specifier));
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((one) => one.room !== 'client' || !writing.includes(one.specifier))).toEqual([]);
  });
});
