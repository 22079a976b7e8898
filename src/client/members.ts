/** Members of what came over the network, each checked for its type. The functions throw `UnexpectedAnswer`. */
import type { XmlRpcStruct, XmlRpcValue } from '../xmlrpc/values.js';

/** The value is not what the method answers; `message` names the place. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** A struct and its members by name. `optional…` answer undefined where there is none, or where a newer lockd says more. */
export class Members {
  readonly #struct: XmlRpcStruct;

  constructor(value: XmlRpcValue | undefined) {
    if (!(value instanceof Map)) throw new UnexpectedAnswer('is not a struct');
    this.#struct = value;
  }

  text(name: string): string {
    return this.optionalText(name) ?? lacking('text', name);
  }

  optionalText(name: string): string | undefined {
    const value = this.#struct.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? lacking('number', name);
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#struct.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  date(name: string): Date {
    return this.optionalDate(name) ?? lacking('dateTime', name);
  }

  optionalDate(name: string): Date | undefined {
    const value = this.#struct.get(name);
    return value instanceof Date ? value : undefined;
  }

  array<T>(name: string, read: (item: XmlRpcValue) => T): T[] {
    return readArray(this.#struct.get(name), name, read);
  }

  has(name: string): boolean {
    return this.#struct.has(name);
  }

  /** Another struct within. */
  value(name: string): XmlRpcValue | undefined {
    return this.#struct.get(name);
  }
}

/** An array, item by item; `place` says where it should have been. */
export function readArray<T>(
  value: XmlRpcValue | undefined,
  place: string,
  read: (item: XmlRpcValue) => T,
): T[] {
  if (!Array.isArray(value)) throw new UnexpectedAnswer(`has no array as ${place}`);
  return value.map(read);
}

/** The given members without those that have no value. */
export function present<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const found = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}

function lacking(type: string, name: string): never {
  throw new UnexpectedAnswer(`has no ${type} '${name}'`);
}
