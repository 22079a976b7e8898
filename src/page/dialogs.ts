/** What can be done by hand, each with its dialog. */
import type { Fence, Hold } from '../core/answers.js';
import { MAX_NOTE_CHARACTERS } from '../core/limits.js';
import type { FileStatus } from '../service/api.js';
import { facts, labelled, openDialog } from './dialog.js';
import { element, foreign } from './dom.js';
import { readDuration } from './duration.js';
import { rememberHeld } from './held-by-hand.js';
import { spanText } from './lease.js';
import type { PageContext } from './view.js';

const NOTE = { type: 'text', maxlength: String(MAX_NOTE_CHARACTERS), autocomplete: 'off' } as const;
const NAME = {
  type: 'text',
  autocomplete: 'off',
  autocapitalize: 'none',
  spellcheck: 'false',
  required: true,
} as const;
const DURATION_HINT = 'Such as 90s, 10m, 2h or 1d';

/** Takes a lock. @param resource empty: to be typed. */
export function lockDialog(context: PageContext, resource: string): void {
  const name = element('input', { ...NAME, value: resource, readonly: resource !== '' });
  const client = element('input', { ...NAME, value: context.rights.clientByHand });
  const ttl = durationInput('1h');
  const note = element('input', { ...NOTE });
  if (resource === '') name.autofocus = true;
  else ttl.autofocus = true;
  const keys = new Map<string, string>();
  openDialog(
    context,
    {
      title: 'Lock by hand',
      content: [
        labelled('Resource', name),
        labelled('Client', client),
        labelled('For how long', ttl, `${DURATION_HINT}. Nobody renews it: it is lost when that is over`),
        labelled('Note', note, 'Why, for everybody who looks at it'),
      ],
      submit: 'Lock',
    },
    async () => {
      const hold = await context.daemon.lock(name.value, client.value, {
        ttl: secondsOf(ttl),
        note: note.value || undefined,
        request: keyFor(keys, [name, client, ttl, note]),
      });
      rememberHeld(hold);
      context.go({ view: 'resource', resource: hold.resource });
      return `Locked ${hold.resource} as ${hold.client}`;
    },
  );
}

/** A retry key: whoever sends the same again, because no answer came, gets the hold that the first call may have got. */
function keyFor(keys: Map<string, string>, inputs: readonly HTMLInputElement[]): string {
  const typed = JSON.stringify(inputs.map(({ value }) => value));
  const key = keys.get(typed) ?? `web-${crypto.getRandomValues(new Uint32Array(3)).join('-')}`;
  keys.set(typed, key);
  return key;
}

export function extendDialog(context: PageContext, { resource, client, token }: Hold): void {
  const more = durationInput('10m');
  more.autofocus = true;
  openDialog(
    context,
    {
      title: 'Extend the lease',
      content: [
        facts(['Resource', foreign(resource)], ['Holder', foreign(client)]),
        labelled('Add', more, `${DURATION_HINT}; it is added to what is left`),
      ],
      submit: 'Extend',
    },
    async () => {
      const { left = 0 } = await context.daemon.extend(resource, client, secondsOf(more), token);
      return `The lease of ${client} runs for another ${spanText(left)}`;
    },
  );
}

