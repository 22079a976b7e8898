/** What lies in the lock directory that the journal knows nothing of: ours, somebody's lock, or unreadable. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ForeignLock } from '../../src/lock-files/foreign.js';
import { joinClaims } from '../../src/lock-files/foreign.js';
import { lockFileName } from '../../src/lock-files/names.js';
import { lock, unlock } from '../core/history.js';
import { DIRECTORY_ID, foreignJson, Place } from './place.js';

const LONG = 'a'.repeat(400);

function claimOf(place: Place, name: string, resource: string, client: string): ForeignLock {
  return { resource, files: [place.at(name)], claim: { limit: 1, holders: [{ client }] } };
}

describe('a lock of somebody else', () => {
  test.each([
    ['as gocept.lockd leaves it', 'host.resource.lock', 'host'],
    ['made by hand', 'host.lock', 'host'],
    ['with a % in its name', 'deploy%2Fprod.lock', 'deploy/prod'],
    ['with a % that says nothing', '100%.lock', '100%'],
    ['with a lower-case %', 'a%2fb.lock', 'a%2fb'],
    ['of gocept with a %', 'deploy%2Fprod.resource.lock', 'deploy/prod'],
    ['with blanks', 'my host.lock', 'my host'],
    ['with umlauts', 'é\u{1f512}.lock', 'é\u{1f512}'],
    ['with the replacement character', '\ufffd.lock', '\ufffd'],
    ['that is hidden', '.host.lock', '.host'],
    ['with two endings', 'host.lock.lock', 'host.lock'],
  ])('%s', (_, name, resource) => {
    const place = new Place();
    place.put(name, 'ops@desk\n');
    const claim = claimOf(place, name, resource, 'ops@desk');
    expect(place.start()).toEqual([claim]);
    // It stays until it is a lock in the journal; a running daemon finds it too.
    expect(place.names()).toEqual([name]);
    expect(place.compare()).toEqual([claim]);
  });

  test('of another lockd, with its tokens', () => {
    const place = new Place();
    place.put('db.lock', foreignJson('db', ['A', 'B'], 41));
    expect(place.start()).toEqual([
      {
        resource: 'db',
        files: [place.at('db.lock')],
        claim: {
          limit: 2,
          holders: [
            { client: 'A', token: 41 },
            { client: 'B', token: 42 },
          ],
        },
        highestToken: 42,
      },
    ]);
  });

  test('of another lockd, with a name that is too long for a file', () => {
    const place = new Place();
    place.put(lockFileName(LONG), foreignJson(LONG, ['A']));
    expect(place.start()).toMatchObject([{ resource: LONG, claim: { holders: [{ client: 'A' }] } }]);
    expect(place.files.look(LONG)).toMatchObject({ resource: LONG, claim: { holders: [{ client: 'A' }] } });
  });

  test('is met by whoever wants the resource', () => {
    const place = new Place();
    place.start();
    expect(place.files.look('host')).toBeUndefined();
    place.put('host.lock', 'B');
    expect(place.files.look('host')).toEqual(claimOf(place, 'host.lock', 'host', 'B'));
    expect(place.files.look('other')).toBeUndefined();
  });
});

describe('ours', () => {
  test('is what is a second name of a slot, whatever is in it', () => {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'), lock('b', 'A'));
    fs.writeFileSync(place.at('a.lock'), '');
    fs.writeFileSync(place.at('b.lock'), 'B\n');
    place.world.do(unlock('a', 'A'));
    place.world.do(unlock('b', 'A'));
    expect(place.start()).toEqual([]);
    expect(place.names()).toEqual([]);
    expect(place.adopted()).toEqual([]);
  });

  test('is what carries the id of the directory', () => {
    const place = new Place();
    place.put('a.lock', foreignJson('a', ['A'], 5, DIRECTORY_ID));
    place.put('copy.lock', foreignJson('a', ['A'], 5, DIRECTORY_ID));
    expect(place.start()).toEqual([]);
    expect(place.names()).toEqual([]);
  });

  test('is nothing where there is no journal', () => {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'), lock('b', 'A'));
    fs.writeFileSync(place.at('b.lock'), '');
    place.world.do(unlock('a', 'A'));
    place.world.do(unlock('b', 'A'));
    const found = place.start({ isNew: true });
    expect(found.map((one) => one.resource).sort()).toEqual(['a', 'b']);
    const [a] = found.filter((one) => one.resource === 'a');
    expect(a?.claim?.holders).toEqual([{ client: 'A', token: 1 }]);
    expect(found.find((one) => one.resource === 'b')?.claim).toBeUndefined();
    expect(place.names()).toEqual(['a.lock', 'b.lock']);
  });

  /** Foreign files, made until one has an inode of `freed`: file systems give it to the next file. */
  function makeUntilReused(place: Place, freed: ReadonlySet<number>): string[] {
    const made: string[] = [];
    for (let number = 0; number < 500; number += 1) {
      const path = place.put(`foreign${number}.lock`, 'B\n');
      made.push(path);
      if (freed.has(fs.statSync(path).ino)) break;
    }
    return made.sort();
  }

  function startedTwice(): { place: Place; inodes: Set<number> } {
    const place = new Place({ maxOpenSlots: 1 });
    place.start();
    place.save(lock('a', 'A'), lock('b', 'A'));
    const inodes = new Set(place.names().map((name) => fs.statSync(place.at(name)).ino));
    // Something to judge: from here on the inodes of the old slots are known.
    place.put('stray.lock', foreignJson('stray', ['A'], 5, DIRECTORY_ID));
    place.start();
    return { place, inodes };
  }

  test('is no file with the inode of an old slot, as soon as that is gone', () => {
    const { place, inodes } = startedTwice();
    const steps = place.files.renewViews(place.world.table);
    while (place.slots(1).length > 0) steps.next();
    const made = makeUntilReused(place, inodes);
    expect(
      place
        .compare()
        .flatMap((found) => found.files)
        .sort(),
    ).toEqual(made);
  });

  test('is no file with the inode of a slot of today, as soon as that is gone', () => {
    const { place } = startedTwice();
    place.renew();
    place.put('stray.lock', foreignJson('stray', ['A'], 5, DIRECTORY_ID));
    place.compare();
    const inodes = new Set(place.names().map((name) => fs.statSync(place.at(name)).ino));
    place.save(unlock('a', 'A'), unlock('b', 'A'));
    const made = makeUntilReused(place, inodes);
    expect(
      place
        .compare()
        .flatMap((found) => found.files)
        .sort(),
    ).toEqual(made);
  });
});

