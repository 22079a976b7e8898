/** Why the locks of a directory cannot be moved to a prefix as both are found, and what to do. */
import type { Disk } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { StartRefused } from '../disk/start-refused.js';
import { halfMovedText, hasJournal, type StoreMarker } from '../disk/store-marker.js';
import type { PrefixContent } from '../store/etcd/filling.js';

/** The directory says that its locks are, or are to be, somewhere else than in `store`. */
export function otherStore(disk: Disk, layout: Layout, marker: StoreMarker, store: string): StartRefused {
  return new StartRefused(
    hasJournal(disk, layout)
      ? `${halfMovedText(layout, marker)} (${store} is another place)`
      : `${layout.root} is used with ${marker.store}, and has no locks of its own to move to ${store}`,
  );
}

export function nothingOwn({ root, storeMarker }: Layout, { store }: StoreMarker): StartRefused {
  return new StartRefused(
    `${root} has no locks of its own: they are in ${store}, as ${storeMarker} says. There is nothing to move`,
  );
}

/** The directory says that its locks are there, and they are not. */
export function gone(
  { root, storeMarker, migrated }: Layout,
  { store, id }: StoreMarker,
  content: PrefixContent,
): StartRefused {
  const found = 'id' in content ? `has the id ${content.id}` : 'has nothing of them';
  return new StartRefused(
    `The locks of ${root} were moved to ${store} with the id ${id}, or nearly so, and what is there now ${found}. ` +
      `Nobody knows whether anything was locked there since. If nothing was, remove ${storeMarker}, move the journal ` +
      `back from ${migrated} if it is there, and run lockd migrate again with an empty prefix`,
  );
}

/** `prefix`: what its keys begin with. */
export function notEmpty(
  { store, prefix }: { readonly store: string; readonly prefix: string },
  content: Exclude<PrefixContent, { readonly kind: 'empty' }>,
): StartRefused {
  return new StartRefused(
    `${store} is not empty: ${whatIsThere(content)}. Give another prefix; or, if nothing there is needed, stop every ` +
      `daemon on it and remove it: etcdctl del --prefix ${prefix}/`,
  );
}

function whatIsThere(content: Exclude<PrefixContent, { readonly kind: 'empty' }>): string {
  switch (content.kind) {
    case 'moving':
      return `the locks of ${content.moving.from} are being moved there`;
    case 'used':
      return `daemons have served from there, up to turn ${content.turn.turn}`;
    case 'other':
      return `there is ${content.what}`;
  }
}