/** Ends somebody's hold, or the lock of a file that cannot be read (no hold). */
export function forceDialog(context: PageContext, status: FileStatus, hold: Hold | undefined): void {
  const { resource, fenceCommand, lockDelay, file } = status;
  const who = hold?.client ?? '?';
  const reason = element('input', { ...NOTE, required: true });
  reason.autofocus = true;
  const vouch = element('input', { type: 'checkbox' });
  const needsVouching = fenceCommand !== undefined || lockDelay !== undefined;
  const then = element('span', {});
  const harm = element('p', {});
  const tell = () => {
    const outcome = outcomeText(status, vouch.checked);
    then.replaceChildren(...outcome.next);
    harm.replaceChildren(
      `The hold ends against its holder’s will; its next call is told your reason. ${outcome.harm}`,
    );
  };
  tell();
  vouch.addEventListener('change', tell);
  openDialog(
    context,
    {
      title: 'Force unlock',
      isGrave: true,
      content: [
        facts(
          ['Resource', foreign(resource)],
          ['Holder', foreign(who)],
          ...(hold
            ? [['Token', element('code', {}, hold.token)] as const]
            : [['File', foreign(file)] as const]),
          ['Then', hold ? then : 'Nobody is fenced. The next in the line gets the lock at once.'],
        ),
        hold
          ? harm
          : element(
              'p',
              {},
              'The file is moved into .lockd/adopted, and the lock ends. Whoever locked it is neither known nor told.',
            ),
        labelled('Reason', reason),
        ...(needsVouching && hold ? [vouchLine(vouch, who, fenceCommand !== undefined)] : []),
      ],
      submit: 'Force unlock',
    },
    async () => {
      await context.daemon.forceUnlock(resource, {
        reason: reason.value,
        client: hold?.client,
        token: hold?.token,
        fenced: vouch.checked || undefined,
      });
      return `Forced: ${who} holds ${resource} no more`;
    },
  );
}

/** What happens when a hold is lost, and what stops its holder. */
function outcomeText(
  { fenceCommand, lockDelay }: FileStatus,
  isVouched: boolean,
): { readonly next: readonly (Node | string)[]; readonly harm: string } {
  if (isVouched) {
    const next = ['The next in the line gets the lock at once.'];
    return { next, harm: 'Nothing stops what the holder still does: you vouch that it does nothing.' };
  }
  if (fenceCommand !== undefined) {
    const command = element('code', {}, foreign(fenceCommand));
    return {
      next: [command, ' runs. The lock is granted again when it has succeeded.'],
      harm: 'The fence command has to stop what the holder still does.',
    };
  }
  if (lockDelay !== undefined) {
    const rest = spanText(lockDelay);
    return {
      next: [`No fence command applies. The lock rests for ${rest}, then the next in the line gets it.`],
      harm: `Nothing stops what the holder still does: it has ${rest} to find out and stop by itself.`,
    };
  }
  return {
    next: ['No fence command applies. The next in the line gets the lock at once.'],
    harm: 'Nothing stops what the holder still does: see to it that it has stopped.',
  };
}

function vouchLine(box: HTMLInputElement, who: string, isFenced: boolean): HTMLElement {
  return element(
    'label',
    { class: 'check' },
    box,
    element(
      'span',
      {},
      'I have seen to it that ',
      foreign(who),
      ` can do no more harm. Grant the lock again at once; ${isFenced ? 'no fence command runs' : 'it does not rest'}.`,
    ),
  );
}

export function confirmFencedDialog(context: PageContext, resource: string, { client, token }: Fence): void {
  const reason = element('input', { ...NOTE, required: true });
  reason.autofocus = true;
  openDialog(
    context,
    {
      title: 'Confirm fenced',
      isGrave: true,
      content: [
        facts(
          ['Resource', foreign(resource)],
          ['Lost by', foreign(client)],
          ['Token', element('code', {}, token)],
        ),
        element(
          'p',
          {},
          'You vouch that ',
          foreign(client),
          ' can do no more harm. A fence command that still runs is ended, and the lock is granted again.',
        ),
        labelled('Reason', reason, 'How you know; it stands in the history'),
      ],
      submit: 'It is fenced',
    },
    async () => {
      await context.daemon.confirmFenced(resource, { reason: reason.value, token });
      return `${client} counts as fenced on ${resource}`;
    },
  );
}

function durationInput(value: string): HTMLInputElement {
  const input = element('input', { type: 'text', required: true, value, autocomplete: 'off', size: '8' });
  input.addEventListener('input', () => {
    input.setCustomValidity(readDuration(input.value) === undefined ? DURATION_HINT : '');
  });
  return input;
}

/** The form is not sent where it is no duration. */
function secondsOf(input: HTMLInputElement): number {
  return readDuration(input.value) ?? 0;
}
