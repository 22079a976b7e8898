/** How a member comes to be: its directory is claimed, etcd is reached, and what an earlier process left is ended. */
import { randomUUID } from 'node:crypto';
import { type ClusterClock, sinceBoot } from '../cluster/clock.js';
import { Contact } from '../cluster/contact.js';
import { Election } from '../cluster/election.js';
import { idOfPrefix, PrefixChanged } from '../cluster/prefix-id.js';
import type { Limits } from '../core/limits.js';
import type { Claim } from '../disk/claim.js';
import { nodeDirectoryAccess } from '../disk/directory-access.js';
import type { Disk } from '../disk/disk.js';
import { Layout } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { StartRefused } from '../disk/start-refused.js';
import { readStoreMarker, refuseJournal, writeStoreMarker } from '../disk/store-marker.js';
import { KvError } from '../etcd/kv.js';
import { Guardianship } from '../fencing/guardianship.js';
import { DEFAULT_ETCD_RETENTION, EtcdStore } from '../store/etcd/etcd-store.js';
import { Keys } from '../store/etcd/keys.js';
import { limitsOf } from './chosen-limits.js';
import { type Clock, systemClock } from './clock.js';
import { endLeftRuns } from './left-runs.js';
import { Lockd } from './lockd.js';
import type { MemberOptions } from './member-options.js';
import { Meters } from './meters.js';
import { checkFencing } from './open-fencing.js';
import type { LockdOptions } from './options.js';
import { makeOwnDirectory } from './own-directory.js';
import { Terms } from './terms.js';

/** Milliseconds for which etcd is waited for at the start. */
const START_MS = 30_000;

/** Milliseconds between two tries, and for one. */
const START_RETRY_MS = 500;
const START_REQUEST_MS = 2_000;

export interface OpenMember {
  readonly terms: Terms;
  readonly meters: Meters;
  readonly limits: Limits;
  readonly warnings: readonly string[];
  readonly directory: string;
  readonly id: string;
  readonly url: string;
  close(): Promise<void>;
}

type Given = MemberOptions &
  Required<Pick<MemberOptions, 'disk' | 'access' | 'clock' | 'log' | 'sinceBoot' | 'makeId' | 'onLeader'>>;

/** Rejects as `Member.open` does, and leaves nothing open then. */
export async function openMember(options: MemberOptions): Promise<OpenMember> {
  const given: Given = {
    ...options,
    disk: options.disk ?? nodeDisk,
    access: options.access ?? nodeDirectoryAccess,
    clock: options.clock ?? systemClock,
    log: options.log ?? (() => undefined),
    sinceBoot: options.sinceBoot ?? sinceBoot,
    makeId: options.makeId ?? randomUUID,
    onLeader: options.onLeader ?? (() => undefined),
  };
  const { kv, access, log, directory, allowNetworkFs = false } = given;
  let claim: Claim | undefined;
  try {
    const limits = limitsOf(given);
    checkFencing(given);
    const checked = access.prepare(directory, { allowNetworkFs });
    const layout = new Layout(checked.path);
    await makeOwnDirectory(given.disk, layout);
    claim = await access.claim(layout, (message) => log('info', message));
    refuseJournal(given.disk, layout);
    const warnings = [...checked.warnings, ...claim.warnings];
    for (const warning of warnings) log('warn', warning);
    await endLeftRuns(given, layout, log);
    const id = await learnId(given);
    await markDirectory(given.disk, layout, { store: given.store, id });
    return openTerms(given, { limits, layout, claim, warnings, id });
  } catch (error) {
    await claim?.release();
    kv.close();
    throw error;
  }
}

interface Opened {
  readonly limits: Limits;
  readonly layout: Layout;
  readonly claim: Claim;
  readonly warnings: readonly string[];
  readonly id: string;
}

