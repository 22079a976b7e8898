/** The fields above the list: which resources it shows. */
import { RESOURCE_STATES } from '../core/answers.js';
import { element } from './dom.js';
import type { ListFilter } from './route.js';

/** Milliseconds after the last key before the list follows. */
const TYPING_MS = 200;

export class ListFilters {
  readonly element: HTMLFormElement;
  readonly #prefix = element('input', { type: 'search', ...PLAIN, placeholder: 'deploy/' });
  readonly #client = element('input', { type: 'search', ...PLAIN, placeholder: 'any' });
  readonly #state = element('select', {});
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onChange: (filter: ListFilter) => void) {
    this.#state.append(
      element('option', { value: '' }, 'any'),
      ...RESOURCE_STATES.filter((state) => state !== 'free').map((state) =>
        element('option', { value: state }, state),
      ),
    );
    this.element = element(
      'form',
      { class: 'filters', role: 'search', 'aria-label': 'Locks' },
      field('Resource begins with', this.#prefix),
      field('Client (holds or waits)', this.#client),
      field('State', this.#state),
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#soon(0, onChange);
    });
    for (const input of [this.#prefix, this.#client]) {
      input.addEventListener('input', () => this.#soon(TYPING_MS, onChange));
    }
    this.#state.addEventListener('change', () => this.#soon(0, onChange));
  }

  /** Shows a filter that came from elsewhere, but never what somebody is typing over. */
  show({ prefix = '', client = '', state }: ListFilter): void {
    if (document.activeElement !== this.#prefix) this.#prefix.value = prefix;
    if (document.activeElement !== this.#client) this.#client.value = client;
    this.#state.value = state ?? '';
  }

  #soon(wait: number, onChange: (filter: ListFilter) => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => onChange(this.#filter), wait);
  }

  get #filter(): ListFilter {
    const state = RESOURCE_STATES.find((one) => one === this.#state.value);
    return {
      ...(this.#prefix.value && { prefix: this.#prefix.value }),
      ...(this.#client.value && { client: this.#client.value }),
      ...(state && { state }),
    };
  }
}

/** Names are no words of a language. */
const PLAIN = { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' } as const;

function field(label: string, control: HTMLElement): HTMLElement {
  return element('label', { class: 'field' }, element('span', {}, label), control);
}
