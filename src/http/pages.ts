/** The pages that every daemon has: its health, and the clients that need no installation. */
import type { Health, LockService, Readiness } from '../service/api.js';
import type { ClientFiles, ClientName } from './client-files.js';
import { NOTHING_RUNS } from './problems.js';
import type { Page, Pages } from './visit.js';

const HEADERS: readonly string[] = [
  ...['Cache-Control', 'no-store'],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Content-Security-Policy', NOTHING_RUNS],
];

/** @param clientFiles what is there to hand out. */
export function builtInPages(
  service: Pick<LockService, 'health' | 'readiness'>,
  clientFiles: ClientFiles,
): Pages {
  return new Map([
    ['/healthz', conditionPage(() => service.health())],
    ['/readyz', conditionPage(() => service.readiness())],
    ['/lockd.py', clientPage('lockd.py', clientFiles)],
    ['/lockd.sh', clientPage('lockd.sh', clientFiles)],
  ]);
}

/** 200 where there is no problem, else 503: load balancers and `curl --fail` need not read the JSON. */
function conditionPage(look: () => Health | Readiness): Page {
  return {
    isOpen: true,
    show: (visit) => {
      const { status, problems } = look();
      visit.send({
        status: problems.length === 0 ? 200 : 503,
        headers: [...['Content-Type', 'application/json'], ...HEADERS],
        body: `${JSON.stringify({ status, problems })}\n`,
      });
    },
  };
}

/** A client to save and run. Not to be kept on the way: it depends on who asks, and on the daemon's version. */
function clientPage(name: ClientName, files: ClientFiles): Page {
  return {
    isOpen: true,
    show: (visit) => {
      const file = files.get(name);
      if (!file) return visit.refuse({ name: 'missingClient', detail: name });
      const { transport } = visit.connection;
      const host = transport === 'unix' ? undefined : visit.request.headers.host;
      visit.send({
        headers: [...['Content-Type', file.contentType], ...HEADERS],
        body: file.textFor(host, transport === 'tls' ? 'https' : 'http'),
      });
    },
  };
}
