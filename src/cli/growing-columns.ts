/**
 * Lines of a table whose rows are still to come: on a terminal the columns are aligned, as far as can be told so far; elsewhere
 * tabs stand between them. A tab never stands within a cell.
 */
import { displayWidth, printable } from './printable.js';
import type { Terminal } from './terminal.js';

const GAP = '  ';

export class GrowingColumns {
  /** The widest cell of each column so far. */
  readonly #widths: number[] = [];

  /** @param paint gives a cell its colour. */
  constructor(
    private readonly terminal: Terminal,
    private readonly paint: (cell: string, column: number) => string,
  ) {}

  /** The lines of rows that come at once, each with its line feed. */
  text(given: readonly (readonly string[])[]): string {
    const rows = given.map((row) => row.map(printable));
    for (const row of rows) this.#makeRoomFor(row);
    return rows.map((row) => `${this.#line(row)}\n`).join('');
  }

  #makeRoomFor(row: readonly string[]): void {
    for (const [column, cell] of row.entries()) {
      this.#widths[column] = Math.max(this.#widths[column] ?? 0, displayWidth(cell));
    }
  }

  #line(row: readonly string[]): string {
    const isAligned = this.terminal.world.stdout.isTTY === true;
    const cells = row.map((cell, column) => {
      const missing = isAligned ? (this.#widths[column] ?? 0) - displayWidth(cell) : 0;
      return this.paint(cell, column) + ' '.repeat(missing);
    });
    return isAligned ? cells.join(GAP).trimEnd() : cells.join('\t');
  }
}
