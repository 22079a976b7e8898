/** The order of events by their ids, `TURN.INDEX`. Pure. */

/** Whether event `a` happened after event `b`. */
export function isLater(a: string, b: string): boolean {
  const [turnA = 0, indexA = 0] = a.split('.').map(Number);
  const [turnB = 0, indexB = 0] = b.split('.').map(Number);
  return turnA === turnB ? indexA > indexB : turnA > turnB;
}
