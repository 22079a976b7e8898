/** What the laboratory needs beside Node. */
import type { Need } from '../programs.js';

export const NEEDS: readonly Need[] = ['root', 'etcd', 'ip', 'tc', 'flock', 'network namespaces'];
