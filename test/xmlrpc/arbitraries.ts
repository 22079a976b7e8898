/** What the property tests of this folder are made of. */
import fc from 'fast-check';

const NO_XML_CHARACTER = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Any text that an XML document can hold, rich in what has a meaning in XML. */
export const xmlText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        ']]>',
        '<a>',
        '&amp;',
        '<![CDATA[',
        '<!--',
        '&#13;',
        '\r',
        '\r\n',
        '\n',
        ' ',
        '"',
        "'",
        'é🔒',
      ),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join('').replace(NO_XML_CHARACTER, '?'));
