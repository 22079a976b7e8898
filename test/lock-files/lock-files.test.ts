import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockFileName } from '../../src/lock-files/names.js';
import { adopt, force, lock, unlock } from '../core/history.js';
import { foreignJson, Place, type PlaceOptions } from './place.js';

const LONG = 'a'.repeat(400);

const MODES: readonly (readonly [string, PlaceOptions])[] = [
  ['with hard links', {}],
  ['without hard links', { withoutHardLinks: true }],
];

describe.each(MODES)('lock files %s', (_, options) => {
  function started(): Place {
    const place = new Place(options);
    place.start();
    return place;
  }

  test('are there while a resource is held, and name its holders', () => {
    const place = started();
    place.save(lock('deploy/prod', 'A', { limit: 2 }));
    expect(place.names()).toEqual(['deploy%2Fprod.lock']);
    expect(place.holders('deploy/prod')).toEqual(['A']);
    place.save(lock('deploy/prod', 'B', { limit: 2 }));
    expect(place.holders('deploy/prod')).toEqual(['A', 'B']);
    place.save(unlock('deploy/prod', 'A'));
    expect(place.holders('deploy/prod')).toEqual(['B']);
    place.save(force('deploy/prod'));
    expect(place.names()).toEqual([]);
    expect(place.files.problems).toEqual([]);
  });

  test('are there for the end of a turn, whatever happened in it', () => {
    const place = started();
    place.save(lock('a', 'A'), unlock('a', 'A'), lock('b', 'A'), unlock('b', 'A'), lock('b', 'B'));
    expect(place.names()).toEqual(['b.lock']);
    place.save(unlock('b', 'B'), lock('b', 'C'), lock('c', 'C'));
    expect([place.holders('b'), place.holders('c')]).toEqual([['C'], ['C']]);
  });

  test('are for their owner alone', () => {
    const place = started();
    place.save(lock('a', 'A'));
    expect(fs.statSync(place.at('a.lock')).mode & 0o777).toBe(0o600);
  });

  test('name the first 100 holders and count all', () => {
    const place = started();
    place.save(...Array.from({ length: 101 }, (_, number) => lock('db', `c${number}`, { limit: 200 })));
    expect(place.holders('db')).toHaveLength(100);
    expect(JSON.parse(fs.readFileSync(place.at('db.lock'), 'utf8'))).toMatchObject({ held: 101, limit: 200 });
  });

  test('are never seen half made: a new holder comes by one rename', () => {
    const place = started();
    place.save(lock('db', 'A', { limit: 2 }));
    const before = fs.openSync(place.at('db.lock'), 'r');
    place.clock += 60_000;
    place.disk.calls.length = 0;
    place.save(lock('db', 'B', { limit: 2 }));
    const touching = place.disk.calls.filter(({ path }) => path === place.at('db.lock'));
    expect(touching.map(({ op }) => op)).toEqual(['rename']);
    expect(fs.readFileSync(before, 'utf8')).toContain('"held": 1');
    fs.closeSync(before);
    expect(place.slots().filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('of a turn that is abandoned change nothing', () => {
    const place = started();
    place.save(lock('db', 'A', { limit: 2 }));
    place.abandon(lock('db', 'B', { limit: 2 }), lock('new', 'B'));
    place.abandon(unlock('db', 'A'));
    expect(place.names()).toEqual(['db.lock']);
    expect(place.holders('db')).toEqual(['A']);
    place.clock += 1_000;
    place.save(lock('new', 'C'));
    expect(place.holders('new')).toEqual(['C']);
    expect(place.holders('db')).toEqual(['A']);
  });

  test.each([
    ['no space for a file', 'create', { code: 'ENOSPC', after: 1 }],
    ['no space for the content', 'write', { code: 'ENOSPC', after: 1 }],
    ['space for a part of it', 'write', { code: 'ENOSPC', after: 1, shortBytes: 10 }],
  ] as const)('with %s stop the turn before it is saved, leaving nothing', (_, op, fault) => {
    const place = started();
    place.save(lock('db', 'A', { limit: 2 }));
    place.disk.failNext(op, fault);
    expect(() => place.save(lock('x', 'A'), lock('y', 'A'), lock('z', 'A'))).toThrow('ENOSPC');
    expect(place.names()).toEqual(['db.lock']);
    place.disk.heal();
    if (options.withoutHardLinks) place.disk.failNext('link', { code: 'EPERM', times: 1e9 });
    place.save(lock('x', 'B'), unlock('db', 'A'));
    expect(place.names()).toEqual(['x.lock']);
    expect(place.holders('x')).toEqual(['B']);
  });

  test('removed by hand unlock nothing, and come back', () => {
    const place = started();
    place.save(lock('a', 'A'), lock('b', 'B'));
    fs.rmSync(place.at('a.lock'));
    expect(place.compare()).toEqual([]);
    expect(place.holders('a')).toEqual(['A']);
    expect(place.warned.at(-1)).toBe(
      `The lock file ${place.at('a.lock')} was missing and was made again; deleting it unlocks nothing`,
    );
    place.save(unlock('a', 'A'));
    expect(place.names()).toEqual(['b.lock']);
  });

  test('removed by hand just before they would be do no harm', () => {
    const place = started();
    place.save(lock('a', 'A'));
    fs.rmSync(place.at('a.lock'));
    place.save(unlock('a', 'A'));
    expect(place.files.problems).toEqual([]);
    place.save(lock('a', 'B'));
    expect(place.holders('a')).toEqual(['B']);
  });

  test('that were made since the names were listed are left as they are', () => {
    const place = started();
    place.save(lock('a', 'A'));
    const names = place.names();
    place.save(unlock('a', 'A'), lock('b', 'B'));
    expect(place.compare(names)).toEqual([]);
    expect(place.names()).toEqual(['b.lock']);
    expect(place.warned.filter((text) => text.includes('missing'))).toEqual([]);
  });

  test('are taken over at the next start, renewed, and older slots go', () => {
    const place = started();
    place.save(lock('a', 'A'), lock('db', 'A', { limit: 2 }), lock('db', 'B', { limit: 2 }));
    expect(place.start()).toEqual([]);
    expect([place.holders('a'), place.holders('db')]).toEqual([['A'], ['A', 'B']]);
    place.renew();
    expect([place.holders('a'), place.holders('db')]).toEqual([['A'], ['A', 'B']]);
    expect(place.slotFolders()).toEqual(['slots-0000000002']);
    place.save(unlock('db', 'A'), unlock('a', 'A'));
    expect(place.holders('db')).toEqual(['B']);
    expect(place.names()).toEqual(['db.lock']);
  });

  test('that could not be renewed stay known as ours, whatever a power cut makes of them', () => {
    const place = started();
    place.save(lock('a', 'A'));
    place.start();
    place.disk.failNext(options.withoutHardLinks ? 'create' : 'rename', { code: 'EIO' });
    place.renew();
    expect(place.slotFolders()).toContain('slots-0000000001');
    place.world.do(unlock('a', 'A'));
    if (!options.withoutHardLinks) place.put('a.lock', '');
    expect(place.start()).toEqual([]);
    place.renew();
    expect(place.names()).toEqual([]);
    expect(place.slotFolders()).toEqual(['slots-0000000003']);
  });

  test.each([
    ['empty', ''],
    ['torn', foreignJson('a', ['A']).slice(0, 40)],
    ['zeros', '\0\0\0\0\0\0\0\0'],
  ])('that are %s after a power cut are written again', (_, content) => {
    const place = started();
    place.save(lock('a', 'A'));
    place.put('a.lock', content);
    expect(place.start()).toEqual([]);
    place.renew();
    expect(place.holders('a')).toEqual(['A']);
    expect(place.adopted()).toEqual([]);
  });

  test('that are missing at the start are made, without a word', () => {
    const place = started();
    place.save(lock('a', 'A'));
    fs.rmSync(place.at('a.lock'));
    place.start();
    expect(place.holders('a')).toEqual(['A']);
    expect(place.warned.filter((text) => text.includes('missing'))).toEqual([]);
  });

  test('of what is held no longer are removed at the start', () => {
    const place = started();
    place.save(lock('a', 'A'), lock('b', 'B'));
    place.world.do(unlock('a', 'A'));
    expect(place.start()).toEqual([]);
    expect(place.names()).toEqual(['b.lock']);
  });

  test('of names that are too long work alike', () => {
    const place = started();
    place.save(lock(LONG, 'A'));
    expect(place.holders(LONG)).toEqual(['A']);
    expect(place.start()).toEqual([]);
    place.renew();
    place.save(unlock(LONG, 'A'));
    expect(place.names()).toEqual([]);
  });

  test('with hardly any descriptors work alike', () => {
    const place = new Place({ ...options, maxOpenSlots: 2 });
    place.start();
    const names = ['a', 'b', 'c', 'd', 'e'];
    place.save(...names.map((name) => lock(name, 'A')));
    expect(names.map((name) => place.holders(name))).toEqual(names.map(() => ['A']));
    place.abandon(...names.map((name) => unlock(name, 'A')));
    place.save(...names.map((name) => unlock(name, 'A')));
    expect(place.names()).toEqual([]);
    place.clock += 1_000;
    place.save(...names.map((name) => lock(name, 'B')));
    expect(names.map((name) => place.holders(name))).toEqual(names.map(() => ['B']));
  });
});

describe('hard links', () => {
  test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])(
    'that are lacking (%s) are done without',
    (code) => {
      const place = new Place();
      place.disk.failNext('link', { code });
      place.start();
      expect(place.warned).toEqual([
        `${place.layout.root} has no hard links; lock files are made and renamed instead`,
      ]);
      place.disk.calls.length = 0;
      place.save(lock('a', 'A'));
      expect(place.disk.count('link')).toBe(0);
      expect(place.holders('a')).toEqual(['A']);
    },
  );

  test('that fail otherwise stop the start', () => {
    const place = new Place();
    place.disk.failNext('link', { code: 'EIO' });
    expect(() => place.start()).toThrow('EIO');
  });

  test('are what lock files are: ours, whatever is in them', () => {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'));
    expect(fs.statSync(place.at('a.lock')).nlink).toBe(2);
    place.save(unlock('a', 'A'));
    expect(place.names()).toEqual([]);
    place.save(lock('a', 'A'));
    expect(fs.statSync(place.at('a.lock')).nlink).toBe(2);
  });

  test('keep a slot from being written while it has a name', () => {
    const place = new Place();
    place.start();
    place.save(lock('kept', 'A'));
    const inode = fs.statSync(place.at('kept.lock')).ino;
    for (let round = 0; round < 50; round += 1) {
      place.save(lock('other', `c${round}`));
      place.clock += 100;
      place.save(unlock('other', `c${round}`));
      place.clock += 100;
      expect(place.holders('kept')).toEqual(['A']);
    }
    expect(fs.statSync(place.at('kept.lock')).ino).toBe(inode);
    expect(place.slots().length).toBeLessThan(6);
  });
});

describe('after the commit, a disk that fails', () => {
  function heldBefore(): Place {
    const place = new Place();
    place.start();
    place.save(lock('db', 'A', { limit: 2 }));
    return place;
  }

  test('to link is reported, and mended by the next comparison', () => {
    const place = heldBefore();
    place.disk.failNext('link', { code: 'EROFS' });
    place.save(lock('a', 'A'));
    expect(place.names()).toEqual(['db.lock']);
    expect(place.files.problems).toHaveLength(1);
    expect(place.files.problems[0]).toMatch(
      /^The lock file of 'a' is not as it should be \(EROFS.*; it is tried again$/,
    );
    expect(place.warned).toEqual(place.files.problems);
    place.compare();
    expect(place.holders('a')).toEqual(['A']);
    expect(place.files.problems).toEqual([]);
  });

  test.each(['link', 'rename'] as const)(
    'to %s over an older one leaves that whole, and it is mended',
    (op) => {
      const place = heldBefore();
      place.disk.failNext(op, { code: 'EIO' });
      place.save(lock('db', 'B', { limit: 2 }));
      expect(place.holders('db')).toEqual(['A']);
      expect(place.files.problems).toHaveLength(1);
      place.compare();
      expect(place.holders('db')).toEqual(['A', 'B']);
      expect(place.files.problems).toEqual([]);
      expect(place.slots().filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  test('never lets the slot of a lock file be written for another resource', () => {
    const place = heldBefore();
    place.disk.failNext('rename', { code: 'EIO', times: 3 });
    place.save(lock('db', 'B', { limit: 2 }));
    for (let round = 0; round < 8; round += 1) {
      place.clock += 300;
      place.compare();
      place.save(lock(`other${round}`, 'X'));
      expect(place.holders('db')).toContain('A');
      expect(place.holders(`other${round}`)).toEqual(['X']);
    }
    expect(place.holders('db')).toEqual(['A', 'B']);
    expect(place.files.problems).toEqual([]);
  });

  test('to unlink is reported, and made good', () => {
    const place = heldBefore();
    place.disk.failNext('unlink', { code: 'EIO' });
    place.save(unlock('db', 'A'));
    expect(place.names()).toEqual(['db.lock']);
    expect(place.files.problems).toHaveLength(1);
    place.compare();
    expect(place.names()).toEqual([]);
    expect(place.files.problems).toEqual([]);
  });

  test('to unlink does not keep the next holder from its lock file', () => {
    const place = heldBefore();
    place.disk.failNext('unlink', { code: 'EIO' });
    place.save(unlock('db', 'A'));
    expect(place.files.look('db')).toBeUndefined();
    place.save(lock('db', 'C'));
    expect(place.holders('db')).toEqual(['C']);
    expect(place.files.problems).toEqual([]);
  });

  test('for long is told once, and again when it fails anew', () => {
    const place = heldBefore();
    place.disk.failNext('link', { code: 'EROFS', times: Number.POSITIVE_INFINITY });
    place.save(lock('a', 'A'));
    for (let minute = 0; minute < 5; minute += 1) place.compare();
    expect(place.warned).toHaveLength(1);
    expect(place.files.problems).toHaveLength(1);
    place.disk.heal();
    place.compare();
    place.disk.failNext('unlink', { code: 'EIO' });
    place.save(unlock('a', 'A'));
    expect(place.warned).toHaveLength(2);
  });

  test('to remove what is left over is reported, and stops nothing', () => {
    const place = heldBefore();
    place.put('old.lock', foreignJson('old', ['A'], 5, '11111111-1111-4111-8111-111111111111'));
    place.disk.failNext('unlink', { code: 'EROFS', path: /old\.lock$/, times: 2 });
    expect(place.compare()).toEqual([]);
    expect(place.files.problems).toHaveLength(1);
    expect(place.files.look('old')).toBeUndefined();
    place.disk.heal();
    place.compare();
    expect(place.names()).toEqual(['db.lock']);
    place.compare();
    expect(place.files.problems).toEqual([]);
  });

  test('to list or clear old slots only warns', () => {
    const place = heldBefore();
    place.start();
    place.disk.failNext('unlink', { code: 'EROFS', path: /slots-0000000001/ });
    place.renew();
    expect(place.warned.at(-1)).toContain('slots-0000000001 could not be cleared (EROFS');
    expect(place.holders('db')).toEqual(['A']);
    place.start();
    place.renew();
    expect(place.slotFolders()).toEqual(['slots-0000000003']);
  });
});

describe('a foreign file made between the look and the link', () => {
  test.each([
    ['with a name in it', 'B\n', ['a.lock']],
    ['that is empty', '', []],
  ])('%s does not undo the grant, and is out of the way with the next comparison', (_, content, adopted) => {
    const place = new Place();
    place.start();
    expect(place.files.look('a')).toBeUndefined();
    place.disk.before('link', () => place.put('a.lock', content));
    place.save(lock('a', 'A'));
    expect(fs.readFileSync(place.at('a.lock'), 'utf8')).toBe(content);
    expect(place.files.problems[0]).toContain('EEXIST');
    expect(place.compare()).toEqual([]);
    expect(place.holders('a')).toEqual(['A']);
    expect(place.adopted()).toEqual(adopted);
    expect(place.files.problems).toEqual([]);
  });

  test('is not written over without hard links either', () => {
    const place = new Place({ withoutHardLinks: true });
    place.start();
    place.put('a.lock', 'B\n');
    place.save(lock('a', 'A'));
    expect(fs.readFileSync(place.at('a.lock'), 'utf8')).toBe('B\n');
    expect(place.files.problems[0]).toContain('a file has its name already');
    place.compare();
    expect(place.holders('a')).toEqual(['A']);
    expect(place.adopted()).toEqual(['a.lock']);
  });

  test('is a lock, when the resource is unlocked before anybody mended it', () => {
    const place = new Place();
    place.start();
    place.disk.before('link', () => place.put('a.lock', 'B\n'));
    place.save(lock('a', 'A'));
    place.save(unlock('a', 'A'));
    expect(place.files.look('a')).toEqual({
      resource: 'a',
      files: [place.at('a.lock')],
      claim: { limit: 1, holders: [{ client: 'B' }] },
    });
  });
});

describe('moved aside', () => {
  async function adoptedAt(place: Place, name: string, resource: string): Promise<void> {
    const path = place.put(name, 'B\n');
    place.world.do(adopt(resource, [{ client: 'B' }]));
    place.files.setAside('a', [path]);
    place.world.do(unlock(resource, 'B'));
    await place.files.flush();
  }

  test('foreign files are kept under their names, each of them', async () => {
    const place = new Place();
    place.start();
    for (let count = 0; count < 3; count += 1) await adoptedAt(place, 'a.lock', 'a');
    expect(place.adopted()).toEqual(['2-a.lock', '3-a.lock', 'a.lock']);
    expect(place.names()).toEqual([]);
  });

  test.each([
    ['ASCII', `${'a'.repeat(250)}.lock`],
    ['more bytes than characters', `${'é'.repeat(125)}.lock`],
    ['astral characters', `${'\u{1f512}'.repeat(62)}.lock`],
  ])('names of 255 bytes (%s) fit with a number too', async (_, name) => {
    const place = new Place();
    place.start();
    for (let count = 0; count < 12; count += 1) await adoptedAt(place, name, 'a');
    expect(place.adopted()).toHaveLength(12);
    expect(place.names()).toEqual([]);
    expect(place.files.problems).toEqual([]);
  });

  test('what is gone already is no problem', () => {
    const place = new Place();
    place.start();
    place.files.setAside('nothing', [place.at('nothing.lock')]);
    expect(place.files.problems).toEqual([]);
  });

  test('names are flushed in both directories before anything is answered, once', async () => {
    const place = new Place();
    place.start();
    await adoptedAt(place, 'a.lock', 'a');
    const flushed = () => place.disk.calls.filter(({ op }) => op === 'syncDirectory').map(({ path }) => path);
    expect(flushed()).toEqual([place.layout.adopted, place.layout.root]);
    await place.files.flush();
    expect(flushed()).toHaveLength(2);
  });

  test('a flush that fails is tried again by whoever asks next', async () => {
    const place = new Place();
    place.start();
    place.disk.failNext('syncDirectory', { code: 'EIO', path: /locks$/ });
    await expect(adoptedAt(place, 'a.lock', 'a')).rejects.toThrow('EIO');
    await place.files.flush();
    expect(place.disk.count('syncDirectory', /locks$/)).toBe(2);
  });

  test('an unreadable file is moved before the commit, and back when it does not come', async () => {
    const place = new Place();
    const path = place.put('a.lock', '');
    place.start();
    place.world.table.load({ kind: 'unreadable', resource: 'a', files: [path] });
    place.abandon(force('a'));
    expect([place.names(), place.adopted()]).toEqual([['a.lock'], []]);
    place.disk.calls.length = 0;
    place.save(force('a'));
    expect([place.names(), place.adopted()]).toEqual([[], ['a.lock']]);
    await place.files.flush();
    expect(place.disk.count('syncDirectory')).toBe(2);
  });

  test('of several unreadable files none is moved, if one cannot be', () => {
    const place = new Place();
    const files = [place.put('a.lock', ''), place.put('a.resource.lock', '')];
    place.start();
    place.world.table.load({ kind: 'unreadable', resource: 'a', files });
    place.disk.failNext('rename', { code: 'EROFS', after: 1 });
    expect(() => place.save(force('a'))).toThrow('EROFS');
    expect([place.names(), place.adopted()]).toEqual([['a.lock', 'a.resource.lock'], []]);
    place.save(force('a'));
    expect(place.adopted()).toEqual(['a.lock', 'a.resource.lock']);
  });
});

describe('a foreign file in place of the lock file of a held resource', () => {
  function restartedWith(make: (place: Place) => void): Place {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'));
    fs.rmSync(place.at('a.lock'));
    make(place);
    expect(place.start()).toEqual([]);
    return place;
  }

  const KINDS: readonly (readonly [string, (place: Place) => void])[] = [
    ['plain text', (place) => void place.put('a.lock', 'B\n')],
    ['another lockd’s JSON', (place) => void place.put('a.lock', foreignJson('a', ['B']))],
    ['a symbolic link', (place) => fs.symlinkSync('/nowhere', place.at('a.lock'))],
    ['a directory', (place) => fs.mkdirSync(place.at('a.lock'))],
  ];

  test.each(KINDS)('(%s) is moved aside after the start', (_, make) => {
    const place = restartedWith(make);
    place.renew();
    expect(place.adopted()).toEqual(['a.lock']);
    expect(place.holders('a')).toEqual(['A']);
    expect(place.warned).toEqual([
      `A foreign file stood in the place of the lock file of 'a'; it is now ${join(place.layout.adopted, 'a.lock')}`,
    ]);
  });

  test.each(KINDS)('(%s) is moved aside, durably, by an unlock that comes first', async (_, make) => {
    const place = restartedWith(make);
    place.disk.calls.length = 0;
    place.save(unlock('a', 'A'));
    expect([place.names(), place.adopted()]).toEqual([[], ['a.lock']]);
    await place.files.flush();
    expect(place.disk.count('syncDirectory')).toBe(2);
    expect(place.start()).toEqual([]);
  });

  test('that nobody noticed until the unlock is moved aside by the next comparison', () => {
    const place = new Place();
    place.start();
    place.save(lock('a', 'A'));
    fs.rmSync(place.at('a.lock'));
    fs.mkdirSync(place.at('a.lock'));
    place.save(unlock('a', 'A'));
    expect(place.files.problems).toHaveLength(1);
    place.compare();
    expect([place.names(), place.adopted(), place.files.problems]).toEqual([[], ['a.lock'], []]);
  });
});

describe('a long history', () => {
  test('leaves exactly the lock files of what is held, over restarts and failures', () => {
    const place = new Place({ maxOpenSlots: 3 });
    place.start();
    const resources = ['a', 'b/c', LONG, 'x.resource', '.'];
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 400; round += 1) {
      const resource = resources[next(resources.length)] ?? 'a';
      const client = `c${next(3)}`;
      const isHeld = place.world.table.hold(resource, client) !== undefined;
      if (next(10) === 0)
        place.disk.failNext((['link', 'rename', 'unlink'] as const)[next(3)] ?? 'link', { code: 'EIO' });
      if (isHeld) place.save(unlock(resource, client));
      else if (place.world.table.holdCount(resource) < 2) place.save(lock(resource, client, { limit: 2 }));
      place.disk.heal();
      place.clock += next(400);
      if (next(20) === 0) place.start();
      if (next(20) === 0) place.renew();
      place.compare();
      const held = resources.filter((name) => place.world.table.isTaken(name));
      expect(place.names()).toEqual(held.map(lockFileName).sort());
      for (const name of held) {
        expect(place.holders(name)).toEqual(place.world.table.holds(name).map((hold) => hold.client));
      }
    }
    expect(place.files.problems).toEqual([]);
  });
});
