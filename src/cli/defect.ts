/** What is said of a defect of lockd itself. */

/** One line: the error, and where it was thrown. */
export function defectText(error: unknown): string {
  if (!(error instanceof Error)) return `A defect of lockd, please report it: ${String(error)}`;
  const place = /^\s+at (.*)$/m.exec(error.stack ?? '')?.[1];
  return `A defect of lockd, please report it: ${error.message}${place === undefined ? '' : ` (at ${place})`}`;
}
