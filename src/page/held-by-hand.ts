/** Which holds were taken on this page, so that it offers to give them back: by token, for as long as the tab lives. */
import type { Hold } from '../core/answers.js';
import type { Rights } from './rights.js';

const KEY = 'lockd.held-by-hand';

/** As many as somebody takes by hand in a day, and more. */
const MOST = 100;

export function rememberHeld({ token }: Hold): void {
  sessionStorage.setItem(KEY, JSON.stringify([token, ...tokens()].slice(0, MOST)));
}

/** Whether the user may give the hold back as its own; an operator forces what is somebody else's. */
export function isMine({ token, client, resource }: Hold, rights: Rights): boolean {
  if (!rights.mayActAs(client, resource)) return false;
  return rights.role === 'client' || client === rights.clientByHand || tokens().includes(token);
}

function tokens(): unknown[] {
  try {
    const read: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(read) ? read : [];
  } catch {
    return [];
  }
}
