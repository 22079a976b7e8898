/** Who and what is in a run: the clients and what each of them does, and what goes wrong when. */
import { oneOf } from '../random.js';
import { ACTS, tidies } from './acts.js';
import { Actor, type Surroundings } from './clients.js';
import { Machine } from './machine.js';
import { Process } from './process.js';
import type { World } from './world.js';

export function chooseResources(world: World) {
  const { random } = world;
  const resources = ['a', 'host/b', 'c d'].slice(0, 1 + random(3));
  const semaphore = world.oneIn(3) ? oneOf(random, resources) : undefined;
  return { resources, semaphore };
}

/** Starts some clients, each on a machine of its own, and somebody who tidies up behind them. */
export function cast(scene: Surroundings & { readonly clients: Process[] }, machines: Machine[]): Actor[] {
  const { world } = scene;
  const { random } = world;
  const actors: Actor[] = [];
  const acts = ACTS.filter(() => !world.oneIn(3));
  const clients = 2 + random(4);
  for (let number = 1; number <= clients; number += 1) {
    const machine = new Machine(world, `host${number}`, 0.99 + random(21) / 1_000);
    machines.push(machine);
    const process = new Process(world, `client${number}`, machine);
    scene.clients.push(process);
    for (let letter = 0; letter <= random(3); letter += 1) {
      const act = oneOf(random, acts.length > 0 ? acts : ACTS);
      const actor = new Actor(scene, process, `${process.name}${'abc'[letter]}`, act);
      actors.push(actor);
      actor.start();
    }
  }
  const desk = new Process(world, 'janitor', new Machine(world, 'desk'));
  const janitor = new Actor(scene, desk, 'janitor', tidies);
  actors.push(janitor);
  janitor.start();
  return actors;
}

/**
 * Some of the troubles strike at random moments until all is over, or those that are named in `only`. Answers when that is
 * to be.
 */
export function plague<S extends Surroundings>(
  scene: S,
  all: Readonly<Record<string, (scene: S) => void>>,
  only: readonly string[] = [],
): number {
  const { world } = scene;
  const isChosen = (name: string) => (only.length > 0 ? only.includes(name) : world.oneIn(3));
  const troubles = Object.entries(all).filter(([name]) => isChosen(name));
  world.tell('chance', `troubles: ${troubles.map(([name]) => name).join(', ')}`);
  const duration = world.span(5_000, 25_000);
  const pace = world.span(100, 3_000);
  const next = () => {
    if (scene.isOver()) return;
    const trouble = troubles.length > 0 ? oneOf(world.random, troubles) : undefined;
    trouble?.[1](scene);
    world.after(world.span(pace / 10, pace * 2), next);
  };
  world.after(world.span(50, pace), next);
  return duration;
}