function openTerms(given: Given, { limits, layout, claim, warnings, id }: Opened): OpenMember {
  const { kv, clock, disk, log, store, url, onLeader, makeId } = given;
  const meters = new Meters();
  const started = new Date(clock.time());
  const keys = new Keys(given.prefix);
  const clusterClock = clusterClockOf(clock, given.sinceBoot);
  const contact = new Contact(clusterClock, store, log);
  const election = new Election({
    ...{ kv, keys, id, url, store, contact },
    clock: clusterClock,
    makeName: makeId,
    onLook: () => terms.look(),
    onPrefixChanged: (error) => terms.fail(error),
  });
  const terms: Terms = new Terms({
    ...{ election, contact, clock, disk, layout, id, url, log, onLeader },
    openStore: (term) =>
      EtcdStore.open({
        ...{ kv, keys, leadership: term },
        retention: {
          historyDays: given.historyDays ?? DEFAULT_ETCD_RETENTION.historyDays,
          historyBytes: given.historySizeBytes ?? DEFAULT_ETCD_RETENTION.historyBytes,
        },
        time: () => clock.time(),
        monotonic: () => clock.monotonic(),
        pause: (milliseconds) => pause(clock, milliseconds),
        nextRound: (action) => clock.nextRound(action),
      }),
    openLockd: (opened, term) =>
      Lockd.openTerm(optionsOfTerm(given), {
        ...{ layout, meters, started, store: opened },
        // The member's, for all of its life.
        claim: { lost: new Promise(() => undefined), warnings: [], release: async () => undefined },
        storage: { name: store, place: store },
        leadership: {
          assert: () => term.assert(),
          makeGuardianship: (wanted) => new Guardianship({ ...wanted, left: () => term.left() }),
        },
      }),
  });
  let closing: Promise<void> | undefined;
  const close = async () => {
    try {
      await terms.close();
    } finally {
      kv.close();
      await claim.release();
    }
  };
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  void claim.lost.then(async (error) => {
    if (closing) return;
    log('error', `The lock on ${layout.root} was taken away (${error.message}); stopping`);
    await closeOnce().catch((problem: Error) =>
      log('error', `${layout.root} could not be given back in good order: ${problem.message}`),
    );
    terms.fail(error);
  });
  return { terms, meters, limits, warnings, directory: layout.root, id, url, close: closeOnce };
}

/** A runner of fence commands ends with its term. */
function optionsOfTerm({ makeFenceRunner, ...given }: Given): LockdOptions {
  return makeFenceRunner ? { ...given, fenceRunner: makeFenceRunner() } : given;
}

function clusterClockOf(clock: Clock, ofBoot: () => number): ClusterClock {
  return {
    monotonic: () => clock.monotonic(),
    sinceBoot: ofBoot,
    after: (milliseconds, action) => clock.after(milliseconds, action),
  };
}

function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve));
}

/** Rejects with `StartRefused` where etcd does not answer in time, or not us. */
async function learnId({ kv, prefix, store, clock, makeId, log }: Given): Promise<string> {
  const keys = new Keys(prefix);
  const made = makeId();
  const giveUpAt = clock.monotonic() + START_MS;
  for (let isTold = false; ; isTold = true) {
    try {
      return await idOfPrefix(kv, keys, made, START_REQUEST_MS);
    } catch (error) {
      if (error instanceof PrefixChanged) throw new StartRefused(error.message);
      if (!(error instanceof KvError)) throw error;
      if (error.reason === 'denied')
        throw new StartRefused(`${store} lets nobody in as it was asked: ${error.message}`);
      if (clock.monotonic() >= giveUpAt) throw new StartRefused(unreachable(store, error));
      if (!isTold) log('warn', `${store} does not answer (${error.message}); it is tried for 30 s`);
    }
    await pause(clock, START_RETRY_MS);
  }
}

function unreachable(store: string, error: Error): string {
  return (
    `${store} has not answered for ${START_MS / 1_000} s (${error.message}); ` +
    'see whether etcd runs there and more than half of its members are up, then start lockd again'
  );
}

/** Throws `StartRefused` for a directory that was used with another prefix. */
async function markDirectory(
  disk: Disk,
  layout: Layout,
  marker: { readonly store: string; readonly id: string },
): Promise<void> {
  const before = readStoreMarker(disk, layout);
  if (before?.store === marker.store && before.id === marker.id) return;
  if (before && before.id !== marker.id) {
    throw new StartRefused(
      `${layout.root} was used with ${before.store}, whose id was ${before.id}; that of ${marker.store} is ${marker.id}: ` +
        'either this is another prefix, or what was locked there is gone. Give another --directory; or, if nobody works ' +
        `under a lock of before any more, remove ${layout.storeMarker}`,
    );
  }
  await writeStoreMarker(disk, layout, marker);
}
