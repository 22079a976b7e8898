/** Says aloud, to those who listen to a page, what those who see it see. */

const ELEMENT = 'announcer';

/** One sentence, when the screen reader comes to it. */
export function announce(text: string): void {
  const place = document.getElementById(ELEMENT);
  if (!place) return;
  // The same sentence again would be no change.
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}
