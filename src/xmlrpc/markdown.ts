/**
 * The tables of the documentation, made from the tables of the code, so that a test can hold the one to the other.
 */
import { REFUSALS } from '../core/refusals.js';
import { callText, type Method } from './method.js';
import { METHODS } from './methods.js';

/** All methods: `| method | role | answer | notes |`; the role is the least that a call takes. */
export function methodTableMarkdown(): string {
  const rows = [...METHODS.values()].map((method) => [
    `\`${callText(method)}\``,
    roleOf(method),
    method.answer,
    notesOf(method),
  ]);
  return table(['method', 'role', 'answer', 'notes'], rows);
}

/** All refusals, in order of precedence: `| code | name | when | exit | retry |`. */
export function refusalTableMarkdown(): string {
  const rows = Object.entries(REFUSALS).map(([name, { code, when, exit, retry }]) => [
    `${code}`,
    name,
    when,
    `${exit}`,
    retry ? 'yes' : 'no',
  ]);
  return table(['code', 'name', 'when', 'exit', 'retry'], rows);
}

function roleOf({ role, options = {} }: Method): string {
  const others = Object.entries(options).filter(([, option]) => option.role !== undefined);
  return [role, ...others.map(([name, option]) => `${option.role} with \`${name}\``)].join('; ');
}

function notesOf(method: Method): string {
  const options = Object.entries(method.options ?? {}).map(
    ([name, { required, help }]) => `\`${name}\` (${required ? 'required; ' : ''}${help})`,
  );
  return options.length === 0 ? method.summary : `${method.summary} ${options.join(', ')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, head.map(() => '---'), ...rows];
  return `${cells.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}
