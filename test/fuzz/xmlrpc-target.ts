/**
 * Calls, as they come over the network. Whatever a document is, it is read or refused with a fault; one that the grammar
 * made is read as it was meant; and what was read means the same when it is written and read again, on each of the ways
 * that the parser has.
 */
import { BadParameter } from '../../src/core/refusals.js';
import { decodeDocument } from '../../src/xmlrpc/decode-document.js';
import { Fault } from '../../src/xmlrpc/faults.js';
import { findMethod } from '../../src/xmlrpc/invoke.js';
import { METHODS } from '../../src/xmlrpc/methods.js';
import { type ParsedCall, parseCall, parseResponse } from '../../src/xmlrpc/parse.js';
import { readPlainCall } from '../../src/xmlrpc/plain-call.js';
import { readArguments } from '../../src/xmlrpc/read-arguments.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { writeResponse } from '../../src/xmlrpc/write.js';
import { oneOf, type Random } from '../random.js';
import { callOf } from '../xmlrpc/documents.js';
import { mutatedBody } from '../xmlrpc/mutations.js';
import { insertPiece, mutateBytes } from './byte-mutations.js';
import { pack, unpack } from './packed.js';
import { must, mustEqual, type Target } from './target.js';
import { arbitraryValue, DocumentWriter, meaning, xmlText } from './xml-documents.js';
import { mutateMarkup, XML_PIECES } from './xml-mutations.js';

interface Head {
  /** Of the Content-Type. */
  readonly charset?: string;
  /** What the document means; absent where nobody knows. */
  readonly meaning?: string;
}

const METHOD_NAMES = [...METHODS.keys(), 'm', 'system.multicall', 'toString', '__proto__'];
const CHARSETS = [undefined, undefined, undefined, 'utf-8', 'us-ascii', 'iso-8859-1', 'utf-16'];

/** More than any document of this size needs, a thousand times over. */
const PATIENCE_MS = 200;

function meaningOf({ method, params }: ParsedCall): string {
  return `${JSON.stringify(method)}(${params.map(meaning).join()})`;
}

function goodCall(random: Random): ParsedCall {
  const isPlain = random(3) === 0;
  const params = Array.from({ length: random(5) }, () =>
    isPlain ? xmlText(random) : arbitraryValue(random),
  );
  return { method: oneOf(random, METHOD_NAMES), params };
}

function make(random: Random): Buffer {
  const call = goodCall(random);
  const writer = random(3) === 0 ? new DocumentWriter() : new DocumentWriter(random);
  const document = Buffer.from(writer.call(call.method, call.params));
  if (random(4) === 0) return pack({ meaning: meaningOf(call) }, document);
  const charset = oneOf(random, CHARSETS);
  return pack({ ...(charset === undefined ? {} : { charset }) }, mutated(document, random));
}

function mutated(document: Buffer, random: Random): Buffer {
  if (random(4) === 0) return mutatedBody(random);
  let bytes = document;
  for (let left = random(2) === 0 ? 0 : random(3); left >= 0; left -= 1) {
    const kind = random(3);
    if (kind === 0) bytes = mutateBytes(bytes, random);
    else if (kind === 1) bytes = insertPiece(bytes, random, XML_PIECES);
    else bytes = mutateMarkup(bytes, random);
  }
  return bytes;
}

function check(input: Buffer): string {
  const { head, body } = unpack<Head>(input);
  const call = readOrRefuse(body, head.charset);
  if (call === undefined) {
    must(head.meaning === undefined, 'a document as the grammar makes it is read');
    return 'refused';
  }
  const found = meaningOf(call);
  if (head.meaning !== undefined) mustEqual(found, head.meaning, 'a document is read as it was meant');
  const isPlain = agreesWithLongWay(body, head.charset, found);
  const again = parseCall(Buffer.from(new DocumentWriter().call('m', call.params)));
  mustEqual(meaningOf(again), meaningOf({ ...call, method: 'm' }), 'what was read is written and read again');
  for (const param of call.params) answersBack(param);
  takesArguments(call);
  if (head.meaning !== undefined) return 'as it was meant';
  return isPlain ? 'read the short way' : 'read';
}

/** Undefined where it is refused as it may be. */
function readOrRefuse(body: Buffer, charset: string | undefined): ParsedCall | undefined {
  try {
    return parseCall(body, charset);
  } catch (error) {
    if (error instanceof Fault && [-32_700, -32_600, -32_602].includes(error.code)) return undefined;
    throw error;
  }
}

/** Whether a call is read the short way; then the long way, which a comment makes it take, reads the same. */
function agreesWithLongWay(body: Buffer, charset: string | undefined, found: string): boolean {
  if (readPlainCall(decodeDocument(body, charset), 1_024) === undefined) return false;
  const root = body.indexOf('<methodCall');
  const detour = Buffer.concat([body.subarray(0, root), Buffer.from('<!---->'), body.subarray(root)]);
  mustEqual(meaningOf(parseCall(detour, charset)), found, 'both ways read the same');
  return true;
}

/** What a client sent, a client can be answered. */
function answersBack(value: XmlRpcValue): void {
  let body: string;
  try {
    body = writeResponse(value);
  } catch (error) {
    if (error instanceof TypeError && /null|bigint/.test(error.message)) return;
    throw error;
  }
  const response = parseResponse(Buffer.from(body));
  must('value' in response, 'an answer is no fault');
  mustEqual(meaning(response.value), meaning(value), 'an answer is read as it was written');
}

/** Whatever stands in a call, its method takes it or refuses it. */
function takesArguments({ method, params }: ParsedCall): void {
  try {
    readArguments(findMethod(METHODS, method), params);
  } catch (error) {
    if (!(error instanceof Fault || error instanceof BadParameter)) throw error;
  }
}

export const xmlrpcTarget: Target = { name: 'xmlrpc', patienceMs: PATIENCE_MS, make, check };

/** A call as an input, for what was found once. */
export function callInput(method: string, ...values: string[]): Buffer {
  return pack({}, Buffer.from(callOf(method, ...values)));
}
