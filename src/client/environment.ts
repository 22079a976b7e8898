/** What the environment says of the daemon, to programs that do not say it themselves. */
import { readConnectionFiles } from './connection-files.js';
import type { TlsOptions } from './tls-options.js';

type Environment = Readonly<Record<string, string | undefined>>;

export interface FromEnvironment {
  readonly url?: string;
  readonly user?: string;
  readonly secret?: string;
  readonly tls?: TlsOptions;
}

/**
 * LOCKD_URL; LOCKD_USER with LOCKD_SECRET_FILE; LOCKD_CA, LOCKD_CERT and LOCKD_KEY, which name files. An empty variable
 * counts as none. Throws an Error that names the variable.
 */
export function fromEnvironment(environment: Environment): FromEnvironment {
  const given = (name: string) => environment[`LOCKD_${name}`] || undefined;
  const [url, user, secretFile] = [given('URL'), given('USER'), given('SECRET_FILE')];
  if ((user === undefined) !== (secretFile === undefined))
    throw new Error('LOCKD_USER and LOCKD_SECRET_FILE belong together: set both, or none');
  const files = { secretFile, ca: given('CA'), cert: given('CERT'), key: given('KEY') };
  return {
    ...(url === undefined ? {} : { url }),
    ...(user === undefined ? {} : { user }),
    ...readConnectionFiles(files),
  };
}
