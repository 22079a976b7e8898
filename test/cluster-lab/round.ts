/**
 * One round: a cluster of its own from its start to its end, clients that use it all the time, and one fault after another.
 * Each fault is put right again before the next; at the end everything becomes free, and the history is checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../crash/eventually.js';
import { check } from '../history/check.js';
import type { Violation } from '../history/history.js';
import { oneOf, type Random, randomFrom } from '../random.js';
import { Actor, type Stage } from './actor.js';
import { ACTS, probes } from './acts.js';
import { Cluster, type ClusterOptions } from './cluster.js';
import { inTime, settle } from './ending.js';
import { FAULTS, type Fault } from './faults.js';
import { isFenced } from './fence-runs.js';
import { type RecordedCall, Recorder } from './recorder.js';
import { checkCutOff, checkTerms, isChange } from './rules.js';
import {
  checkSilence,
  cutOffs,
  describeEvent,
  type Event,
  RECOVERY_MS,
  type Story,
  seconds,
  storyOf,
} from './stories.js';
import { type Sighting, watchLeader } from './watch.js';

const RESOURCES = ['a', 'b/1', 'c d', 'pool'];
const POOL = { resource: 'pool', limit: 3 };

/** Milliseconds of rest between two faults, in which lines grow. */
const REST_MS = [1_000, 3_000] as const;

/** Milliseconds for the members of etcd to find together again. */
const WHOLE_MS = 20_000;

export interface RoundOptions extends ClusterOptions {
  /** Chooses faults and what clients do; the machine has its own part in what comes of it. */
  readonly seed: number;
  /** For how long faults begin. */
  readonly milliseconds: number;
  /** Those that happen; all when absent. */
  readonly faults?: readonly Fault[];
  /** Told each thing that happened. */
  readonly tell?: (text: string) => void;
}

export interface Round {
  readonly seed: number;
  readonly stories: readonly Story[];
  readonly calls: readonly RecordedCall[];
  readonly sightings: readonly Sighting[];
  /** How many fence commands ran. */
  readonly fences: number;
  /** What was broken, in the order of time. */
  readonly violations: readonly Violation[];
  /** What each process wrote, by a name. */
  readonly logs: ReadonlyMap<string, string>;
}

/** Plays it. Everything that it starts ends with the experiment. */
export async function playRound(options: RoundOptions): Promise<Round> {
  const { seed, milliseconds, faults = FAULTS, tell = () => undefined } = options;
  const random = randomFrom(seed);
  const cluster = new Cluster(options);
  await cluster.start();
  const recorder = new Recorder();
  const violations: Violation[] = [];
  const accuse = (rule: string, at: number, text: string) => void violations.push({ rule, at, text });
  const events: Event[] = [];
  let isOver = false;
  let isWatched = true;
  const watching = watchLeader(cluster, () => !isWatched);
  const stage: Stage = {
    urls: cluster.nodes.map(({ url }) => url),
    recorder,
    get resources() {
      // Others after each fault: a resource that is locked for ever has a history that grows for ever.
      return RESOURCES.map((name) => `${name} ${events.length}`);
    },
    limitOf: (resource) => (resource.startsWith(POOL.resource) ? POOL.limit : 1),
    told: [],
    accuse: ({ rule, at, text }) => accuse(rule, at, text),
    isQuiet: false,
    isOver: () => isOver,
  };
  const actors = [...ACTS, ...stage.urls.map(probes)].map((act, index) => {
    return new Actor(stage, `actor-${index}`, seed + index, act);
  });
  const working = Promise.all(actors.map((actor) => actor.live()));

  const end = performance.now() + milliseconds;
  const bag = new Bag(random, faults);
  do {
    await sleep(REST_MS[0] + random(REST_MS[1] - REST_MS[0]));
    // What is not whole yet would be hit by two faults at once; whether it becomes so in time is not the question here.
    await eventually('all is well', () => cluster.isWhole(), WHOLE_MS).catch(() => undefined);
    const event = await play(bag.next(), { cluster, random, stage });
    events.push(event);
    const { began, ended, over } = event;
    tell(`${describeEvent(event)}, ${seconds(ended - began)}; ${seconds(over - ended)} to the next change`);
  } while (performance.now() < end);

  isOver = true;
  await inTime('everybody comes to an end', working)
    .then(() => settle(stage.urls, recorder))
    .catch((error: Error) => accuse('progress', performance.now(), `at the end: ${error.message}`));
  isWatched = false;
  const sightings = await watching;
  const { calls, happenings, ids } = recorder;
  for (const { at, text } of cluster.nodes.flatMap(({ ended }) => ended)) accuse('ended', at, text);
  if (ids.size > 1) accuse('id', 0, `answers named the cluster ${[...ids].join(' and ')}`);
  const fenced = cluster.fences.happenings();
  const stories = events.map((event) => storyOf(event, calls));
  violations.push(
    ...check({ calls, happenings: [...happenings, ...fenced], isFenced }),
    ...cluster.fences.violations(),
    ...checkTerms(calls, sightings),
    ...checkCutOff(calls, cutOffs(events)),
    ...stories.flatMap(checkSilence),
  );
  violations.sort((a, b) => a.at - b.at);
  return { seed, stories, calls, sightings, fences: fenced.length, violations, logs: logsOf(cluster) };
}

/** Gives all out before any comes again, in an order that chance chooses. */
class Bag {
  #left: Fault[] = [];

  constructor(
    private readonly random: Random,
    private readonly faults: readonly Fault[],
  ) {}

  next(): Fault {
    if (this.#left.length === 0) this.#left = [...this.faults];
    const [taken] = this.#left.splice(this.random(this.#left.length), 1);
    if (!taken) throw new Error('there is no fault to choose from');
    return taken;
  }
}

interface Surroundings {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly stage: Stage;
}

/** A fault from its beginning until changes are answered again after its end. */
async function play(fault: Fault, { cluster, random, stage }: Surroundings): Promise<Event> {
  const [leader, etcdLeader] = await Promise.all([cluster.leaderNode(), cluster.etcdLeader()]);
  // Two times in three it hits who leads.
  const isLeader = random(3) > 0 || fault.onlyLeader;
  const target = (isLeader ? leader : undefined) ?? oneOf(random, cluster.nodes);
  const [least, most] = fault.seconds;
  const milliseconds = 1_000 * (least + random(most - least + 1));
  let began = performance.now();
  const begins = () => {
    began = performance.now();
  };
  const undo = await fault.begin({ cluster, random, target, stage, begins });
  await sleep(milliseconds);
  await undo();
  const ended = performance.now();
  const isAnswered = () => stage.recorder.calls.some((call) => call.started >= ended && isChange(call));
  await eventually('a change is answered', isAnswered, RECOVERY_MS).catch(() => undefined);
  const hit = {
    target: target.url,
    leader: leader?.url,
    hitLeader: target === leader,
    hitEtcdLeader: target === etcdLeader,
  };
  return { fault, ...hit, began, ended, over: performance.now() };
}

function logsOf({ nodes }: Cluster): Map<string, string> {
  const logs = new Map<string, string>();
  for (const { site, member, daemons } of nodes) {
    logs.set(`member-${site}`, member.log);
    for (const [index, { stdout, stderr }] of daemons.entries()) {
      logs.set(`daemon-${site}-${index}`, stdout + stderr);
    }
  }
  return logs;
}
