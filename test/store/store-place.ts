import type { Store } from '../../src/store/port.js';

/** One place where a store keeps what it is given. */
export interface StorePlace {
  /** Opens the store here: empty the first time, later with what was saved. */
  open(): Promise<Store>;
  /** Opens what is here although the last one was not closed, as after a crash of the process. */
  openAfterCrash(): Promise<Store>;
  /** Makes the next commit fail for certain. */
  refuseNext?(): void;
}
