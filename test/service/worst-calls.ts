/** Calls whose names, notes and keys are as long as they may be, in the longest form that a store may give them. */
import type { LockService } from '../../src/service/api.js';

/** A quotation mark takes two bytes in JSON, three in a URL. */
function quotes(bytes: number, suffix: string): string {
  return '"'.repeat(bytes - suffix.length) + suffix;
}

/** Four bytes of UTF-8 each. */
const NOTE = '😀'.repeat(1_024);

/** So many together, as if all had been in the sockets. */
const AT_ONCE = 200;

/**
 * Clients queue up, get what they want, lose it, get it again and give it back, all at once each time. Rejects as the first
 * call does that fails.
 */
export async function callWorst(service: LockService): Promise<void> {
  const each = (act: (resource: string, client: string, number: number) => Promise<unknown>) =>
    Promise.all(
      Array.from({ length: AT_ONCE }, (_, number) =>
        act(quotes(512, `${number % (AT_ONCE / 2)}`), quotes(256, `${number}`), number),
      ),
    );
  const lengthy = (number: number) => ({
    limit: 2,
    note: NOTE,
    request: quotes(256, `k${number}`),
    ttl: 3_600,
    claim: 3_600,
  });
  await each((resource, client, number) => service.enqueue(resource, client, lengthy(number)));
  await each((resource, client) => service.update(resource, client, { note: `${NOTE.slice(2)}!` }));
  await each((resource, client) =>
    service.forceUnlock(resource, { client, reason: NOTE }, { from: quotes(256, 'by') }),
  );
  // What was lost before is written once more, as superseded.
  await each((resource, client, number) =>
    service.lock(resource, client, { ...lengthy(number), request: quotes(256, `again${number}`) }),
  );
  await each((resource, client) => service.unlock(resource, client));
}
