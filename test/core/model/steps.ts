/** Random histories: what clients, operators, time and the disk do. Tokens are meant, not named, until they are known. */
import fc from 'fast-check';
import { DAY } from '../history.js';

export const RESOURCES = ['plain', 'fenced', 'delayed'] as const;
export const CLIENTS = ['A', 'B', 'C', 'D'] as const;

export interface Who {
  readonly resource: (typeof RESOURCES)[number];
  readonly client: (typeof CLIENTS)[number];
}

/** Which token a call names: none, that of the client's hold, one that it lost, or one that never was. */
export type Meant = 'none' | 'own' | 'lost' | 'never';

export interface Ask {
  readonly limit?: number;
  readonly ttl?: number;
  readonly note?: string;
  readonly request?: string;
  readonly claim?: number;
}

export type Deed = Who &
  (
    | { readonly deed: 'lock'; readonly ask: Ask; readonly wait: number }
    | { readonly deed: 'enqueue'; readonly ask: Ask }
    | { readonly deed: 'wait'; readonly wait: number; readonly request?: string }
    | { readonly deed: 'cancel' }
    | { readonly deed: 'unlock'; readonly token: Meant }
    | { readonly deed: 'withdraw'; readonly claim: number }
    | { readonly deed: 'renew'; readonly token: Meant; readonly ttl?: number }
    | { readonly deed: 'extend'; readonly token: Meant; readonly seconds: number }
    | {
        readonly deed: 'update';
        readonly token: Meant;
        readonly ttl?: number;
        readonly note?: string;
        readonly newClient?: string;
      }
    | { readonly deed: 'check'; readonly token: Meant }
    | { readonly deed: 'force'; readonly isNamed: boolean; readonly fenced: boolean }
    | { readonly deed: 'fenceFailed'; readonly token: Meant }
    | { readonly deed: 'fenced'; readonly token: Meant }
    | { readonly deed: 'confirmFenced'; readonly token: Meant }
    | { readonly deed: 'adopt'; readonly limit: number; readonly own?: number }
    | { readonly deed: 'forget' }
  );

export type Step =
  | { readonly turn: readonly Deed[]; readonly isSaved: boolean }
  /** `isStuck`: what is due cannot be saved at first. */
  | { readonly pass: number; readonly isStuck: boolean }
  | { readonly hangUp: Who }
  | { readonly restart: true };

export type History = readonly Step[];

const who = { resource: fc.constantFrom(...RESOURCES), client: fc.constantFrom(...CLIENTS) };
const seconds = fc.integer({ min: 1, max: 20 });
const token = fc.constantFrom<Meant[]>('none', 'own', 'own', 'lost', 'never');
const request = fc.constantFrom('k', 'l');
const limit = fc.constantFrom(1, 2, 2, 2, 3);
const optional = { requiredKeys: [] } satisfies { requiredKeys: [] };
const ask = fc.record(
  { limit, ttl: fc.constantFrom(5, 10), note: fc.constant('why'), request, claim: fc.constantFrom(3, 30) },
  optional,
);
/** Most ask for the same, so that they meet. */
const usual = fc.record({ limit: fc.constant(2), ttl: fc.constant(5), request }, { requiredKeys: ['limit'] });
const asked = fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: ask });

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...who,
      deed: fc.constant('lock' as const),
      ask: asked,
      wait: fc.constantFrom(0, 0, 7, 40),
    }),
  },
  { weight: 4, arbitrary: fc.record({ ...who, deed: fc.constant('enqueue' as const), ask: asked }) },
  {
    weight: 4,
    arbitrary: fc.record(
      { ...who, deed: fc.constant('wait' as const), wait: fc.constantFrom(5, 50), request },
      { requiredKeys: ['resource', 'client', 'deed', 'wait'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ ...who, deed: fc.constant('cancel' as const) }) },
  { weight: 5, arbitrary: fc.record({ ...who, deed: fc.constant('unlock' as const), token }) },
  {
    weight: 1,
    arbitrary: fc.record({ ...who, deed: fc.constant('withdraw' as const), claim: fc.constantFrom(0, 4) }),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      { ...who, deed: fc.constant('renew' as const), token, ttl: seconds },
      { requiredKeys: ['resource', 'client', 'deed', 'token'] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ ...who, deed: fc.constant('extend' as const), token, seconds }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        ...who,
        deed: fc.constant('update' as const),
        token,
        ttl: seconds,
        note: fc.constantFrom('', 'new'),
        newClient: fc.constantFrom(...CLIENTS),
      },
      { requiredKeys: ['resource', 'client', 'deed', 'token'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ ...who, deed: fc.constant('check' as const), token }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...who,
      deed: fc.constant('force' as const),
      isNamed: fc.boolean(),
      fenced: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...who, deed: fc.constant('fenceFailed' as const), token }) },
  { weight: 3, arbitrary: fc.record({ ...who, deed: fc.constant('fenced' as const), token }) },
  { weight: 1, arbitrary: fc.record({ ...who, deed: fc.constant('confirmFenced' as const), token }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { ...who, deed: fc.constant('adopt' as const), limit, own: fc.integer({ min: 0, max: 200 }) },
      { requiredKeys: ['resource', 'client', 'deed', 'limit'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ ...who, deed: fc.constant('forget' as const) }) },
);

const passing = fc.record({
  pass: fc.constantFrom(1, 1, 2, 3, 5, 8, 35, 61, DAY + 1),
  isStuck: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 14, arbitrary: deed.map((one): Step => ({ turn: [one], isSaved: true })) },
  {
    weight: 4,
    arbitrary: fc.record({ turn: fc.array(deed, { minLength: 1, maxLength: 5 }), isSaved: fc.boolean() }),
  },
  { weight: 5, arbitrary: passing },
  { weight: 2, arbitrary: fc.record({ hangUp: fc.record(who) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ restart: true }) },
);

export const history: fc.Arbitrary<History> = fc.array(step, { maxLength: 60, size: 'max' });
