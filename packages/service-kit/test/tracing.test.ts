import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import { NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { type ReceivedSpan, startTraceReceiver, type TraceReceiver } from '@evergreen/stack/trace-receiver.ts';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { on } from '../src/batch.ts';
import { inTransaction } from '../src/database.ts';
import { newEvent } from '../src/events.ts';
import { buildHttp } from '../src/http.ts';
import { appendToOutbox, startOutboxRelay } from '../src/outbox.ts';
import { startTelemetry } from '../src/telemetry.ts';
import { inOwnTraces, readTraceparent, TRANSACTION_SPAN, tracedFetch, traceFields } from '../src/tracing.ts';
import {
  createTestBroker,
  createTestDatabase,
  registered,
  registeredMany,
  type TestBroker,
  type TestDatabase,
  until,
  wire,
} from './rig.ts';

const silent = pino({ level: 'silent' });
const BULK_OF_TRACES = ['1', '2', '3'].map((digit) => digit.repeat(32));
const parentOf = (traceId: string): string => `00-${traceId}-00f067aa0ba902b7-01`;

let receiver: TraceReceiver;
let stopTelemetry: (() => Promise<void>) | undefined;
let database: TestDatabase;
let broker: TestBroker;

beforeAll(async () => {
  receiver = await startTraceReceiver();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
  process.env.OTEL_BSP_SCHEDULE_DELAY = '20';
  stopTelemetry = await startTelemetry('tester', silent);
  database = await createTestDatabase();
  broker = await createTestBroker();
}, 60_000);

afterEach(() => {
  delete process.env.OTEL_TRACES_SAMPLER;
});

afterAll(async () => {
  await stopTelemetry?.();
  await broker?.drop();
  await database?.drop();
  await receiver?.close();
}, 60_000);

const named = (name: string, spans: readonly ReceivedSpan[]): ReceivedSpan[] =>
  spans.filter((span) => span.name === name);

test('a batch of three messages of three traces: a span in each, one of the batch with links to them, and events that go on', async () => {
  const { broker: consumer, metrics } = await broker.open('batcher');
  const heard: Envelope[] = [];
  const events = registeredMany(3).map((event, index) => ({
    ...event,
    traceparent: parentOf(BULK_OF_TRACES[index] ?? ''),
  }));
  const gone: string[] = [];
  // Sent before anybody consumes, so that they come as one batch.
  for (const event of events) await broker.sendRaw(wire(event), { type: UserRegistered.type, messageId: event.id });
  await consumer.consume(NOTIFIER_ACCOUNTS, [
    on(UserRegistered, async (batch) => {
      gone.push(String(batch.length));
      await inTransaction(database.pool, async (client) => {
        for (const cause of batch) {
          const made = newEvent(UserUpdated, {
            subject: 's',
            time: cause.time,
            correlationId: 'c',
            causationId: cause.id,
            data: cause.data,
          });
          heard.push(made);
          await appendToOutbox(client, [made]);
        }
      });
    }),
    on(UserUpdated, async () => {}),
  ]);
  await until('the batch', () => heard.length === 3);
  expect(gone).toEqual(['3']);
  const processed = await receiver.await('three spans', (spans) => {
    const found = named('process UserRegistered', spans);
    return found.length === 3 ? found : undefined;
  });
  expect(processed.map(({ traceId }) => traceId).sort()).toEqual(BULK_OF_TRACES);
  expect(processed.every(({ parentSpanId, kind }) => parentSpanId === '00f067aa0ba902b7' && kind === 5)).toBe(true);
  const [batch] = await receiver.await('the span of the batch', (spans) =>
    nonEmpty(named('process notifier.accounts', spans)),
  );
  expect(batch?.attributes['messaging.batch.message_count']).toBe(3);
  expect([...(batch?.links ?? [])].sort()).toEqual(processed.map(({ spanId }) => spanId).sort());
  expect(BULK_OF_TRACES).not.toContain(batch?.traceId);
  // The transaction belongs to the batch; each event to the trace of its own cause.
  const [transaction] = await receiver.await('the transaction', (spans) => nonEmpty(named('transaction', spans)));
  expect(transaction).toMatchObject({ parentSpanId: batch?.spanId, traceId: batch?.traceId });
  expect(heard.map(({ traceparent }) => readTraceparent(traceparent))).toEqual(
    BULK_OF_TRACES.map((traceId) => {
      const spanId = processed.find((span) => span.traceId === traceId)?.spanId;
      return { traceId, spanId, traceFlags: 1, isRemote: true };
    }),
  );

  // And so do their ways to the broker.
  const relay = startOutboxRelay({ pool: database.pool, broker: consumer, logger: silent, metrics });
  const sent = await receiver.await('three sent', (spans) => {
    const found = named('send UserUpdated', spans);
    return found.length === 3 ? found : undefined;
  });
  await relay.stop();
  expect(sent.map(({ traceId }) => traceId).sort()).toEqual(BULK_OF_TRACES);
  expect(sent.every(({ isFailed }) => !isFailed)).toBe(true);
  await consumer.close();
});

test('of one message alone the transaction is a step, and a failure is told without its text', async () => {
  const { broker: consumer } = await broker.open('single');
  const traceId = 'a'.repeat(32);
  let runs = 0;
  await consumer.consume(NOTIFIER_ACCOUNTS, [
    on(UserRegistered, async () => {
      await inTransaction(database.pool, async () => {
        if (++runs === 1) throw new RangeError('the secret of somebody@evergreen.test');
      });
    }),
    on(UserUpdated, async () => {}),
  ]);
  await broker.sendRaw(wire({ ...registered(), traceparent: parentOf(traceId) }), { type: UserRegistered.type });
  const ofTrace = await receiver.await('the second try', (spans) => {
    const found = spans.filter((span) => span.traceId === traceId);
    return found.length === 4 ? found : undefined;
  });
  expect(ofTrace.map(({ name, isFailed }) => [name, isFailed]).sort()).toEqual([
    ['process UserRegistered', false],
    ['process UserRegistered', true],
    ['transaction', false],
    ['transaction', true],
  ]);
  expect(JSON.stringify(ofTrace)).not.toContain('secret');
  expect(ofTrace.find(({ isFailed }) => isFailed)?.attributes['error.type']).toBe('RangeError');
  await consumer.close();
});

test.each([
  ['no traceparent', undefined],
  ['a text', 'not a traceparent'],
  ['an all-zero trace', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['an all-zero parent', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${'A'.repeat(32)}-00f067aa0ba902b7-01`],
  ['the forbidden version', `ff-${'a'.repeat(32)}-00f067aa0ba902b7-01`],
  ['more than version 00 has', `00-${'a'.repeat(32)}-00f067aa0ba902b7-01-extra`],
  ['a number', 7],
])('%s is as good as none', (_what, given) => {
  expect(readTraceparent(given)).toBeUndefined();
});

test('a later version is read as far as it is known', () => {
  expect(readTraceparent(`cc-${'a'.repeat(32)}-00f067aa0ba902b7-09-what-the-future-brings`)).toEqual({
    traceId: 'a'.repeat(32),
    spanId: '00f067aa0ba902b7',
    traceFlags: 1,
    isRemote: true,
  });
});

test('a message with a malformed traceparent is handled, in a trace of its own', async () => {
  const { broker: consumer } = await broker.open('lenient');
  let handled = '';
  await consumer.consume(NOTIFIER_ACCOUNTS, [
    on(UserRegistered, async ([event]) => {
      handled = event?.id ?? '';
    }),
    on(UserUpdated, async () => {}),
  ]);
  const event = { ...registered(), traceparent: '00-nonsense-01' };
  await broker.sendRaw(wire(event), { type: UserRegistered.type });
  await until('the event', () => handled === event.id);
  const span = await receiver.await('its span', (spans) =>
    spans.find(({ attributes }) => attributes['messaging.message.id'] === event.id),
  );
  expect(span.parentSpanId).toBeUndefined();
});

test('work that finds its parts on the way: each is a trace, also when the transaction was tried twice', async () => {
  const made: (string | undefined)[] = [];
  await inOwnTraces('test sweep', TRANSACTION_SPAN, async (begin) => {
    begin([{ id: 'given-up', name: 'given up' }]);
    begin(['one', 'two'].map((id) => ({ id, name: 'story' })));
    for (const correlationId of ['one', 'two']) {
      const { data, time } = registered();
      made.push(newEvent(UserRegistered, { subject: 's', time, correlationId, data }).traceparent);
    }
  });
  await inOwnTraces('test sweep of nothing', TRANSACTION_SPAN, async () => {});
  const [sweep] = await receiver.await('the sweep', (spans) => nonEmpty(named('test sweep', spans)));
  const stories = named('story', receiver.spans());
  expect(made.map((traceparent) => readTraceparent(traceparent)?.spanId)).toEqual(stories.map(({ spanId }) => spanId));
  expect(new Set([...stories.map(({ traceId }) => traceId), sweep?.traceId]).size).toBe(3);
  expect(sweep?.links).toEqual(stories.map(({ spanId }) => spanId));
  expect(receiver.spans().filter(({ name }) => ['given up', 'test sweep of nothing'].includes(name))).toEqual([]);
});

test('a request goes on with the trace of a caller that is trusted, into what it asks of others', async () => {
  const logLines: string[] = [];
  const logger = pino({ level: 'info', mixin: () => traceFields() }, { write: (line: string) => logLines.push(line) });
  const build = async (trustCallerIds: boolean) => {
    const app = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry(), trustCallerIds });
    app.post('/things/:id', async ({ log, headers }) => {
      log.info('in hand');
      return { heard: headers.traceparent ?? null };
    });
    app.post('/ask/:id', async () => {
      const answer = await tracedFetch('/things/{id}', `${inner}/things/1`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      });
      return answer.json();
    });
    return { app, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  };
  const trusting = await build(true);
  const strict = await build(false);
  const inner = trusting.url;
  const ask = async (url: string, traceId: string) => {
    const body = JSON.stringify({ filler: 'x'.repeat(30_000) });
    const headers = { 'content-type': 'application/json', traceparent: parentOf(traceId) };
    const answer = await fetch(`${url}/ask/1?token=secret`, { method: 'POST', headers, body });
    return ((await answer.json()) as { heard: string }).heard;
  };
  const [believed, strange] = ['b'.repeat(32), 'c'.repeat(32)];
  expect(readTraceparent(await ask(trusting.url, believed))?.traceId).toBe(believed);
  const other = readTraceparent(await ask(strict.url, strange))?.traceId;
  expect(other).not.toBe(strange);
  for (const traceId of [believed, other]) {
    const spans = await receiver.await('the spans of a request', (all) => {
      const found = all.filter((span) => span.traceId === traceId);
      return found.length === 3 ? found : undefined;
    });
    expect(spans.map(({ name }) => name).sort()).toEqual(['POST /ask/:id', 'POST /things/:id', 'POST /things/{id}']);
    expect(JSON.stringify(spans)).not.toContain('secret');
    const lines = logLines.map((line) => JSON.parse(line)).filter(({ trace_id }) => trace_id === traceId);
    expect(lines.map(({ msg }) => msg).sort()).toEqual(['answered', 'answered', 'in hand']);
  }
  expect(receiver.spans().some(({ traceId }) => traceId === strange)).toBe(false);
  await Promise.all([trusting.app.close(), strict.app.close()]);
});

test('without an endpoint nothing is loaded, sent or named', () => {
  const script = `
    import { createRequire } from 'node:module';
    import { startTelemetry } from '${join(import.meta.dirname, '../src/telemetry.ts')}';
    import { traceparentFor, traceHeaders } from '${join(import.meta.dirname, '../src/tracing.ts')}';
    const stop = await startTelemetry('tester', { info() {}, warn() {} });
    const loaded = process.moduleLoadList.concat(Object.keys(createRequire(import.meta.url).cache));
    console.log(JSON.stringify([stop === undefined, loaded.some((name) => name.includes('sdk-trace')), traceparentFor(['x']) ?? null, traceHeaders()]));`;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...env } = process.env;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env,
    cwd: import.meta.dirname,
  });
  expect(JSON.parse(output.toString())).toEqual([true, false, null, {}]);
});

test('a wrong setting is named', async () => {
  process.env.OTEL_TRACES_SAMPLER = 'sometimes';
  await expect(startTelemetry('tester', silent)).rejects.toThrow('OTEL_TRACES_SAMPLER must be one of always_on');
});

test.each([
  ['there is no endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ['they are disabled', { OTEL_SDK_DISABLED: 'true' }],
  ['nothing exports them', { OTEL_TRACES_EXPORTER: 'none' }],
])("a platform's variables stop nothing where traces are off: %s", async (_why, off) => {
  const before = { ...process.env };
  const ofPlatform = {
    OTEL_TRACES_EXPORTER: 'otlp,console',
    OTEL_TRACES_SAMPLER: 'xray',
    OTEL_BSP_MAX_QUEUE_SIZE: '-',
  };
  Object.assign(process.env, ofPlatform, off);
  try {
    expect(await startTelemetry('tester', silent)).toBeUndefined();
  } finally {
    for (const name of Object.keys({ ...ofPlatform, ...off })) delete process.env[name];
    Object.assign(process.env, before);
  }
});

const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);
