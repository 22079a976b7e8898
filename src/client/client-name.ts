/** Who a client is when nobody said so. The daemon checks the name; nothing is checked here. */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables by which CI systems name the running job: GitLab, GitHub, Jenkins. */
const JOB_VARIABLES = ['CI_JOB_ID', 'GITHUB_RUN_ID', 'BUILD_TAG'];

/**
 * For single calls from scripts: `user@host`, inside a CI job `user@host:JOB`, so that the steps of one job are one
 * client, and two jobs are two.
 */
export function callerName(environment: Environment): string {
  const job = JOB_VARIABLES.map((variable) => environment[variable]).find(Boolean);
  return job === undefined ? userAtHost() : `${userAtHost()}:${job}`;
}

/** For a program that lives as long as its locks: `user@host:pid-random`, different in every process. */
export function processName(): string {
  return `${userAtHost()}:${process.pid}-${randomBytes(3).toString('hex')}`;
}

/** The name as that of a user of the daemon, who may act under `USER` and `USER/...`. */
export function underUser(user: string | undefined, name: string): string {
  return user === undefined ? name : `${user}/${name}`;
}

function userAtHost(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers often run as a number that no password file knows.
    return `uid${process.getuid?.() ?? ''}`;
  }
}
