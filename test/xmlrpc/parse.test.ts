import { describe, expect, test } from 'vitest';
import { NOT_WELL_FORMED, NOT_XML_RPC } from '../../src/xmlrpc/faults.js';
import { parseCall, parseResponse } from '../../src/xmlrpc/parse.js';
import { bytes, callOf, faultCode, faultOf, LOCK_CALL, parsedValue, structOf } from './documents.js';

test('a call is read as it was written', () => {
  expect(parseCall(bytes(LOCK_CALL))).toEqual({
    method: 'lock',
    params: [
      'deploy/prod',
      'käthe@host:17',
      new Map<string, unknown>([
        ['limit', 3],
        ['note', 'a <b> & <c> 🔒'],
      ]),
    ],
  });
});

test.each([
  ['no params', '<methodCall><methodName>stats</methodName></methodCall>', []],
  ['empty params', '<methodCall><methodName>stats</methodName><params/></methodCall>', []],
  [
    'white space everywhere',
    '\n<methodCall >\n<methodName>\n stats </methodName\t>\n<params >\n<param >\n<value >\n<i4 > 5 </i4 >\n</value >\n</param >\n</params >\n</methodCall >\n\n',
    [5],
  ],
  [
    'comments and instructions',
    '<?a b?><!-- - --><methodCall><!----><methodName>sta<!-- x -->ts</methodName><?php echo "<a>" ?></methodCall><!-- --><?x?>',
    [],
  ],
  ['attributes', `<methodCall a="1>" b = '"&lt;"'><methodName x:y="">stats</methodName></methodCall>`, []],
])('%s', (_name, body, params) => {
  expect(parseCall(bytes(body))).toEqual({ method: 'stats', params });
});

describe('values', () => {
  test.each<[string, unknown]>([
    ['plain', 'plain'],
    ['', ''],
    ['  two  ', '  two  '],
    ['<string> kept \n</string>', ' kept \n'],
    ['<string/>', ''],
    ['a<!-- between -->b', 'ab'],
    ['<![CDATA[<a>&amp;]]]]><![CDATA[>]]>', '<a>&amp;]]>'],
    ['<string>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;&#00067;&#x10FFFF;</string>', `<>&'"ABC\u{10ffff}`],
    ['<string>a\r\nb\rc&#13;d</string>', 'a\nb\nc\rd'],
    [' <int>5</int>\n', 5],
    ['<array><data/></array>', []],
    [
      '<array><data><value/><value><array><data><value>x</value></data></array></value></data></array>',
      ['', ['x']],
    ],
    ['<struct/>', new Map()],
    [
      structOf({ a: '<struct/>', '': 'b' }),
      new Map<string, unknown>([
        ['a', new Map()],
        ['', 'b'],
      ]),
    ],
    [
      structOf({ constructor: '<int>1</int>', 'a b': '' }),
      new Map<string, unknown>([
        ['constructor', 1],
        ['a b', ''],
      ]),
    ],
  ])('%s', (xml, value) => {
    expect(parsedValue(xml)).toEqual(value);
  });

  test('a member called __proto__ is a member', () => {
    const value = parsedValue('<struct><member><name>__proto__</name><value>x</value></member></struct>');
    expect(value).toEqual(new Map([['__proto__', 'x']]));
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });
});

