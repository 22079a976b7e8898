/** Why a gate lets nobody pass, each with its exit status. The messages say what to do. */

/** Nobody gets through: `message` is for the caller. */
export abstract class GateClosed extends Error {
  abstract readonly exitStatus: number;
}

/** A higher token has passed before. */
export class StaleToken extends GateClosed {
  override readonly name = 'StaleToken';
  readonly exitStatus = 76;
}

/** Somebody else's command was in the gate for as long as the caller wanted to wait. */
export class GateBusy extends GateClosed {
  override readonly name = 'GateBusy';
  readonly exitStatus = 75;
}

/** It cannot be told which tokens have passed, or the token is none. */
export class GateRefused extends GateClosed {
  override readonly name = 'GateRefused';
  readonly exitStatus = 1;
}
