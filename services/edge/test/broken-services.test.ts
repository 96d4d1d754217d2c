import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type Edge,
  FEW_IN_FLIGHT,
  type KitService,
  openEdge,
  type RawService,
  rawClient,
  SHORT_TIMEOUT_MS,
  startKitService,
  startRawService,
  until,
} from './rig.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: torn=1\r\nETag: "torn"\r\n';
const MEGABYTE = 1_048_576;
const inOneChunk = (body: string) =>
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
let broken: RawService;
let well: KitService;
/** Requests that the broken service keeps without an answer. */
const waiting = new Set<Socket>();
let edge: Edge;

beforeAll(async () => {
  broken = await startRawService((socket, { url = '' }) => {
    const [, way = ''] = url.split('/faults/');
    if (way === 'no-answer') {
      waiting.add(socket);
      socket.once('close', () => waiting.delete(socket));
    }
    if (way === 'reset-before') socket.resetAndDestroy();
    if (way === 'end-before') socket.end();
    if (way === 'half-head') socket.end('HTTP/1.1 200 O');
    if (way === 'garbage') socket.end('\u0000\u0001garbage\r\n\r\n');
    if (way === 'reset-in-answer')
      socket.write(`${HEAD}Content-Length: 100\r\n\r\n{"half":`, () => socket.resetAndDestroy());
    if (way === 'end-in-answer') socket.end(`${HEAD}Content-Length: 100\r\n\r\n{"half":`);
    if (way === 'reset-before-first-chunk') {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, () => setTimeout(() => socket.resetAndDestroy(), 50));
    }
    if (way === 'reset-in-stream') {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, () =>
        setTimeout(() => socket.resetAndDestroy(), 50),
      );
    }
    if (way === 'stall-in-answer') socket.write(`${HEAD}Content-Length: 100\r\n\r\n{"half":`);
    if (way === 'long') socket.end(`${HEAD}Content-Length: ${MEGABYTE}\r\n\r\n${'x'.repeat(MEGABYTE)}`);
    if (way === 'long-in-chunks') socket.end(inOneChunk('x'.repeat(MEGABYTE)));
    if (way === 'export') {
      const head = HEAD.replace('application/json', 'text/csv; charset=utf-8');
      const lines = 'x'.repeat(3 * MEGABYTE);
      socket.end(`${head}Transfer-Encoding: chunked\r\n\r\n${lines.length.toString(16)}\r\n${lines}\r\n0\r\n\r\n`);
    }
    if (way === 'too-long') socket.end(inOneChunk('x'.repeat(MEGABYTE + 1)));
    if (way === 'header-with-control-character') socket.end(`${HEAD}X-Odd: a\u0001b\r\nContent-Length: 2\r\n\r\n{}`);
    if (way === 'own-503')
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
      );
  });
  well = await startKitService((app) => app.get('/v1/plans', async () => ({ data: [] })));
  edge = await openEdge({ gateway: broken.url, subscriptions: well.url });
});
afterAll(async () => {
  await edge?.close();
  await well?.app.close();
  await broken?.kill();
});

test.each([
  'reset-before',
  'end-before',
  'half-head',
  'garbage',
  'reset-in-answer',
  'end-in-answer',
  'reset-before-first-chunk',
  'reset-in-stream',
  'too-long',
  'header-with-control-character',
  'stall-in-answer',
  'no-answer',
])('%s: a 503 problem that tells nothing of the inside, and the next route works', async (way) => {
  const startedAt = performance.now();
  const answer = await edge.ask(`/v1/gateway/faults/${way}`, { method: 'POST' });
  expect(answer.status).toBe(503);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.json()).toMatchObject({
    status: 503,
    code: 'service_unavailable',
    instance: `/v1/gateway/faults/${way}`,
    requestId: answer.headers['x-request-id'],
  });
  expect(answer.headers).not.toHaveProperty('set-cookie');
  expect(answer.headers).not.toHaveProperty('etag');
  expect(answer.text).not.toMatch(/UND_|ECONN|undici|socket|127\.0\.0\.1|stack/i);
  // Node's timers for slow answers are coarse: they may be up to a second late.
  expect(performance.now() - startedAt).toBeLessThan(SHORT_TIMEOUT_MS + 3_000);
  expect((await edge.ask('/v1/plans')).json()).toEqual({ data: [] });
});

