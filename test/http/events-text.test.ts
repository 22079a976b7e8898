import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYE_TEXT, encodeEvents, eventText, heartbeatText, noticeText } from '../../src/http/events-text.js';
import type { LockEvent } from '../../src/service/api.js';

const arbitraryEvent: fc.Arbitrary<LockEvent> = fc.record(
  {
    id: fc.tuple(fc.nat(), fc.nat()).map((parts) => parts.join('.')),
    time: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z') }),
    event: fc.constantFrom('granted', 'renewed', 'fenceFailed'),
    resource: fc.string({ unit: 'binary' }),
    client: fc.string({ unit: 'binary' }),
    token: fc.nat().map(String),
    by: fc.string({ unit: 'binary' }),
    reason: fc.string(),
  },
  { requiredKeys: ['time', 'event', 'resource', 'client'] },
);

test('the text of an event is one message with its JSON, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(arbitraryEvent, { minLength: 1, maxLength: 3 }), (events) => {
      for (const event of events) {
        const { id, time, event: name, resource, client, token, by, reason } = event;
        const json = JSON.stringify({ id, time, event: name, resource, client, token, by, reason });
        const lines = eventText(event).split('\n');
        const named = [`event: ${name}`, `data: ${json}`, '', ''];
        expect(lines).toEqual(id === undefined ? named : [`id: ${id}`, ...named]);
      }
      expect(encodeEvents(events).toString()).toBe(events.map(eventText).join(''));
    }),
  );
});

test('what is sent to many is encoded once', () => {
  const events: LockEvent[] = [{ time: new Date(0), event: 'renewed', resource: 'r', client: 'A' }];
  expect(encodeEvents(events)).toBe(encodeEvents(events));
  expect(encodeEvents([...events])).not.toBe(encodeEvents(events));
});

test('what a stream tells of itself', () => {
  expect(noticeText({ event: 'ready', id: '7.1' })).toBe('id: 7.1\nevent: ready\ndata: {"id":"7.1"}\n\n');
  expect(noticeText({ event: 'gap', after: '7.1', problem: 'why' })).toBe(
    'event: gap\ndata: {"after":"7.1","problem":"why"}\n\n',
  );
  expect(heartbeatText(undefined)).toBe(': \n\n');
  expect(heartbeatText('7.999999')).toBe(': \nid: 7.999999\n\n');
  expect(BYE_TEXT).toBe('event: bye\ndata: {}\n\n');
});
