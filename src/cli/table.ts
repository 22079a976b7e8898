/** A table of text: columns as wide as their widest cell, the last one ragged. Cells must be printable already. */
import { displayWidth, printable } from './printable.js';

const GAP = '  ';

/** The rows as aligned lines; `decorate` may colour a cell, after its width was measured. */
export function tableLines(
  rows: readonly (readonly string[])[],
  decorate: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    }
  }
  return rows.map((cells, row) =>
    cells
      .map((cell, column) => {
        const padding = column === cells.length - 1 ? 0 : (widths[column] ?? 0) - displayWidth(cell);
        return decorate(cell, column, row) + ' '.repeat(padding);
      })
      .join(GAP)
      .trimEnd(),
  );
}

const NAME_WIDTH = 9;

/** Facts about one thing, one per line, indented; whatever stands in the values. */
export function factLines(facts: readonly (readonly [name: string, value: string])[]): string[] {
  return facts.map(([name, value]) => `  ${name.padEnd(NAME_WIDTH)}  ${printable(value)}`);
}