test('an answer of just the limit passes, with a length and without', async () => {
  for (const way of ['long', 'long-in-chunks']) {
    const answer = await edge.ask(`/v1/gateway/faults/${way}`);
    expect({ status: answer.status, length: answer.text.length }).toEqual({ status: 200, length: MEGABYTE });
  }
});

test('an export passes on at any length, and one whose client leaves it gives its place back', async () => {
  for (let n = 0; n < 3 * FEW_IN_FLIGHT; n++) {
    const leaving = new AbortController();
    const response = await fetch(`http://127.0.0.1:${edge.port}/v1/gateway/faults/export`, { signal: leaving.signal });
    expect(response.status).toBe(200);
    leaving.abort();
  }
  await until('a place to be free', async () => (await edge.ask('/v1/gateway/faults/long')).status === 200);
  const whole = await edge.ask('/v1/gateway/faults/export');
  expect({ status: whole.status, length: whole.text.length }).toEqual({ status: 200, length: 3 * MEGABYTE });
});

test("a service's own 503 passes at once, and is not asked for again", async () => {
  let asked = 0;
  broken.server.on('request', () => {
    asked++;
  });
  const answer = await edge.ask('/v1/gateway/faults/own-503');
  expect({ status: answer.status, retryAfter: answer.headers['retry-after'], asked }).toEqual({
    status: 503,
    retryAfter: '9',
    asked: 1,
  });
});

test('a service that is down is missed on its own routes alone', async () => {
  for (const path of [
    '/v1/auth/me',
    '/v1/wallet',
    '/v1/wallets/x/adjustments',
    '/v1/notifications',
    '/socket.io/?EIO=4',
  ]) {
    expect((await edge.ask(path)).json()).toMatchObject({ code: 'service_unavailable' });
  }
  expect((await edge.ask('/v1/plans')).status).toBe(200);
});

test('no more requests than allowed wait for a service that hangs; there is room again when they have ended', async () => {
  const startedAt = performance.now();
  const tookMs = () => performance.now() - startedAt;
  const hanging = Array.from({ length: FEW_IN_FLIGHT }, () => edge.ask('/v1/gateway/faults/no-answer').then(tookMs));
  // Clients that go away count until their service is done with them.
  const gone = rawClient(edge.port);
  gone.socket.write('GET /v1/gateway/faults/no-answer HTTP/1.1\r\nhost: x\r\n\r\n', () =>
    gone.socket.resetAndDestroy(),
  );
  await until('all to wait', async () => waiting.size >= FEW_IN_FLIGHT);
  const extra = await edge.ask('/v1/gateway/faults/long');
  expect({ status: extra.status, code: extra.json().code }).toEqual({ status: 503, code: 'service_unavailable' });
  const extraMs = tookMs();
  for (const ms of await Promise.all(hanging)) expect(ms).toBeGreaterThan(extraMs);
  await until('room', async () => (await edge.ask('/v1/gateway/faults/long')).status === 200);

  const goners = Array.from({ length: FEW_IN_FLIGHT }, () => rawClient(edge.port));
  for (const { socket } of goners)
    socket.write('POST /v1/gateway/faults/stall-in-answer HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}', () =>
      socket.resetAndDestroy(),
    );
  await until('room after clients that left', async () => (await edge.ask('/v1/gateway/faults/long')).status === 200);
});

test('many broken answers at once leave the edge standing', async () => {
  const ways = ['reset-before', 'reset-in-answer', 'reset-in-stream', 'garbage'];
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, index) => edge.ask(`/v1/gateway/faults/${ways[index % ways.length]}`)),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect((await edge.ask('/health/live')).status).toBe(200);
});
