/** The roles of users, from who may least to who may most; each may what those before it may. */

/** `viewer` reads, `client` locks on its own behalf, `operator` does so on anybody's, and ends what others hold. */
export const ROLES = ['viewer', 'client', 'operator'] as const;

export type Role = (typeof ROLES)[number];

/** Whether `role` may what takes the role `needed`. */
export function includesRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Whether `given` is the name of a role. */
export function isRole(given: unknown): given is Role {
  return ROLES.some((role) => role === given);
}
