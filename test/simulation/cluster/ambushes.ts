/** Troubles that strike at one moment: when a certain request is on its way, or a fence command runs. */
import { oneOf } from '../../random.js';
import { type Ambush, type Cut, PREFIX, type Taken } from './etcd.js';
import type { Place } from './members.js';
import {
  type ClusterScene,
  cutPlace,
  kill,
  stopPlace,
  suspendPlace,
  take,
  terminate,
  troubled,
} from './strikes.js';

const CUTS: readonly Cut[] = ['both', 'both', 'requests', 'answers'];

const ANY_TURN = `put ${PREFIX}/turn`;
const SOME_GRANT = `put ${PREFIX}/record/hold/`;
const SOME_END = `remove ${PREFIX}/record/hold/`;

/** Something strikes a turn that is on its way to etcd. */
function ambush(
  scene: ClusterScene,
  strike: (place: Place) => ReturnType<Ambush>,
  turns = oneOf(scene.world.random, [ANY_TURN, ANY_TURN, SOME_END]),
): void {
  const { etcd, members } = scene;
  etcd.ambush = (process, { what }) => {
    const place = members.places.find(({ member }) => member?.process === process);
    if (!place || !what.includes(turns)) return undefined;
    etcd.ambush = undefined;
    return strike(place);
  };
}

/** It is applied late: in another turn, or when another term has begun. Meanwhile its sender hears nothing. */
export function lateTurn(scene: ClusterScene): void {
  const { world, members } = scene;
  ambush(scene, (place) => {
    if (world.oneIn(2)) cutPlace(scene, place, oneOf(world.random, CUTS), world.span(500, 12_000));
    return ({ applyUnheard }) => {
      world.tell('etcd', `a turn of ${place.machine.name} is late`);
      troubled(scene, 10_000);
      if (world.oneIn(2)) world.after(world.span(20, 12_000), applyUnheard);
      else members.onNextTerm(() => world.after(world.span(1, 2_000), applyUnheard));
    };
  });
}

/** A grant is applied once more, as it were: when its holder has long given it back. Then another one leads. */
export function lateGrant(scene: ClusterScene): void {
  const { world } = scene;
  const strike = ({ machine }: Place) => {
    return ({ applyUnheard }: Taken) => {
      world.tell('etcd', `a grant of ${machine.name} is late`);
      troubled(scene, 10_000);
      world.after(world.span(2_000, 8_000), () => {
        applyUnheard();
        world.after(world.span(1, 500), () => kill(scene));
      });
    };
  };
  ambush(scene, strike, SOME_GRANT);
}

/** The same, and it is applied just when its sender asks what became of it: before that question, or after it. */
export function lateTurnInQuestion(scene: ClusterScene): void {
  const { world, etcd } = scene;
  ambush(scene, ({ member }) => ({ applyUnheard }) => {
    world.tell('etcd', `a turn of ${member?.process.name} is late`);
    troubled(scene, 10_000);
    etcd.ambush = (process, { what }) => {
      if (process !== member?.process || !what.includes(`${PREFIX}/turn`)) return undefined;
      etcd.ambush = undefined;
      const isBefore = world.oneIn(2);
      return ({ letGo }) => {
        if (isBefore) applyUnheard();
        letGo();
        if (!isBefore) applyUnheard();
      };
    };
  });
}

/** Its sender's machine sleeps, and finds the answer when it wakes up. */
export function sleepInFlight(scene: ClusterScene): void {
  ambush(scene, (place) => {
    suspendPlace(scene, place, scene.world.span(3_000, 15_000));
    // What comes to a machine that sleeps is there when it wakes up.
    return undefined;
  });
}

/** The leader's machine sleeps while its lease is renewed, finds the answer when it wakes up, and is cut off from etcd then. */
export function sleepInRenewal(scene: ClusterScene): void {
  const { world } = scene;
  const strike = (place: Place) => {
    const milliseconds = world.span(1_200, 3_500);
    suspendPlace(scene, place, milliseconds);
    const cutAt = milliseconds + world.span(20, 500);
    world.after(cutAt, () => cutPlace(scene, place, 'both', world.span(6_000, 10_000)));
    return undefined;
  };
  ambush(scene, strike, 'keeps lease');
}

/** Its sender is stopped, and finds the answer when it goes on. */
export function stopInFlight(scene: ClusterScene): void {
  ambush(scene, (place) => {
    stopPlace(scene, place, scene.world.span(500, 15_000));
    return undefined;
  });
}

/** Its sender's name is removed by hand while it is on its way, and another one leads when it arrives. */
export function takeInFlight(scene: ClusterScene): void {
  const { world, members } = scene;
  ambush(scene, () => {
    return ({ letGo }) => {
      take(scene);
      members.onNextTerm(() => world.after(world.span(1, 500), letGo));
    };
  });
}

/** The leader has asked whether it leads, and its name is removed before it hears the answer, which was yes. */
export function takeInQuestion(scene: ClusterScene): void {
  const { world, etcd, members } = scene;
  etcd.ambush = (process, { what }) => {
    const place = members.leading.find(({ member }) => member?.process === process);
    if (!place || what !== `looks at ${PREFIX}/leader`) return undefined;
    etcd.ambush = undefined;
    return ({ holdAnswer }) => {
      holdAnswer((deliver) => members.onNextTerm(() => world.after(world.span(20, 700), deliver)));
      take(scene);
    };
  };
}

/** Nobody leads, and whoever stands for leader is late, so that another one has stood and won meanwhile. */
export function lateCandidate(scene: ClusterScene): void {
  const { world, etcd } = scene;
  etcd.ambush = (process, { what }) => {
    if (!what.includes(`put ${PREFIX}/leader`)) return undefined;
    etcd.ambush = undefined;
    return ({ letGo }) => {
      world.tell('etcd', `${process.name} stands for leader, and is late`);
      world.after(world.span(300, 5_000), letGo);
    };
  };
  oneOf(world.random, [kill, terminate])(scene);
}

/** The leader is cut off from etcd while a fence command runs in its name, which must have ended when another leads. */
export function cutFencing(scene: ClusterScene, looks = 20): void {
  const { world, etcd, members } = scene;
  const place = members.leading.find(({ fences }) => fences.running.size > 0);
  if (place && etcd.cuts.has(place.machine)) return;
  if (place) cutPlace(scene, place, 'both', world.span(5_000, 12_000));
  else if (looks > 0) world.after(250, () => cutFencing(scene, looks - 1));
}
