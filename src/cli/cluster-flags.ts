/** The settings of `lockd serve` that make a daemon a member of a cluster. What they mean together: cluster-settings.ts. */
import { optional, type ValuesOf } from './setting.js';
import { text } from './values.js';

export const CLUSTER = {
  store: optional(
    'URL',
    'keep what is locked in etcd, for several daemons of which one leads: etcd://[USER@]HOST:PORT,.../PREFIX, etcds:// with TLS',
    text,
  ),
  storeCa: optional(
    'FILE',
    'for etcds: the authority that is trusted, instead of those of the system (PEM)',
    text,
  ),
  storeCert: optional('FILE', 'for etcds: the certificate to show (PEM)', text),
  storeKey: optional('FILE', 'its private key (PEM)', text),
  storeSecretFile: optional('FILE', "the password of etcd's USER is in it", text),
  advertiseUrl: optional(
    'URL',
    'with --store: where clients reach this daemon, as the others tell them (default: --listen, if that is plain)',
    text,
  ),
};

/** The values of `CLUSTER`. */
export type ClusterGiven = ValuesOf<typeof CLUSTER>;