test.each([
  ['nothing', ''],
  ['white space', ' \n'],
  ['no XML', 'lock a b'],
  ['JSON', '{"method": "lock"}'],
  ['a DOCTYPE', `<!DOCTYPE methodCall>${callOf('stats')}`],
  ['a DOCTYPE behind the declaration', callOf('stats').replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>')],
  ['an external entity', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><methodCall/>'],
  ['an entity that is none of the five', callOf('m', '&nbsp;')],
  ['a reference without an end', callOf('m', 'a & b')],
  ['a reference to nothing', callOf('m', '&;')],
  ['a reference beyond Unicode', callOf('m', '&#x110000;')],
  ['a reference to a surrogate', callOf('m', '&#xD800;')],
  ['a reference to NUL', callOf('m', '&#0;')],
  ['a reference to a control character', callOf('m', '&#27;')],
  ['a reference to U+FFFE', callOf('m', '&#xfffe;')],
  ['a reference with a capital X', callOf('m', '&#X41;')],
  ['a reference with a sign', callOf('m', '&#-65;')],
  ['a very long reference', callOf('m', `&#${'9'.repeat(5_000)};`)],
  ['a control character', callOf('m', '\x1b[2J')],
  ['NUL', callOf('m', '\0')],
  ['U+FFFF', callOf('m', '\uffff')],
  [']]> in text', callOf('m', 'a]]>b')],
  ['tags out of order', '<methodCall><methodName>a</methodCall></methodName>'],
  ['an end tag that is longer', '<methodCall><methodName>a</methodNames></methodCall>'],
  ['an end tag too many', `${callOf('m')}</methodCall>`],
  ['two roots', `${callOf('m')}<methodCall/>`],
  ['text behind the root', `${callOf('m')}x`],
  ['CDATA behind the root', `${callOf('m')}<![CDATA[]]>`],
  ['a reference behind the root', `${callOf('m')}&#32;`],
  ['an XML declaration that is not at the start', ` ${callOf('m')}`],
  ['a second XML declaration', callOf('m').replace('<methodCall', '<?xml version="1.0"?><methodCall')],
  ['an XML declaration without version', callOf('m').replace('version', 'encoding')],
  ['an XML declaration of version 2', callOf('m').replace('1.0', '2.0')],
  ['-- in a comment', `<!-- a -- b -->${callOf('m')}`.replace(/<\?.*\?>/, '')],
  ['a comment that ends in --->', '<methodCall><!-- a ---></methodCall>'],
  ['an instruction without a target', '<? a?><methodCall/>'],
  ['an instruction without a space', '<?a+b?><methodCall/>'],
  ['a tag without a name', '<methodCall>< a/></methodCall>'],
  ['a tag whose name begins with a digit', '<methodCall><1a/></methodCall>'],
  ['an attribute without quotes', '<methodCall a=b/>'],
  ['an attribute without a value', '<methodCall a/>'],
  ['an attribute twice', '<methodCall a="1" a="2"/>'],
  ['attributes without a space', '<methodCall a="1"b="2"/>'],
  ['< in an attribute', '<methodCall a="<"/>'],
  ['a bad reference in an attribute', '<methodCall a="&b;"/>'],
  ['an attribute of an end tag', '<methodCall></methodCall a="1">'],
  ['a slash that ends no tag', '<methodCall/ >'],
  ['an unclosed element in what is no XML-RPC either', '<html><body><br></body></html>'],
])('not well-formed: %s', (_name, body) => {
  expect(faultCode(body)).toBe(NOT_WELL_FORMED);
});

test.each([
  ['XHTML', '<html><body/></html>'],
  ['an answer', '<methodResponse><params/></methodResponse>'],
  ['nothing in it', '<methodCall/>'],
  ['no method name', '<methodCall><params/></methodCall>'],
  ['an empty fault in a call', '<methodCall><fault/></methodCall>'],
  ['a fault beside the method name', '<methodCall><methodName>a</methodName><fault></fault></methodCall>'],
  ['two params', '<methodCall><methodName>a</methodName><params/><params/></methodCall>'],
  ['text between tags', callOf('m').replace('<params>', 'x<params>')],
  ['a tag within the method name', '<methodCall><methodName>a<b/></methodName></methodCall>'],
  ['a param without value', callOf('m').replace('</params>', '<param/></params>')],
  ['a param with two values', callOf('m', 'a</value><value>b')],
  ['a value with two types', callOf('m', '<int>1</int><int>2</int>')],
  ['text before a type', callOf('m', 'a<int>1</int>')],
  ['text behind a type', callOf('m', '<int>1</int>a')],
  ['an unknown type', callOf('m', '<float>1</float>')],
  ['a type in capitals', callOf('m', '<Int>1</Int>')],
  ['a tag within a scalar', callOf('m', '<string>a<b/></string>')],
  ['an array without data', callOf('m', '<array/>')],
  ['an array with two data', callOf('m', '<array><data/><data/></array>')],
  ['an array with another element', callOf('m', '<array><data><int>1</int></data></array>')],
  ['a struct with another element', callOf('m', '<struct><value/></struct>')],
  ['a member without value', callOf('m', '<struct><member><name>a</name></member></struct>')],
  ['a member with its value first', callOf('m', '<struct><member><value/><name>a</name></member></struct>')],
  [
    'a member with two values',
    callOf('m', '<struct><member><name>a</name><value/><value/></member></struct>'),
  ],
  ['a member twice', callOf('m', `<struct>${'<member><name>a</name><value/></member>'.repeat(2)}</struct>`)],
])('well-formed, but no XML-RPC: %s', (_name, body) => {
  expect(faultCode(body)).toBe(NOT_XML_RPC);
});

test('what a fault repeats of the body is printable and short', () => {
  const text = `\u202e${'x'.repeat(10_000)}`;
  const { message } = faultOf(() => parseCall(bytes(callOf('m', `<int>${text}</int>`))));
  expect(message).toBe(`The body is no XML-RPC: it has the int '\\u{202e}${'x'.repeat(63)}…'`);
});

describe('answers', () => {
  const parsed = (inside: string) => parseResponse(bytes(`<methodResponse>${inside}</methodResponse>`));
  const faultStruct = structOf({ faultCode: '<int>1</int>', faultString: 'no' });

  test('a value, a fault', () => {
    expect(parsed('<params><param><value><boolean>1</boolean></value></param></params>')).toEqual({
      value: true,
    });
    expect(parsed(`<fault><value>${faultStruct}</value></fault>`)).toEqual({
      fault: { code: 1, text: 'no' },
    });
  });

  test.each([
    ['nothing', ''],
    ['no param', '<params/>'],
    ['two params', '<params><param><value/></param><param><value/></param></params>'],
    ['an empty fault', '<fault/>'],
    ['a fault that is no struct', '<fault><value>no</value></fault>'],
    ['a fault without a code', `<fault><value>${structOf({ faultString: 'no' })}</value></fault>`],
    [
      'value and fault',
      `<params><param><value/></param></params><fault><value>${faultStruct}</value></fault>`,
    ],
  ])('no answer: %s', (_name, inside) => {
    expect(faultOf(() => parsed(inside)).code).toBe(NOT_XML_RPC);
  });

  test('a call is no answer', () => {
    expect(faultOf(() => parseResponse(bytes(callOf('m')))).code).toBe(NOT_XML_RPC);
  });
});
