import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import { MAX_MESSAGE_BYTES } from '@evergreen/contracts/topology.ts';
import { expect, test } from '@jest/globals';
import { newEvent, readEvent } from '../src/events.ts';
import { registered, wire } from './rig.ts';

test('an event carries the whole envelope, with an id that sorts by time', () => {
  const first = newEvent(UserRegistered, {
    subject: 'user-1',
    time: '2026-11-23T08:00:00.000Z',
    correlationId: 'request-1',
    causationId: 'event-0',
    data: registered().data,
  });
  expect(first).toMatchObject({
    specversion: '1.0',
    source: '/evergreen/auth',
    type: 'evergreen.auth.UserRegistered.v1',
    subject: 'user-1',
    time: '2026-11-23T08:00:00.000Z',
    datacontenttype: 'application/json',
    correlationid: 'request-1',
    causationid: 'event-0',
  });
  expect(first.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect(first.id < registered().id).toBe(true);
  expect(readEvent(Buffer.from(wire(first)))).toEqual({ ok: true, event: first, definition: UserRegistered });
});

test('what is not given is not in the envelope, instead of being null', () => {
  expect(Object.keys(registered())).not.toContain('causationid');
  expect(Object.keys(registered())).not.toContain('traceparent');
});

test.each([
  ['data.userId', { ...registered().data, userId: 'nobody' }],
  ['data.version', { ...registered().data, version: 0 }],
  ['data.role', { ...registered().data, role: 'king' as 'operator' }],
])('an event that breaks its contract at %s never leaves', (field, data) => {
  const make = () =>
    newEvent(UserRegistered, { subject: 'user-1', time: '2026-11-23T08:00:00.000Z', correlationId: 'c', data });
  expect(make).toThrow(new RegExp(`UserRegistered.v1 breaks its contract: event.${field.replace('.', '\\.')} `));
});

test('a time that is not RFC 3339 is a breach too', () => {
  const make = () =>
    newEvent(UserRegistered, { subject: 'u', time: '23.11.2026', correlationId: 'c', data: registered().data });
  expect(make).toThrow(/event\.time /);
});

const changed = (change: object) => JSON.stringify({ ...registered(), ...change });

test.each<[string, string | Buffer, string, string]>([
  ['no JSON', '{"type":', 'malformed', 'the body is not JSON in UTF-8'],
  ['nothing', '', 'malformed', 'the body is not JSON in UTF-8'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed', 'the body is not JSON in UTF-8'],
  ['a list', '[]', 'malformed', 'the body is not a JSON object'],
  ['null', 'null', 'malformed', 'the body is not a JSON object'],
  ['no type', changed({ type: 7 }), 'malformed', 'event.type is not a text'],
  ['a stranger', changed({ type: 'evergreen.auth.UserVanished.v1' }), 'unknown_type', 'UserVanished.v1'],
  ['a newer version', changed({ type: 'evergreen.auth.UserRegistered.v2' }), 'unknown_version', 'UserRegistered.v2'],
  ['a missing field', changed({ data: {} }), 'invalid', 'event.data.userId is required'],
  ['an id that is no UUID', changed({ id: '1' }), 'invalid', 'event.id '],
  ['another type’s data', changed({ type: ChargeSucceeded.type }), 'invalid', 'event.data.chargeId is required'],
  ['too much', ' '.repeat(MAX_MESSAGE_BYTES + 1), 'oversized', `${MAX_MESSAGE_BYTES + 1} bytes`],
])('%s is refused with the reason', (_what, body, reason, detail) => {
  const read = readEvent(Buffer.from(body));
  expect(read).toMatchObject({ ok: false, reason, detail: expect.stringContaining(detail) });
});

test('a refusal names fields, and never repeats what is in them', () => {
  const read = readEvent(Buffer.from(changed({ data: { ...registered().data, userId: 'secret-value' } })));
  expect(read).toMatchObject({ ok: false, detail: expect.not.stringContaining('secret-value') });
});
