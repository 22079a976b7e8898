/** Bodies of calls with something wrong in them. */
import { oneOf, type Random } from '../random.js';
import { callOf, LOCK_CALL, structOf } from './documents.js';

const MULTICALL = callOf(
  'system.multicall',
  `<array><data><value>${structOf({ methodName: 'stats', params: '<array><data><value><i8>1</i8></value></data></array>' })}</value></data></array>`,
  '<dateTime.iso8601>20261121T01:20:48</dateTime.iso8601>',
  '<base64>aGVsbG8=</base64>',
  '<double>1.5</double>',
  '<nil/>',
);
const GOOD = [Buffer.from(LOCK_CALL), Buffer.from(MULTICALL)];

const PIECES =
  '< > </ /> & ; &#x ]]> <![CDATA[ <!-- --> <? ?> <!DOCTYPE " \' = <value> </value> <struct> <member> <name> </name> <array> <data> <int> <nil/> \0 \r é 🔒 __proto__ 9999999999999999999 nan'.split(
    ' ',
  );

/** A good body after one to three mutations: something cut, doubled, changed, put in. */
export function mutatedBody(random: Random): Buffer {
  let body: Buffer = oneOf(random, GOOD);
  for (let mutations = random(3); mutations >= 0; mutations -= 1) body = mutate(body, random);
  return body;
}

function mutate(body: Buffer, random: Random): Buffer {
  const at = random(body.length);
  const other = at + random(20);
  switch (random(5)) {
    case 0:
      return Buffer.concat([body.subarray(0, at), body.subarray(other)]);
    case 1:
      return Buffer.concat([body.subarray(0, other), body.subarray(at)]);
    case 2:
      return Buffer.concat([body.subarray(0, at), Buffer.from([random(256)]), body.subarray(at + 1)]);
    case 3:
      return Buffer.concat([body.subarray(0, at), Buffer.from(oneOf(random, PIECES)), body.subarray(other)]);
    default:
      return Buffer.concat([body.subarray(0, at), body.subarray(random(body.length))]);
  }
}
