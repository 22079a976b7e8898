/** Keeps what is shown in place where it is still true: what is replaced loses the focus, what is selected, and a click half made. */

/** An element that is made anew only where what it shows has changed. */
export class Steady<Made extends Element = HTMLElement> {
  #shown: string | undefined;
  #made: Made | undefined;

  /** @param facts all that the element is made of, as JSON has it. */
  show(facts: unknown, make: () => Made): Made {
    const text = JSON.stringify(facts);
    if (this.#made && text === this.#shown) return this.#made;
    this.#shown = text;
    this.#made = make();
    return this.#made;
  }
}

/** Makes these the children, in this order, without moving those that stand right already. */
export function placeChildren(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = child.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
