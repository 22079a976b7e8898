/** One thing that was found in a lock directory: a sentence for an operator. */
export interface Finding {
  /**
   * `ok`: as it should be; `note`: mended at the next start; `warning`: look at it; `damage`: the daemon will not start.
   * Of a repair: `mended`: what was done; `lost`: what could not be read, and what follows from it.
   */
  readonly level: 'ok' | 'note' | 'warning' | 'damage' | 'mended' | 'lost';
  readonly text: string;
}

export function note(text: string): Finding {
  return { level: 'note', text };
}
