/** Answers mean the same to the page as to every other client. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnexpectedAnswer } from '../../src/client/members.js';
import { decodeAnswer } from '../../src/page/decode-answer.js';
import { parseResponse } from '../../src/xmlrpc/parse.js';
import { writeFault, writeResponse } from '../../src/xmlrpc/write.js';
import { xmlText } from '../xmlrpc/arbitraries.js';
import { bytes } from '../xmlrpc/documents.js';
import { elementsOf } from './elements.js';

const DECLARATION = /^<\?xml[^>]*\?>\n/;

const { answer } = fc.letrec<{ answer: unknown }>((tie) => ({
  answer: fc.oneof(
    { maxDepth: 4 },
    xmlText,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
    fc.array(tie('answer'), { maxLength: 4 }),
    fc.dictionary(xmlText, tie('answer'), { maxKeys: 4 }).map((members) => ({ ...members })),
  ),
}));

test('the page reads what the other clients read', () => {
  fc.assert(
    fc.property(answer, (value) => {
      const body = writeResponse(value);
      expect(decodeAnswer(elementsOf(body.replace(DECLARATION, '')))).toEqual(parseResponse(bytes(body)));
    }),
  );
});

test('faults too', () => {
  fc.assert(
    fc.property(fc.integer(), xmlText, (code, text) => {
      const body = writeFault(code, text);
      expect(decodeAnswer(elementsOf(body.replace(DECLARATION, '')))).toEqual(parseResponse(bytes(body)));
    }),
  );
});

describe('what is no answer', () => {
  const answerWith = (value: string) =>
    `<methodResponse><params><param><value>${value}</value></param></params></methodResponse>`;
  test.each([
    ['<html></html>'],
    ['<parsererror>no XML</parsererror>'],
    ['<methodResponse></methodResponse>'],
    ['<methodResponse><fault><value>1</value></fault></methodResponse>'],
    [answerWith('<int></int>')],
    [answerWith('<double>many</double>')],
    [answerWith('<dateTime.iso8601>today</dateTime.iso8601>')],
    [answerWith('<nil></nil>')],
    [answerWith('<struct><member><name>a</name></member></struct>')],
    [answerWith('<array></array>')],
  ])('%s', (xml) => {
    expect(() => decodeAnswer(elementsOf(xml))).toThrow(UnexpectedAnswer);
  });

  test('a value without a type is a text', () => {
    expect(decodeAnswer(elementsOf(answerWith('<![CDATA[<b>]]>')))).toEqual({ value: '<b>' });
  });
});
