/** One hold on the page of its resource, with what may be done to it. */
import type { Fence, Hold } from '../core/answers.js';
import type { FileStatus } from '../service/api.js';
import { announce } from './announcer.js';
import { facts } from './dialog.js';
import { confirmFencedDialog, extendDialog, forceDialog } from './dialogs.js';
import { button, count, element, foreign, moment } from './dom.js';
import { isMine } from './held-by-hand.js';
import { lastingFacts } from './lasting-facts.js';
import { spanText } from './lease.js';
import { leaseBar } from './lease-bar.js';
import { stateBadge } from './state-badge.js';
import { Steady } from './steady.js';
import type { PageContext } from './view.js';

/** The card of one hold, renewed in place. */
export class HolderCard {
  readonly #steady = new Steady();
  #lease = element('span', {});

  /** @param onTrouble is told what a deed without a dialog was refused with. */
  constructor(
    private readonly context: PageContext,
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  /** Shows the newest answer; the same element as before, unless something but the lease has changed. */
  show(status: FileStatus, hold: Hold, received: number): HTMLElement {
    const fence = status.fence?.find((one) => one.token === hold.token);
    const { fenceCommand, lockDelay } = status;
    const card = this.#steady.show({ ...lastingFacts(hold), fence, fenceCommand, lockDelay }, () => {
      this.#lease = element('span', {});
      return cardOf(this.context, status, hold, fence, this.#lease, this.onTrouble);
    });
    this.#lease.replaceChildren(...leaseOf(hold, received));
    return card;
  }
}

function cardOf(
  context: PageContext,
  status: FileStatus,
  hold: Hold,
  fence: Fence | undefined,
  lease: HTMLElement,
  onTrouble: (error: unknown) => void,
): HTMLElement {
  const { client, from, acquired, token, note, waited, state } = hold;
  return element(
    'article',
    { class: 'card', 'aria-label': `Hold of ${client}`, 'data-token': token },
    element('h3', {}, foreign(client), state === 'held' ? undefined : stateBadge(state)),
    ...(fence ? [fenceText(fence)] : []),
    facts(
      ['Lease', lease],
      ['Since', moment(acquired)],
      ['From', foreign(from)],
      ['Token', element('code', { class: 'token' }, token)],
      ...(waited >= 1 ? [['Waited', spanText(waited)] as const] : []),
      ...(note === undefined ? [] : [['Note', foreign(note)] as const]),
    ),
    actionsOf(context, status, hold, fence, onTrouble),
  );
}

function leaseOf({ state, ttl, left, expires }: Hold, received: number): readonly (Node | string)[] {
  if (state !== 'held') return ['lost'];
  if (ttl === undefined || left === undefined) return ['none: until it is unlocked'];
  return [
    leaseBar({ ttl, left, received }),
    element(
      'small',
      { class: 'quiet' },
      ` of ${spanText(ttl)}`,
      expires ? ', until ' : '',
      expires ? moment(expires) : '',
    ),
  ];
}

function fenceText({ tries, lastError, nextTry }: Fence): HTMLElement {
  const failed =
    tries === 0 ? '' : `The fence command failed ${tries === 1 ? 'once' : `${count(tries)} times`}. `;
  return element(
    'p',
    { class: 'fence' },
    failed,
    lastError === undefined ? '' : element('span', {}, 'Last: ', foreign(lastError), '. '),
    nextTry ? element('span', {}, 'It runs again at ', moment(nextTry), '.') : 'The fence command runs now.',
  );
}

function actionsOf(
  context: PageContext,
  status: FileStatus,
  hold: Hold,
  fence: Fence | undefined,
  onTrouble: (error: unknown) => void,
): HTMLElement {
  const { rights, daemon } = context;
  const { resource, client, token, state, ttl } = hold;
  const actions = element('div', { class: 'actions' });
  if (state === 'held' && ttl !== undefined && rights.mayActAs(client, resource)) {
    actions.append(button('Extend…', () => extendDialog(context, hold)));
  }
  if (state === 'held' && isMine(hold, rights)) {
    const unlock = async () => {
      await daemon.unlock(resource, client, token);
      announce(`Unlocked ${resource}`);
    };
    actions.append(button('Unlock', () => void unlock().catch(onTrouble)));
  }
  if (state === 'held' && rights.mayForce(resource)) {
    actions.append(button('Force unlock…', () => forceDialog(context, status, hold), 'grave'));
  }
  if (fence && rights.mayForce(resource)) {
    actions.append(button('Confirm fenced…', () => confirmFencedDialog(context, resource, fence), 'grave'));
  }
  return actions;
}
