import { expect, jest, test } from '@jest/globals';
import { openEventStream } from '../src/event-stream.ts';

test('an event that finds another one waiting is dropped; the last one never is', () => {
  const { readable, offer, end } = openEventStream();
  for (let step = 0; step < 1_000; step++) offer('progress', { step });
  expect(String(readable.read())).toBe('event: progress\ndata: {"step":0}\n\n');
  offer('progress', { step: 1_000 });
  offer('progress', { step: 1_001 });
  end('done', { steps: 1_001 });
  expect(String(readable.read())).toBe('event: progress\ndata: {"step":1000}\n\n');
  expect(String(readable.read())).toBe('event: done\ndata: {"steps":1001}\n\n');
  expect(readable.read()).toBeNull();
});

test('a comment keeps a quiet stream alive at least every 10 s, and never piles up', () => {
  jest.useFakeTimers();
  try {
    const { readable, end } = openEventStream();
    jest.advanceTimersByTime(10_000);
    expect(String(readable.read())).toBe(': still at it\n\n');
    jest.advanceTimersByTime(60_000);
    expect(String(readable.read())).toBe(': still at it\n\n');
    end('done', {});
    jest.advanceTimersByTime(60_000);
    expect(String(readable.read())).toBe('event: done\ndata: {}\n\n');
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test('a client that hangs up is told of, one that heard the end is not', async () => {
  const hungUp = openEventStream();
  hungUp.readable.destroy(new Error('aborted'));
  await new Promise((resolve) => hungUp.readable.once('close', resolve));
  expect(hungUp.gone.aborted).toBe(true);
  hungUp.offer('progress', {});
  hungUp.end('done', {});

  const { readable, gone, end } = openEventStream();
  end('done', {});
  readable.resume();
  await new Promise((resolve) => readable.once('close', resolve));
  expect(gone.aborted).toBe(false);
});
