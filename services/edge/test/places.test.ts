import { expect, test } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { openPlaces } from '../src/places.ts';

const [HERE, THERE, ELSEWHERE] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
const requests = (count: number) => Array.from({ length: count }, () => ({}) as FastifyRequest);

test('nobody has more than a share, all together no more than there are, and a place that is left is free again', () => {
  const places = openPlaces({ inFlight: { max: 5, share: 3 }, streams: { max: 2, share: 1 } });
  const here = requests(4);
  expect(here.map((request) => places.enter(request, HERE))).toEqual([true, true, true, false]);
  const there = requests(3);
  expect(there.map((request) => places.enter(request, THERE))).toEqual([true, true, false]);
  const [late] = requests(1) as [FastifyRequest];
  expect(places.enter(late, ELSEWHERE)).toBe(false);
  for (let again = 0; again < 2; again++) places.leave(here[0] as FastifyRequest);
  expect(places.enter(late, ELSEWHERE)).toBe(true);
  expect(places.enter(here[3] as FastifyRequest, HERE)).toBe(false);
});

test('a stream takes another place, and gives up the first also when there is none', () => {
  const places = openPlaces({ inFlight: { max: 2, share: 2 }, streams: { max: 2, share: 1 } });
  const [first, second, third] = requests(3) as [FastifyRequest, FastifyRequest, FastifyRequest];
  expect([places.enter(first, HERE), places.enter(second, HERE), places.enter(third, HERE)]).toEqual([
    true,
    true,
    false,
  ]);
  expect([places.becomeStream(first), places.becomeStream(second)]).toEqual([true, false]);
  expect([places.enter(second, HERE), places.enter(third, HERE)]).toEqual([true, true]);
  places.leave(first);
  expect(places.becomeStream(second)).toBe(true);
  // Who has no place at all cannot turn it into another.
  expect(places.becomeStream(first)).toBe(false);
});
