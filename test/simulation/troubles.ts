/** What goes wrong in a simulation. Each seed has some of these, and each of them happens at random moments. */
import { oneOf } from '../random.js';
import type { Surroundings } from './clients.js';
import type { Daemons } from './daemons.js';
import type { DiskState } from './disk.js';
import type { Fault, Operation } from './faults.js';
import { LockReader } from './lock-reader.js';
import type { Machine } from './machine.js';
import { FAIR, type Network } from './network.js';
import type { Process } from './process.js';
import type { CutMode } from './storage.js';
import { damage, reset, tamper } from './tampering.js';
import type { World } from './world.js';

export interface Scene extends Surroundings {
  readonly disk: DiskState;
  readonly network: Network;
  readonly daemons: Daemons;
  readonly clients: Process[];
  readonly machines: readonly Machine[];
}

export type Trouble = (scene: Scene) => void;

/** What of a scene those troubles need that are not about the daemon. */
type Around<Part extends keyof Scene> = Pick<Scene, 'world' | Part>;

/** Milliseconds. */
const SHORT_STOP_MS = 140;

const CUTS: readonly CutMode[] = ['lose', 'keep', 'any', 'prefix'];

/** Everything on the machine of the directory ends, and of what was not flushed chance leaves what it likes. */
export function cutPower({ world, disk, daemons }: Scene): void {
  const mode = oneOf(world.random, CUTS);
  world.tell('power', `is cut (${mode})`);
  for (const daemon of daemons.all) daemon.process.kill();
  disk.storage.cutPower(mode, world.random);
}

function kill({ daemons, world }: Scene): void {
  world.tell('chance', 'kills the daemon');
  daemons.current?.process.kill();
}

/** Death in the middle of something. */
function killAtCall(scene: Scene): void {
  const { disk, world, daemons } = scene;
  disk.callsToDeath = 1 + world.random(80);
  const cutsPower = world.oneIn(2);
  disk.onDeadly = (process) => {
    if (cutsPower) cutPower(scene);
    process.kill();
  };
  daemons.watch();
}

function terminate({ daemons }: Scene): void {
  daemons.current?.terminate();
}

/** SIGSTOP and SIGCONT; after a long while the other machine may have taken over. */
function stop({ daemons, world }: Scene): void {
  const daemon = daemons.current;
  if (!daemon?.process.isAlive) return;
  const { process } = daemon;
  const milliseconds = oneOf(world.random, [
    world.span(30, 400),
    world.span(400, 4_000),
    world.span(4_000, 20_000),
  ]);
  world.tell(process.name, `is stopped for ${Math.round(milliseconds)} ms`);
  process.stop();
  daemons.watch();
  world.after(milliseconds, () => {
    world.tell(process.name, 'goes on');
    process.goOn();
    daemons.watch();
  });
  if (milliseconds > 2_000 && world.oneIn(2)) {
    world.after(milliseconds * (world.random(100) / 100), () => {
      if (daemons.current === daemon && daemon.process.isAlive) daemons.takeOver();
    });
  }
}

/** Stopped for a moment, so short that it lengthens no lease, while one ends: a renewal that came in time waits in its socket. */
function stopAtEnd({ daemons, network, world }: Scene): void {
  const ends = network.calls.flatMap(({ answered, outcome }) => {
    const left = outcome?.kind === 'hold' ? outcome.left : undefined;
    return left === undefined || answered === undefined ? [] : [answered + left * 1_000];
  });
  const coming = ends.filter((end) => end > world.now + SHORT_STOP_MS);
  if (coming.length === 0) return;
  const end = oneOf(world.random, coming);
  const milliseconds = world.span(60, SHORT_STOP_MS);
  world.at(end + world.span(1, 40) - milliseconds, () => {
    const { process } = daemons.current ?? {};
    if (!process?.isAlive || process.isStopped) return;
    world.tell(process.name, `is stopped for ${Math.round(milliseconds)} ms`);
    process.stop();
    daemons.watch();
    world.after(milliseconds, () => {
      world.tell(process.name, 'goes on');
      process.goOn();
      daemons.watch();
    });
  });
}

/** Two daemons in one directory, both of them awake. */
function fight({ daemons }: Scene): void {
  if (daemons.current?.isListening) daemons.takeOver();
}

function suspend({ daemons, world, machines, clients }: Scene): void {
  const machine = oneOf(world.random, machines);
  const milliseconds = world.span(100, 15_000);
  world.tell(machine.name, `sleeps for ${Math.round(milliseconds)} ms`);
  machine.sleep();
  daemons.watch();
  world.after(milliseconds, () => {
    machine.wakeUp();
    world.tell(machine.name, 'is awake again');
    for (const { process } of daemons.all) if (process.machine === machine) process.look();
    for (const process of clients) if (process.machine === machine) process.look();
    daemons.watch();
  });
}

const HOUR = 3_600_000;

function jump({ world, daemons }: Scene): void {
  setClock(world, oneOf(world.random, daemons.machines));
}

/** Somebody sets the wall clock of a machine. */
export function setClock(world: World, machine: Machine): void {
  const offset = oneOf(world.random, [
    0,
    -HOUR,
    HOUR,
    -50 * 365 * 24 * HOUR,
    80 * 365 * 24 * HOUR,
    -200,
    200,
  ]);
  world.tell(machine.name, `has its wall clock set to ${offset} ms`);
  machine.wallOffset = offset;
}

