/** Whether the user who calls may: what the rows of the method table say, put to the rules of access. */
import { denial } from '../access/permission.js';
import { includesRole, type Role } from '../access/role.js';
import { clientProblem, resourceProblem } from '../core/names.js';
import { BadParameter, Refusal } from '../core/refusals.js';
import type { Environment, Method, MethodTable, NamedValues } from './method.js';

/**
 * Lets a call pass, or throws the `Refusal` that says what its user may do instead.
 *
 * @param values what `readArguments` made for this method.
 */
export function checkPermission(
  method: Method,
  values: NamedValues,
  { methods, context }: Environment,
): void {
  const { user } = context;
  if (!user) return;
  const resource = textOf(values.resource);
  const client = textOf(values.client);
  const option = optionAbove(method, values);
  const role = method.options?.[option ?? '']?.role ?? method.role;
  const deed = { method: method.name, role, option, resource, client };
  const refused = denial(user, deed, (of) => methodsOf(of, methods));
  if (!refused) return;
  // A refusal repeats names, so that they must be names.
  checkName('resource', resource, resourceProblem);
  checkName('client', client, clientProblem);
  const refusal = new Refusal(refused);
  context.onDenied?.(refusal.message, context.from);
  throw refusal;
}

/** The option for which this very call takes another role than its method; undefined where there is none. */
function optionAbove({ options = {} }: Method, values: NamedValues): string | undefined {
  return Object.keys(values.options as object).find((option) => options[option]?.role !== undefined);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `system.*` is about the daemon itself, and everybody's. */
function methodsOf(role: Role, methods: MethodTable): string[] {
  const callable = [...methods.values()].filter((method) => includesRole(role, method.role));
  return callable.map(({ name }) => name).filter((name) => !name.startsWith('system.'));
}

function checkName(
  parameter: string,
  text: string | undefined,
  problemOf: (text: string) => string | undefined,
): void {
  const problem = text === undefined ? undefined : problemOf(text);
  if (problem !== undefined) throw new BadParameter(parameter, problem);
}
