/** When a command is ended because its lock may be lost: on clocks that are set by hand. */
import { describe, expect, test } from 'vitest';
import type { LeaseClock, Moment } from '../../src/client/lease-clock.js';
import { LossWatch, type OnLoss } from '../../src/run/loss-watch.js';

/** A lease of 10 s whose clocks stand still until they are told otherwise, and what happened at which of its seconds. */
class Scene implements LeaseClock {
  readonly happened: string[] = [];
  readonly watch: LossWatch;
  #monotonic = 100;
  #sinceBoot = 500;
  #renewed = 100;
  #slept = 0;
  #isLost = false;
  #lose: ((reason: Error) => void) | undefined;
  #timer: { readonly at: number; readonly action: () => void } | undefined;

  constructor(
    onLoss: OnLoss,
    private readonly ttl = 10,
  ) {
    this.watch = new LossWatch(
      {
        ttl: () => this.ttl,
        left: () => this.#left,
        onLost: (listener) => {
          this.#lose = listener;
        },
      },
      onLoss,
      this,
      {
        signal: (signal, killSeconds) => this.#note(`${signal} ${killSeconds.toFixed(1)}`),
        lost: (reason) => this.#note(reason.message),
      },
    );
  }

  now(): Moment {
    return { monotonic: this.#monotonic, sinceBoot: this.#sinceBoot };
  }

  after(seconds: number, action: () => void): () => void {
    // No timer of Node is shorter.
    const timer = { at: this.#monotonic + Math.max(0.001, seconds), action };
    this.#timer = timer;
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  }

  /** Lets both clocks run. */
  pass(seconds: number): this {
    const end = this.#monotonic + seconds;
    while (this.#timer && this.#timer.at <= end) {
      const { at, action } = this.#timer;
      this.#timer = undefined;
      this.#advance(Math.max(0, at - this.#monotonic));
      action();
    }
    this.#advance(end - this.#monotonic);
    return this;
  }

  /** The machine sleeps: timers and the monotonic clock stand still. */
  sleep(seconds: number): this {
    this.#sinceBoot += seconds;
    this.#slept += seconds;
    return this;
  }

  /** The process is held up, while both clocks run. */
  stall(seconds: number): this {
    this.#advance(seconds);
    return this;
  }

  renew(): this {
    this.#renewed = this.#monotonic;
    this.#slept = 0;
    return this;
  }

  lose(): this {
    this.#isLost = true;
    this.#lose?.(new Error('lost'));
    return this;
  }

  get #left(): number {
    const elapsed = this.#monotonic - this.#renewed + this.#slept;
    return this.#isLost ? 0 : Math.max(0, 0.9 * this.ttl - elapsed);
  }

  #advance(seconds: number): void {
    this.#monotonic += seconds;
    this.#sinceBoot += seconds;
  }

  #note(what: string): void {
    this.happened.push(`${(this.#monotonic - 100).toFixed(1)}: ${what}`);
  }
}

describe('a lease that is not renewed', () => {
  test('term: TERM at 0.7 of the ttl, again at 0.8, KILL at 0.9', () => {
    const scene = new Scene('term').pass(6.99);
    expect(scene.watch.hasBegun).toBe(false);
    expect(scene.pass(10).happened).toEqual(['7.0: SIGTERM 2.0', '8.0: SIGTERM 1.0', '9.0: SIGKILL 0.0']);
    expect(scene.watch.isOver).toBe(true);
  });

  test('kill: KILL at 0.8, and nothing before', () => {
    expect(new Scene('kill').pass(20).happened).toEqual(['8.0: SIGKILL 0.0']);
  });

  test('keep: only its loss is told', () => {
    const scene = new Scene('keep').pass(20);
    expect(scene.watch.isOver).toBe(false);
    expect(scene.lose().happened).toEqual(['20.0: lost']);
    expect(scene.watch).toMatchObject({ hasBegun: false, isOver: true });
  });

  test('a short lease keeps its shares', () => {
    const scene = new Scene('term', 1).pass(2);
    expect(scene.happened).toEqual(['0.7: SIGTERM 0.2', '0.8: SIGTERM 0.1', '0.9: SIGKILL 0.0']);
  });
});

describe('a lease that is renewed', () => {
  test('counts from its last renewal', () => {
    const scene = new Scene('term');
    for (let count = 0; count < 20; count += 1) scene.pass(6.9).renew();
    expect(scene.happened).toEqual([]);
    expect(scene.pass(6.9).happened).toEqual([]);
    expect(scene.pass(0.2).happened).toHaveLength(1);
  });

  test('after TERM: what was begun is brought to its end', () => {
    const scene = new Scene('term').pass(7.5).renew().pass(2);
    expect(scene.happened).toEqual(['7.0: SIGTERM 2.0', '8.0: SIGTERM 1.0', '9.0: SIGKILL 0.0']);
  });
});

describe('a loss that the daemon tells', () => {
  test('term: TERM at once, KILL after a fifth of the ttl', () => {
    const scene = new Scene('term').pass(3).lose().pass(9);
    expect(scene.happened).toEqual(['3.0: lost', '3.0: SIGTERM 2.0', '4.0: SIGTERM 1.0', '5.0: SIGKILL 0.0']);
  });

  test('shortly before the end: KILL no later than without it', () => {
    const scene = new Scene('term').pass(8.5).lose().pass(9);
    expect(scene.happened).toEqual(['7.0: SIGTERM 2.0', '8.0: SIGTERM 1.0', '8.5: lost', '9.0: SIGKILL 0.0']);
  });

  test('kill: KILL at once', () => {
    expect(new Scene('kill').pass(3).lose().pass(9).happened).toEqual(['3.0: lost', '3.0: SIGKILL 0.0']);
  });

  test('is told once', () => {
    expect(new Scene('keep').lose().lose().happened).toEqual(['0.0: lost']);
  });
});

describe('time that nobody noticed', () => {
  test('a machine that slept: KILL within a second', () => {
    const scene = new Scene('term').pass(2.5).sleep(3_600).pass(1);
    expect(scene.happened.map((line) => line.slice(5))).toEqual(['SIGKILL 0.0']);
    expect(Number.parseFloat(scene.happened[0] ?? '')).toBeLessThan(3.6);
  });

  test('a process that was held up reads its sockets once: without an answer it kills', () => {
    const scene = new Scene('term').pass(2).stall(30).pass(0);
    expect(scene.happened).toEqual([]);
    expect(scene.pass(0.001).happened).toEqual(['32.0: SIGKILL 0.0']);
  });

  test('and with an answer it does not', () => {
    const scene = new Scene('term').pass(2).stall(30).pass(0);
    expect(scene.renew().pass(6.9).happened).toEqual([]);
  });
});

test('after a stop nothing is sent or told', () => {
  const scene = new Scene('term').pass(5);
  scene.watch.stop();
  expect(scene.pass(20).lose().happened).toEqual([]);
});
