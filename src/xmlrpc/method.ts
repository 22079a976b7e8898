/**
 * What a row of the method table is. Everything that is known of a method stands in its row: validation, introspection,
 * documentation and the call itself are made from it.
 */
import type { Role } from '../access/role.js';
import type { User } from '../access/user.js';
import type { ResourceState } from '../core/answers.js';
import type { CallContext, LockService } from '../service/api.js';
import type { XmlRpcValue } from './values.js';

/** The types of parameters, and what a handler gets for each. */
export interface ParameterTypes {
  string: string;
  /** An XML-RPC int: whole, 32 bits. */
  int: number;
  /** Seconds, whole or not; an int or a double on the wire. Finite and not negative; the range is the service's to check. */
  seconds: number;
  boolean: boolean;
  /** Decimal digits; a string of them or an int on the wire. */
  token: string;
  state: ResourceState;
  array: XmlRpcValue[];
}

export type ParameterType = keyof ParameterTypes;

/** A member of the struct `options`. */
export interface Option<Type extends ParameterType = ParameterType, Required extends boolean = boolean> {
  readonly type: Type;
  readonly required: Required;
  /** A phrase for the documentation. */
  readonly help: string;
  /** A call with this option takes this role; absent: that of the method. */
  readonly role?: 'operator';
}

/** Positional parameters by name, in order. All of them are required. */
type Positional = Readonly<Record<string, ParameterType>>;
type Options = Readonly<Record<string, Option>>;

/** The names of the options that must, or need not, be given. */
type OptionNames<O extends Options, Required extends boolean> = {
  [Name in keyof O]: O[Name]['required'] extends Required ? Name : never;
}[keyof O];

/** What a handler gets: every parameter under its name, and the options that were given. */
type Arguments<P extends Positional, O extends Options> = {
  readonly [Name in keyof P]: ParameterTypes[P[Name]];
} & {
  readonly options: { readonly [Name in OptionNames<O, true>]: ParameterTypes[O[Name]['type']] } & {
    readonly [Name in OptionNames<O, false>]?: ParameterTypes[O[Name]['type']];
  };
};

/** What the connection knows of a request, and where its defects are told. */
export interface RequestContext extends CallContext {
  /** Open connections of the daemon. */
  readonly connections?: number;
  /** As whom the caller signed in; absent: the daemon has no users, and everybody may do everything. */
  readonly user?: User;
  /** Gets what the caller is not shown: an error that is no refusal and no fault, and the method it came from. */
  readonly onInternalError?: (error: unknown, method: string) => void;
  /** Gets what a user was told that it may not do. */
  readonly onDenied?: (text: string, from: string) => void;
}

/** What a handler may use. */
export interface Environment {
  readonly methods: MethodTable;
  readonly service: LockService;
  readonly context: RequestContext;
}

/**
 * The roles that a row may name: who changes something is bound to resources and, as a client, to names, so that these
 * must stand in the call.
 */
type RoleFor<P extends Positional> = P extends { resource: 'string'; client: 'string' }
  ? Role
  : P extends { resource: 'string' }
    ? Exclude<Role, 'client'>
    : 'viewer';

/** What a row tells of its method. */
interface MethodFacts<P extends Positional, O extends Options> {
  /** As it stands on the wire. */
  readonly name: string;
  /** The least role that a call takes, where there are users; roles above may call it too. */
  readonly role: Role;
  readonly parameters: P;
  /** Absent: the method has no struct `options`. */
  readonly options?: O;
  /** The XML-RPC type of the answer. */
  readonly returns: 'struct' | 'boolean' | 'array' | 'string';
  /** What the documentation calls the answer. */
  readonly answer: string;
  /** One sentence. */
  readonly summary: string;
  /** What else there is to know, in whole sentences. */
  readonly details?: string;
}

/** A row as it is written down: its handler is typed by its parameters. */
interface MethodDefinition<P extends Positional, O extends Options> extends MethodFacts<P, O> {
  readonly role: RoleFor<P>;
  /** Calls the service in the same tick, so that calls which start one after another are decided in that order. */
  call(values: Arguments<P, O>, environment: Environment): Promise<unknown>;
}

/** Arguments of any method, as `readArguments` makes them. */
export type NamedValues = Readonly<Record<string, unknown>>;

/** A row as the table holds it. */
export interface Method extends MethodFacts<Positional, Options> {
  /** The names of its positional parameters, in order. */
  readonly names: readonly string[];
  /** Whether a call must give the struct `options`. */
  readonly needsOptions: boolean;
  /** @param values what `readArguments` made for this very row. */
  call(values: NamedValues, environment: Environment): Promise<unknown>;
}

/** Rows by name. A Map has no names but those put there. */
export type MethodTable = ReadonlyMap<string, Method>;

/** Checks a row's handler against its parameters. */
export function defineMethod<const P extends Positional, const O extends Options>(
  definition: MethodDefinition<P, O>,
): Method {
  const needsOptions = Object.values(definition.options ?? {}).some((option) => option.required);
  // The handler's own types are forgotten here: a handler only ever gets what was read by its own row.
  return { ...definition, names: Object.keys(definition.parameters), needsOptions } as Method;
}

/** An option that need not be given. */
export function optional<Type extends ParameterType>(type: Type, help: string): Option<Type, false> {
  return { type, required: false, help };
}

/** An option that need not be given, and that takes the role of an operator. */
export function forOperators<Type extends ParameterType>(type: Type, help: string): Option<Type, false> {
  return { ...optional(type, help), role: 'operator' };
}

/** An option that must be given. */
export function required<Type extends ParameterType>(type: Type, help: string): Option<Type, true> {
  return { type, required: true, help };
}

/** `lock(resource, client, options)`. */
export function callText(method: Method): string {
  const { name, names, options } = method;
  return `${name}(${(options ? [...names, 'options'] : names).join(', ')})`;
}
