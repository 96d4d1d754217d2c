import { expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { type CircuitChange, isRefusal, openBreaker } from '../src/breaker.ts';
import { until } from './rig.ts';

const RESET_TIMEOUT_MS = 100;

function openTestBreaker() {
  const changes: CircuitChange[] = [];
  const breaker = openBreaker({
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    onChange: (change) => void changes.push(change),
    resetTimeoutMs: RESET_TIMEOUT_MS,
  });
  const fail = () => breaker.fire(() => Promise.reject(new Error('no answer'))).catch((error: unknown) => error);
  const halfOpen = () => until('half open', () => (breaker.state() === 'half_open' ? true : undefined));
  return { breaker, changes, fail, halfOpen };
}

test('9 failures leave it closed, and the 10th call of the window opens it', async () => {
  const { breaker, changes, fail } = openTestBreaker();
  for (let call = 1; call <= 9; call++) await fail();
  expect(breaker.state()).toBe('closed');
  await fail();
  expect(breaker.state()).toBe('open');
  expect(changes).toEqual([{ to: 'open', calls: 10, failures: 10 }]);
  expect(isRefusal(await fail())).toBe(true);
  expect(breaker.health()).toMatchObject({
    state: 'open',
    window: { calls: 10, failures: 10, successes: 0, refused: 1 },
  });
  breaker.stop();
});

test('half of the calls failing is not enough to open it', async () => {
  const { breaker, fail } = openTestBreaker();
  for (let call = 1; call <= 10; call++) await (call % 2 === 0 ? fail() : breaker.fire(async () => 'fine'));
  expect(breaker.state()).toBe('closed');
  breaker.stop();
});

test('half open lets one of 20 concurrent calls through; its answer closes it, and then all go', async () => {
  const { breaker, changes, fail, halfOpen } = openTestBreaker();
  for (let call = 1; call <= 10; call++) await fail();
  await halfOpen();
  const probe = Promise.withResolvers<string>();
  let made = 0;
  const call = () => {
    made++;
    return probe.promise;
  };
  const calls = Array.from({ length: 20 }, () => breaker.fire(call).catch((error: unknown) => error));
  const refused = await Promise.all(calls.slice(1));
  expect(refused.every(isRefusal)).toBe(true);
  expect(made).toBe(1);
  probe.resolve('back');
  expect(await calls[0]).toBe('back');
  expect(changes.map(({ to }) => to)).toEqual(['open', 'half_open', 'closed']);
  await Promise.all(Array.from({ length: 20 }, () => breaker.fire(call)));
  expect(made).toBe(21);
  breaker.stop();
});

test('a probe that fails opens it again, for another single probe', async () => {
  const { breaker, changes, fail, halfOpen } = openTestBreaker();
  for (let call = 1; call <= 10; call++) await fail();
  await halfOpen();
  const errors = await Promise.all([fail(), fail(), fail()]);
  expect(errors.filter(isRefusal)).toHaveLength(2);
  expect(breaker.state()).toBe('open');
  await halfOpen();
  expect(changes.map(({ to }) => to)).toEqual(['open', 'half_open', 'open', 'half_open']);
  breaker.stop();
});

test('calls aborted after it was stopped are no failures, and nothing is told of them', async () => {
  const { breaker, changes, fail } = openTestBreaker();
  const stopping = new AbortController();
  const hanging = () => {
    const { promise, reject } = Promise.withResolvers<never>();
    stopping.signal.addEventListener('abort', () => reject(stopping.signal.reason));
    return promise;
  };
  const calls = Array.from({ length: 20 }, () => breaker.fire(hanging).catch((error: unknown) => error));
  breaker.stop();
  stopping.abort();
  expect((await Promise.all(calls)).every((error) => error === stopping.signal.reason)).toBe(true);
  expect(changes).toEqual([]);
  expect(breaker.health().window.failures).toBe(0);
  expect(isRefusal(await fail())).toBe(true);
});
