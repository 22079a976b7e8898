/**
 * What the daemon tells of its methods: `system.listMethods` and its like, all made from the method table.
 */
import { rightsOf } from '../access/user.js';
import { findMethod } from './invoke.js';
import { callText, defineMethod, type Method, type ParameterType } from './method.js';

/** The types that a signature may give for a parameter. Seconds and a token are one of two. */
const SIGNATURE_TYPES: Readonly<Record<ParameterType, readonly string[]>> = {
  string: ['string'],
  int: ['int'],
  seconds: ['int', 'double'],
  boolean: ['boolean'],
  token: ['string', 'int'],
  state: ['string'],
  array: ['array'],
};

/** Every list of types that a method takes: the answer's first, then the parameters', with and without options. */
export function signaturesOf(method: Method): string[][] {
  let signatures: string[][] = [[method.returns]];
  for (const type of Object.values(method.parameters)) {
    signatures = signatures.flatMap((types) =>
      SIGNATURE_TYPES[type].map((alternative) => [...types, alternative]),
    );
  }
  if (!method.options) return signatures;
  const withOptions = signatures.map((types) => [...types, 'struct']);
  return method.needsOptions ? withOptions : [...signatures, ...withOptions];
}

/** One paragraph: how it is called, what it does, what its options are. */
export function helpOf(method: Method): string {
  const options = Object.entries(method.options ?? {}).map(
    ([name, { type, required, help }]) => `${name} (${type}${required ? ', required' : ''}): ${help}`,
  );
  const sentences = [
    `${callText(method)}: ${method.summary}`,
    ...(method.details ? [method.details] : []),
    ...(options.length > 0 ? [`Options: ${options.join('; ')}.`] : []),
  ];
  return sentences.join(' ');
}

/** The addresses and versions under which other servers announce the same. */
const CAPABILITIES = {
  xmlrpc: { specUrl: 'http://www.xmlrpc.com/spec', specVersion: 1 },
  introspection: { specUrl: 'http://phpxmlrpc.sourceforge.net/doc-2/ch10.html', specVersion: 2 },
  'system.multicall': { specUrl: 'http://www.xmlrpc.com/discuss/msgReader$1208', specVersion: 1 },
  faults_interop: {
    specUrl: 'http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php',
    specVersion: 20_010_516,
  },
};

export const introspection: readonly Method[] = [
  defineMethod({
    name: 'system.listMethods',
    role: 'viewer',
    parameters: {},
    returns: 'array',
    answer: 'array of string',
    summary: 'The names of all methods.',
    call: async (_none, { methods }) => [...methods.keys()],
  }),
  defineMethod({
    name: 'system.methodHelp',
    role: 'viewer',
    parameters: { method: 'string' },
    returns: 'string',
    answer: 'string',
    summary: 'What a method does and takes.',
    call: async ({ method }, { methods }) => helpOf(findMethod(methods, method)),
  }),
  defineMethod({
    name: 'system.methodSignature',
    role: 'viewer',
    parameters: { method: 'string' },
    returns: 'array',
    answer: 'array of arrays of string',
    summary: 'The accepted lists of types of a method: the answer’s first, then the parameters’.',
    call: async ({ method }, { methods }) => signaturesOf(findMethod(methods, method)),
  }),
  defineMethod({
    name: 'system.getCapabilities',
    role: 'viewer',
    parameters: {},
    returns: 'struct',
    answer: 'struct of `specUrl`, `specVersion`',
    summary: 'The specifications that the daemon keeps.',
    call: async () => CAPABILITIES,
  }),
  defineMethod({
    name: 'system.whoAmI',
    role: 'viewer',
    parameters: {},
    returns: 'struct',
    answer: 'struct of `role`; where there are users also `user`, and what bounds it: `allow`, `clients`',
    summary:
      'As whom the caller signed in. Without users everybody is an operator; without `allow` it may change any resource, without `clients` under any name.',
    call: async (_none, { context }) => (context.user ? rightsOf(context.user) : { role: 'operator' }),
  }),
];
