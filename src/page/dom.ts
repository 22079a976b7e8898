/** Makes elements. Text comes in as text only, and names stand apart from what is around them, whichever way they run. */

type Child = Node | string | undefined | false;
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element with attributes (`true`: present and empty; `false`, undefined: absent) and children. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** The name of a resource or client, or a note: text of somebody else's choice. */
export function foreign(text: string, className?: string): HTMLElement {
  return element('bdi', { class: className }, text);
}

/** A button that does something on the page. */
export function button(label: string, onClick: () => void, className?: string): HTMLButtonElement {
  const made = element('button', { type: 'button', class: className }, label);
  made.addEventListener('click', onClick);
  return made;
}

/** A moment: the time of day, with the date where that is another day; the whole of it in UTC on demand. */
export function moment(date: Date, now = new Date()): HTMLTimeElement {
  const utc = date.toISOString();
  return element(
    'time',
    { datetime: utc, title: `${utc.slice(0, 19).replace('T', ' ')} UTC` },
    momentText(date, now),
  );
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const YEAR = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** `17:02:11`, `20 Nov 17:02:11`, `20 Nov 2025 17:02:11`: local time. */
export function momentText(date: Date, now = new Date()): string {
  const clock = CLOCK.format(date);
  if (date.toDateString() === now.toDateString()) return clock;
  return `${(date.getFullYear() === now.getFullYear() ? DAY : YEAR).format(date)} ${clock}`;
}

/** `100,000`. */
export function count(value: number): string {
  return value.toLocaleString('en');
}
