/** What a client has of the world: clocks, pauses, connections, chance. Behind ports, so that a simulation can stand in. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Exchange, HttpExchange, type HttpOptions } from './http-exchange.js';
import { type LeaseClock, REAL_CLOCK } from './lease-clock.js';

/** The monotonic clock, and waiting by it. */
export interface Pace {
  /** Milliseconds since some moment. */
  now(): number;
  /** Rejects with the signal's reason if that comes first. */
  pause(seconds: number, signal?: AbortSignal): Promise<void>;
}

export interface ClientPorts {
  readonly clock: LeaseClock;
  readonly pace: Pace;
  /** Makes what carries requests. */
  exchange(options: HttpOptions): Exchange;
  /** Makes a retry key: never the same twice. */
  makeId(): string;
  /** From 0 to below 1. */
  random(): number;
}

export const REAL_PACE: Pace = {
  now: () => performance.now(),
  pause: (seconds, signal) =>
    pause(seconds * 1_000, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted()),
};

/** Those of this machine. */
export const REAL_PORTS: ClientPorts = {
  clock: REAL_CLOCK,
  pace: REAL_PACE,
  exchange: (options) => new HttpExchange(options),
  makeId: () => randomUUID(),
  random: Math.random,
};
