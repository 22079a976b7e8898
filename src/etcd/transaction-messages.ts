/**
 * A transaction as etcd's gRPC has it (etcdserverpb: TxnRequest, TxnResponse). A turn has dozens of steps, and each costs etcd
 * several times as much over its JSON gateway: see grpc.ts.
 */
import type { Compare, KeyValue, Operation, Transaction, TransactionAnswer } from './kv.js';
import { BadAnswer } from './messages.js';
import { type ProtobufField, ProtobufWriter, protobufFields } from './protobuf.js';

export const TRANSACT = '/etcdserverpb.KV/Txn';

/** `Compare.target`, and the field in which stands what it is compared with. */
const CREATE = 1;
const CREATE_REVISION = 5;
const MOD = 2;
const MOD_REVISION = 6;

/** The fields of `RequestOp`, and of `ResponseOp`. */
const RANGE = 1;
const PUT = 2;
const DELETE_RANGE = 3;

/** What is sent, behind its length. */
export function encodeTransaction({ compare, success, failure = [] }: Transaction): Uint8Array {
  const writer = new ProtobufWriter();
  for (const step of failure.toReversed()) writer.message(3, () => writeOperation(writer, step));
  for (const step of success.toReversed()) writer.message(2, () => writeOperation(writer, step));
  for (const one of compare.toReversed()) writer.message(1, () => writeCompare(writer, one));
  return writer.framed();
}

/** The result that is asked for, EQUAL, is the one that needs not be named. */
function writeCompare(writer: ProtobufWriter, compare: Compare): void {
  const isOfCreation = 'createRevision' in compare;
  const revision = isOfCreation ? compare.createRevision : compare.modRevision;
  writer.number(isOfCreation ? CREATE_REVISION : MOD_REVISION, revision);
  writer.text(3, compare.key);
  writer.number(2, isOfCreation ? CREATE : MOD);
}

function writeOperation(writer: ProtobufWriter, operation: Operation): void {
  const { key } = operation;
  switch (operation.kind) {
    case 'put': {
      const { value, lease } = operation;
      writer.message(PUT, () => {
        if (lease !== undefined) writer.number(3, BigInt(lease));
        writer.text(2, value);
        writer.text(1, key);
      });
      return;
    }
    case 'remove':
      writer.message(DELETE_RANGE, () => writer.text(1, key));
      return;
    case 'removeRange':
      writer.message(DELETE_RANGE, () => {
        writer.text(2, operation.end);
        writer.text(1, key);
      });
      return;
    case 'get':
      writer.message(RANGE, () => writer.text(1, key));
  }
}

/** What was answered, and by whom. */
export interface AnsweredTransaction {
  readonly answer: TransactionAnswer;
  /** Id of the cluster of etcd. */
  readonly cluster: string | undefined;
  /** Rises with every leader that etcd has. */
  readonly raftTerm: number;
}

/** Throws `BadAnswer` for what is no answer to this. */
export function decodeTransaction(
  { success, failure = [] }: Transaction,
  message: Buffer,
): AnsweredTransaction {
  let header: Buffer | undefined;
  let succeeded = false;
  const responses: Buffer[] = [];
  for (const part of protobufFields(message)) {
    if (part.field === 1) header = bytesOf(part);
    else if (part.field === 2) succeeded = part.number === 1;
    else if (part.field === 3) responses.push(bytesOf(part));
  }
  if (!header) throw new BadAnswer('etcd left something out of its answer');
  const { cluster, revision, raftTerm } = decodeHeader(header);
  const steps = succeeded ? success : failure;
  if (responses.length !== steps.length)
    throw new BadAnswer('etcd answered other steps than it was asked for');
  const found = steps.map(({ kind }, index) => (kind === 'get' ? foundIn(responses[index] as Buffer) : []));
  return { answer: { succeeded, revision: countOf(revision, 'revision'), found }, cluster, raftTerm };
}

function decodeHeader(header: Buffer): {
  readonly cluster: string | undefined;
  readonly revision: number | bigint | undefined;
  readonly raftTerm: number;
} {
  const numbers = new Map<number, number | bigint | undefined>();
  for (const { field, number } of protobufFields(header)) numbers.set(field, number);
  const cluster = numbers.get(1);
  return {
    cluster: cluster === undefined ? undefined : String(cluster),
    revision: numbers.get(3),
    raftTerm: Number(numbers.get(4) ?? 0),
  };
}

function foundIn(response: Buffer): KeyValue[] {
  const found: KeyValue[] = [];
  let isRange = false;
  for (const part of protobufFields(response)) {
    if (part.field !== RANGE) continue;
    isRange = true;
    for (const inside of protobufFields(bytesOf(part))) {
      if (inside.field === 2) found.push(decodeKeyValue(bytesOf(inside)));
    }
  }
  if (!isRange) throw new BadAnswer('etcd left something out of its answer');
  return found;
}

function decodeKeyValue(message: Buffer): KeyValue {
  const parts = new Map<number, ProtobufField>();
  for (const part of protobufFields(message)) parts.set(part.field, part);
  const lease = parts.get(6)?.number ?? 0;
  return {
    key: parts.get(1)?.bytes?.toString('utf8') ?? '',
    value: parts.get(5)?.bytes?.toString('utf8') ?? '',
    createRevision: countOf(parts.get(2)?.number, 'create_revision'),
    modRevision: countOf(parts.get(3)?.number, 'mod_revision'),
    ...(lease === 0 ? {} : { lease: String(lease) }),
  };
}

function bytesOf({ bytes }: ProtobufField): Buffer {
  if (!bytes) throw new BadAnswer('this is not what etcd answers');
  return bytes;
}

function countOf(value: number | bigint | undefined, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new BadAnswer(`${name} is no number in etcd's answer`);
  return number;
}