function makeHuge(path: string): void {
  fs.writeFileSync(path, '');
  fs.truncateSync(path, 1 << 30);
}

describe('an unreadable file', () => {
  const KINDS: readonly (readonly [string, (path: string) => void])[] = [
    ['empty', (path) => fs.writeFileSync(path, '')],
    ['torn', (path) => fs.writeFileSync(path, foreignJson('a', ['A']).slice(0, 60))],
    ['garbage', (path) => fs.writeFileSync(path, Buffer.from([0xff, 0x00, 0xfe, 0x80]))],
    ['1 GB of nothing', makeHuge],
    ['one byte more than any lock file', (path) => fs.writeFileSync(path, Buffer.alloc((1 << 20) + 1, 0x41))],
    ['a FIFO', (path) => void spawnSync('mkfifo', [path])],
    ['a symbolic link', (path) => fs.symlinkSync('/etc/hostname', path)],
    ['a symbolic link to nowhere', (path) => fs.symlinkSync('/nowhere', path)],
    ['a directory', (path) => fs.mkdirSync(path)],
    ['two lines', (path) => fs.writeFileSync(path, 'A\nB\n')],
    ['by the client that nobody is', (path) => fs.writeFileSync(path, '?')],
  ];

  test.each(KINDS)('(%s) locks its resource, and only that one', (_, make) => {
    const place = new Place();
    make(place.at('a.lock'));
    place.put('b.lock', 'B');
    const found = place.start().sort((one, two) => (one.resource < two.resource ? -1 : 1));
    expect(found).toEqual([
      { resource: 'a', files: [place.at('a.lock')] },
      claimOf(place, 'b.lock', 'b', 'B'),
    ]);
    expect(place.files.look('a')).toEqual({ resource: 'a', files: [place.at('a.lock')] });
    expect(place.names()).toEqual(['a.lock', 'b.lock']);
  });

  test('is one that speaks of another resource; its token still counts', () => {
    const place = new Place();
    place.put('a.lock', foreignJson('other', ['A'], 41));
    expect(place.start()).toEqual([{ resource: 'a', files: [place.at('a.lock')], highestToken: 41 }]);
  });

  test('is one that names other holders than it counts, as after a power cut; its tokens still count', () => {
    const place = new Place({ nextToken: 1 });
    place.put('a.lock', foreignJson('a', ['A', 'B'], 41).replace('"held": 2', '"held": 1'));
    expect(place.start()).toEqual([{ resource: 'a', files: [place.at('a.lock')], highestToken: 42 }]);
  });

  test.each(['open', 'read'] as const)('is one whose %s fails', (op) => {
    const place = new Place();
    place.put('a.lock', 'A');
    place.disk.failNext(op, { code: 'EIO', path: /a\.lock$/ });
    const failure = expect.stringContaining('EIO');
    expect(place.start()).toEqual([{ resource: 'a', files: [place.at('a.lock')], failure }]);
  });

  test.each(['open', 'read'] as const)(
    'stops a start whose journal knows no token where the disk fails its %s',
    (op) => {
      const place = new Place({ nextToken: 1 });
      place.put('a.lock', foreignJson('a', ['A'], 41));
      place.disk.failNext(op, { code: 'EIO', path: /a\.lock$/ });
      expect(() => place.start()).toThrow(
        expect.objectContaining({
          name: 'StartRefused',
          message: expect.stringMatching(/a\.lock could not be read \(EIO.*move the file away/),
        }),
      );
      expect(place.names()).toEqual(['a.lock']);
      expect(place.start()).toEqual([expect.objectContaining({ resource: 'a', highestToken: 41 })]);
    },
  );

  test('stops no start where the file is not for us', () => {
    const place = new Place({ nextToken: 1 });
    place.put('a.lock', 'A');
    place.disk.failNext('open', { code: 'EACCES', path: /a\.lock$/ });
    expect(place.start()).toEqual([{ resource: 'a', files: [place.at('a.lock')] }]);
  });

  test.each([
    ['', 'an empty file'],
    [foreignJson('another', ['A']), 'the lock of another resource'],
    [foreignJson(LONG, ['A']).slice(0, 80), 'a torn file'],
    ['ops@desk', 'plain text'],
  ])('in place of a name that is cut locks whoever’s name it is (%#)', (content) => {
    const place = new Place();
    place.start();
    place.put(lockFileName(LONG), content);
    expect(place.files.look(LONG)).toEqual({ resource: LONG, files: [place.at(lockFileName(LONG))] });
  });
});

describe('a name that no resource can have', () => {
  test.each([
    ['no name at all', '.lock'],
    ['no name at all, of gocept', '.resource.lock'],
    ['a line feed', 'a\nb.lock'],
    ['a bidi control', 'a\u202eb.lock'],
  ])('(%s) locks nothing, and is warned about once', (_, name) => {
    const place = new Place();
    const path = place.put(name, 'A');
    expect(place.start()).toEqual([]);
    for (let minute = 0; minute < 3; minute += 1) expect(place.compare()).toEqual([]);
    expect(place.warned).toEqual([`${path} is ignored: no resource can have this name`]);
    expect(place.names()).toEqual([name]);
  });

  test('(no UTF-8) locks nothing, and is warned about', () => {
    const place = new Place();
    fs.writeFileSync(
      Buffer.concat([Buffer.from(place.at('caf')), Buffer.from([0xe9]), Buffer.from('.lock')]),
      'A',
    );
    expect(place.start()).toEqual([]);
    place.compare();
    expect(place.warned).toEqual([
      `${place.at('caf\ufffd.lock')} is ignored: no resource can have this name`,
    ]);
  });

  test.each(['notes.txt', 'a.lock.bak', 'a.lock~', '.a.lock.swp', 'lock'])('(%s) is left alone', (name) => {
    const place = new Place();
    place.put(name, 'A');
    expect(place.start()).toEqual([]);
    expect(place.compare()).toEqual([]);
    expect([place.warned, place.names()]).toEqual([[], [name]]);
  });
});

describe('two files that claim one resource', () => {
  const HAND = 'host.lock';
  const GOCEPT = 'host.resource.lock';

  test.each([
    ['the same client', 'A\n', 'A', [{ client: 'A' }]],
    ['the same client, once with a token', 'A', foreignJson('host', ['A'], 7), [{ client: 'A', token: 7 }]],
    [
      'the same two clients',
      foreignJson('host', ['A', 'B'], 3),
      foreignJson('host', ['B', 'A'], 9),
      [
        { client: 'B', token: 9 },
        { client: 'A', token: 10 },
      ],
    ],
    ['different clients', 'A', 'B', undefined],
    ['a client more', foreignJson('host', ['A']), foreignJson('host', ['A', 'B']), undefined],
    ['one of them unreadable', 'A', '', undefined],
    ['both unreadable', '', '', undefined],
  ])('%s', (_, hand, gocept, holders) => {
    const place = new Place();
    place.put(HAND, hand);
    place.put(GOCEPT, gocept);
    const found = place.start();
    expect(found).toHaveLength(1);
    expect([...(found[0]?.files ?? [])].sort()).toEqual([place.at(HAND), place.at(GOCEPT)]);
    expect(found[0]?.claim?.holders).toEqual(holders);
  });

  test('are joined in whatever order they come', () => {
    const locks: ForeignLock[] = [
      { resource: 'a', files: ['1'], claim: { limit: 1, holders: [{ client: 'A' }] } },
      { resource: 'b', files: ['2'], claim: { limit: 1, holders: [{ client: 'B' }] } },
      {
        resource: 'a',
        files: ['3'],
        claim: { limit: 1, holders: [{ client: 'A', token: 9 }] },
        highestToken: 9,
      },
      { resource: 'a', files: ['4'], highestToken: 12 },
    ];
    for (const order of [locks, [...locks].reverse()]) {
      const joined = joinClaims(order);
      expect(joined.map(({ resource, claim }) => [resource, claim !== undefined]).sort()).toEqual([
        ['a', false],
        ['b', true],
      ]);
    }
    expect(joinClaims(locks)[0]?.highestToken).toBe(12);
    expect(joinClaims(locks.slice(0, 3))[0]?.claim?.holders).toEqual([{ client: 'A', token: 9 }]);
  });
});

describe('the files of held resources', () => {
  test('are nobody’s claim, also while a daemon runs', () => {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'), lock('db', 'A', { limit: 2 }), lock('db', 'B', { limit: 2 }));
    expect(place.compare()).toEqual([]);
    expect(place.start()).toEqual([]);
    expect(place.compare()).toEqual([]);
    expect(place.names()).toEqual(['a.lock', 'db.lock']);
  });

  test('do not hide a second file for the same resource', () => {
    const place = new Place();
    place.start();
    place.save(lock('host', 'A'));
    place.put('host.resource.lock', 'B');
    const claim = claimOf(place, 'host.resource.lock', 'host', 'B');
    expect(place.compare()).toEqual([claim]);
    expect(place.start()).toEqual([claim]);
    expect(place.holders('host')).toEqual(['A']);
  });
});
