/** Shows what went wrong, and what to do. */
import { button, element } from './dom.js';
import { troubleOf } from './failures.js';

/** Where trouble is told; empty while there is none. */
export class TroublePlace {
  readonly element = element('div', { class: 'trouble', role: 'alert', hidden: true });

  /** @param again tries once more; absent: the user does what was tried anyway. */
  show(error: unknown, again?: () => void): void {
    const { what, advice } = troubleOf(error);
    this.element.replaceChildren(
      element('p', {}, element('strong', {}, what)),
      ...(advice === undefined ? [] : [element('p', {}, advice)]),
      ...(again ? [button('Try again', again)] : []),
    );
    this.element.hidden = false;
  }

  clear(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}
