/** Asks before something is done: a form in a dialog, which the keyboard and the screen reader know by themselves. */
import { announce } from './announcer.js';
import { button, element } from './dom.js';
import { NotSignedIn } from './failures.js';
import { TroublePlace } from './trouble.js';
import type { PageContext } from './view.js';

export interface DialogText {
  readonly title: Node | string;
  readonly content: readonly Node[];
  readonly submit: string;
  /** What cannot be taken back. */
  readonly isGrave?: boolean;
}

let ids = 0;

/** An id that no other element has. */
function newId(): string {
  ids += 1;
  return `id-${ids}`;
}

/**
 * Opens a dialog. It stays open, with the reason, where `act` rejects; the focus returns to where it was.
 *
 * @param act does it, and answers a sentence that says what has been done.
 */
export function openDialog(
  context: Pick<PageContext, 'signedOut'>,
  { title, content, submit, isGrave = false }: DialogText,
  act: () => Promise<string>,
): void {
  const id = newId();
  const trouble = new TroublePlace();
  const submitButton = element('button', { type: 'submit', class: isGrave ? 'grave' : 'primary' }, submit);
  const form = element(
    'form',
    {},
    element('h2', { id }, title),
    ...content,
    trouble.element,
    element(
      'div',
      { class: 'actions' },
      button('Cancel', () => dialog.close()),
      submitButton,
    ),
  );
  const dialog = element('dialog', { 'aria-labelledby': id }, form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submitButton.disabled = true;
    trouble.clear();
    try {
      const done = await act();
      dialog.close();
      announce(done);
    } catch (error) {
      submitButton.disabled = false;
      if (error instanceof NotSignedIn) {
        dialog.close();
        context.signedOut(error.message);
      } else trouble.show(error);
    }
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    // The button that opened it may have gone meanwhile.
    if (document.activeElement === document.body) document.getElementById('main')?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Closes what is open, as by Cancel. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
}

/** Something to fill in, with its label and a hint, which is read behind the label. */
export function labelled(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const id = newId();
  control.id = id;
  if (hint !== undefined) control.setAttribute('aria-describedby', `${id}-hint`);
  return element(
    'div',
    { class: 'field' },
    element('label', { for: id }, label),
    control,
    hint !== undefined && element('small', { id: `${id}-hint` }, hint),
  );
}

/** A facts list: terms and what they are. */
export function facts(...pairs: readonly (readonly [string, Node | string])[]): HTMLElement {
  return element(
    'dl',
    { class: 'facts' },
    ...pairs.map(([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value))),
  );
}
