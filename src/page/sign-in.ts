/** Asks who is there. */
import { labelled } from './dialog.js';
import { element } from './dom.js';
import { TroublePlace } from './trouble.js';

/**
 * The form. It stays, with the reason, where `signIn` rejects.
 *
 * @param message why it is shown, where that is not obvious.
 */
export function signInForm(
  message: string | undefined,
  signIn: (user: string, secret: string) => Promise<void>,
): HTMLElement {
  const trouble = new TroublePlace();
  const user = element('input', {
    type: 'text',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
  });
  const secret = element('input', { type: 'password', autocomplete: 'current-password', required: true });
  const submit = element('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = element(
    'form',
    { class: 'card' },
    labelled('User', user, 'May stay empty: the secret alone says who it is'),
    labelled('Secret', secret, 'As lockd user add printed it. It is kept in this tab only'),
    trouble.element,
    element('div', { class: 'actions' }, submit),
  );
  user.autofocus = true;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    trouble.clear();
    try {
      await signIn(user.value.trim(), secret.value.trim());
    } catch (error) {
      trouble.show(error);
      secret.select();
    } finally {
      submit.disabled = false;
    }
  });
  return element(
    'section',
    { class: 'sign-in' },
    element('h1', {}, 'Sign in'),
    message !== undefined && element('p', { role: 'alert' }, message),
    form,
  );
}
