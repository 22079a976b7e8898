/**
 * The folder into which a repair puts what it takes out: nothing is deleted. Made when the first thing goes into it, one
 * for each repair.
 */
import { basename } from 'node:path';
import { type Disk, errorCode, writeWhole } from './disk.js';
import { type Layout, parseKeptDirectory } from './layout.js';

export class Kept {
  #path: string | undefined;

  constructor(
    private readonly disk: Disk,
    private readonly layout: Layout,
  ) {}

  /** Where it is; undefined while there is nothing in it. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Moves a file, or whatever has this name, into the folder. */
  move(from: string): string {
    const to = this.#place(basename(from));
    this.disk.rename(from, to);
    return to;
  }

  /** Gives a file, which stays where it is, a second name in the folder. Answers whether that could be done. */
  link(from: string): boolean {
    try {
      this.disk.link(from, this.#place(basename(from)));
      return true;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return false;
    }
  }

  /** Writes a file into the folder, flushed. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.#place(name);
    const file = this.disk.create(path);
    try {
      writeWhole(file, typeof content === 'string' ? Buffer.from(content) : content, 0);
      await file.sync();
    } finally {
      file.close();
    }
    return path;
  }

  /** Makes what was put in last. */
  async flush(): Promise<void> {
    if (this.#path !== undefined) await this.disk.syncDirectory(this.#path);
    await this.disk.syncDirectory(this.layout.own);
    await this.disk.syncDirectory(this.layout.root);
  }

  #place(name: string): string {
    const { disk, layout } = this;
    if (this.#path === undefined) {
      const taken = disk.list(layout.own).map((entry) => parseKeptDirectory(entry) ?? 0);
      this.#path = layout.kept(Math.max(0, ...taken) + 1);
      disk.makeDirectory(this.#path);
    }
    let place = `${this.#path}/${name}`;
    for (let count = 2; disk.exists(place); count += 1) place = `${this.#path}/${count}-${name}`;
    return place;
  }
}