export function stopClient({ world, clients }: Around<'clients'>): void {
  const process = oneOf(world.random, clients);
  const milliseconds = world.span(50, 12_000);
  world.tell(process.name, `is stopped for ${Math.round(milliseconds)} ms`);
  process.stop();
  world.after(milliseconds, () => {
    world.tell(process.name, 'goes on');
    process.goOn();
  });
}

export function killClient({ world, clients }: Around<'clients'>): void {
  const process = oneOf(world.random, clients);
  world.tell(process.name, 'is killed');
  process.kill();
}

const CHANGING: readonly Operation[] = [
  ...(['makeDirectory', 'removeDirectory', 'create', 'link', 'rename', 'unlink', 'write'] as const),
  ...(['truncate', 'sync', 'syncDirectory'] as const),
];
const SINGLE: readonly Operation[] = [...CHANGING, 'open', 'read', 'stat', 'list'];

function diskFault({ disk: state, tell }: Around<'disk' | 'tell'>, fault: Fault, milliseconds: number): void {
  tell({ kind: 'troubled', from: state.world.now, to: state.world.now + milliseconds });
  state.faults.push(fault);
  state.world.after(milliseconds, () => {
    state.faults = state.faults.filter((one) => one !== fault);
  });
}

/** One call, or a few of one kind, fail. */
export function failCall(scene: Around<'disk' | 'tell'>): void {
  const { world } = scene;
  const operation = oneOf(world.random, SINGLE);
  const code = oneOf(world.random, ['EIO', 'ENOSPC', 'EMFILE']);
  const times = 1 + world.random(3);
  const isDone = world.oneIn(3);
  const fault = { code, operations: [operation], oneIn: 1 + world.random(4), times, isDone };
  diskFault(scene, fault, world.span(100, 5_000));
}

/** A line of the journal is there although its write failed, and soon afterwards everything ends: what was refused must not be read. */
function dieRefused(scene: Scene): void {
  const { world, daemons } = scene;
  const onStrike = () => {
    const { process } = daemons.current ?? {};
    world.after(world.span(1, 60), () => process?.kill());
  };
  const fault = {
    code: 'ENOSPC',
    operations: ['write'],
    path: /jsonl$/,
    oneIn: 1,
    times: 1,
    isDone: true,
  } as const;
  diskFault(scene, { ...fault, onStrike }, world.span(100, 3_000));
}

function failOften(scene: Scene): void {
  const { world } = scene;
  diskFault(scene, { code: 'EIO', oneIn: 5 + world.random(60) }, world.span(50, 1_500));
}

function readOnly(scene: Scene): void {
  const { world } = scene;
  world.tell('disk', 'is read-only for a while');
  diskFault(scene, { code: 'EROFS', operations: CHANGING, oneIn: 1 }, world.span(100, 6_000));
}

/** The disk gets full: writes are short, then fail. */
export function fill({ disk, world, tell }: Around<'disk' | 'tell'>): void {
  const { storage } = disk;
  const milliseconds = world.span(100, 8_000);
  tell({ kind: 'troubled', from: world.now, to: world.now + milliseconds });
  const room = world.random(3_000);
  world.tell('disk', `has room for ${room} bytes more`);
  storage.capacity = storage.used + room;
  world.after(milliseconds, () => {
    storage.capacity = Number.POSITIVE_INFINITY;
    world.tell('disk', 'has room again');
  });
}

function hang({ disk, world, tell }: Scene): void {
  tell({ kind: 'troubled', from: world.now, to: world.now + 9_000 });
  disk.hangMs = world.span(20, 6_000);
  world.tell('disk', `flushes hang for ${Math.round(disk.hangMs)} ms`);
  world.after(world.span(10, 3_000), () => {
    disk.hangMs = 0;
  });
}

export function storm({ network, world }: Around<'network'>): void {
  const some = () => (world.oneIn(2) ? 0 : 2 + world.random(8));
  network.weather = {
    delayMs: oneOf(world.random, [FAIR.delayMs, [1, 100], [10, 3_000]] as const),
    loseRequest: some(),
    loseAnswer: some(),
    double: some(),
    isDown: world.oneIn(6),
  };
  world.tell('network', JSON.stringify(network.weather));
  world.after(world.span(200, 8_000), () => {
    network.weather = { ...FAIR };
    world.tell('network', 'is fair again');
  });
}

/** One client reaches nobody, while the others go on. */
export function isolate({ network, world, clients }: Around<'network' | 'clients'>): void {
  const process = oneOf(world.random, clients);
  const milliseconds = world.span(300, 9_000);
  world.tell(process.name, `is cut off for ${Math.round(milliseconds)} ms`);
  network.isolated.add(process);
  world.after(milliseconds, () => void network.isolated.delete(process));
}

function read(scene: Scene): void {
  new LockReader(scene).look();
}

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  kill,
  killAtCall,
  cutPower,
  terminate,
  stop,
  stopAtEnd,
  fight,
  suspend,
  jump,
  stopClient,
  killClient,
  failCall,
  dieRefused,
  failOften,
  readOnly,
  fill,
  hang,
  storm,
  isolate,
  read,
  tamper,
  damage,
  reset,
};
