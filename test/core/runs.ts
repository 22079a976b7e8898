/** How often a property is tried: LOCKD_TEST_RUNS multiplies. fast-check prints the seed of what fails. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(count * Number(process.env.LOCKD_TEST_RUNS ?? 1)) };
}
