import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  connectionCount,
  type Edge,
  FEW_STREAMS,
  openEdge,
  type RawClient,
  type RawService,
  rawClient,
  SHORT_SILENCE_MS,
  SHORT_TIMEOUT_MS,
  startRawService,
  until,
} from './rig.ts';

/** The proxy's timers are up to a second late, so this is longer than it waits for an answer that is no stream. */
const LONG_PAUSE_MS = SHORT_TIMEOUT_MS + 1_500;
const EVENTS_HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n';
const END = '0\r\n\r\n';

let service: RawService;
let edge: Edge;
/** The service's ends of the streams it has begun, in the order they were asked for. */
const streams: Socket[] = [];

beforeAll(async () => {
  service = await startRawService((socket, { url }) => {
    if (url !== '/v1/gateway/events') return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    streams.push(socket);
    socket.write(EVENTS_HEAD);
  });
  edge = await openEdge({ gateway: service.url });
});
afterAll(async () => {
  await edge?.close();
  await service?.kill();
});

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const progress = (step: number): string => `event: progress\ndata: {"step":${step}}\n\n`;

/** A client that listens, and the service's end of its stream. */
async function listen(method: 'GET' | 'POST' = 'GET'): Promise<{ client: RawClient; stream: Socket }> {
  const before = streams.length;
  const client = rawClient(edge.port);
  const body = method === 'POST' ? 'content-type: application/json\r\ncontent-length: 2\r\n\r\n{}' : '\r\n';
  client.socket.write(`${method} /v1/gateway/events HTTP/1.1\r\nhost: x\r\n${body}`);
  await until('the service to be asked', () => streams.length > before);
  return { client, stream: streams.at(-1) as Socket };
}

const heard = ({ received }: RawClient, text: string) => until(text, () => received().toString().includes(text));

test('events arrive one by one, before the end, and the head before the first of them', async () => {
  const { client, stream } = await listen();
  await heard(client, '\r\n\r\n');
  const head = client.received().toString();
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(head).toMatch(/\r\ncontent-type: text\/event-stream; charset=utf-8\r\n/i);
  expect(head).toMatch(/\r\ncache-control: no-store\r\n/i);
  for (const step of [1, 2, 3]) {
    expect(client.received().toString()).not.toContain(progress(step));
    stream.write(chunk(progress(step)));
    await heard(client, progress(step));
  }
  stream.write(END);
  await until('the end', () => client.received().toString().endsWith(END));
  client.socket.destroy();
});

test('a pause that no other answer might make is no reason to cut a stream; silence is, in the end', async () => {
  const { client, stream } = await listen('POST');
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  await until('a long pause', () => elapsedMs() > LONG_PAUSE_MS);
  stream.write(chunk(': still here\n\n'));
  await heard(client, ': still here');
  const spokeAtMs = elapsedMs();
  await client.closed;
  expect(elapsedMs() - spokeAtMs).toBeGreaterThan(SHORT_SILENCE_MS - 1_000);
  expect(client.received().toString().endsWith(END)).toBe(false);
  await until('the service to hear of it', () => stream.destroyed);
}, 20_000);

test.each(['GET', 'POST'] as const)('a client that hangs up ends its %s at the service', async (method) => {
  const { client, stream } = await listen(method);
  stream.write(chunk(progress(1)));
  await heard(client, progress(1));
  client.socket.resetAndDestroy();
  await until('the service to hear of it', () => stream.destroyed);
});

test('a service that dies in the middle of a stream cuts its connection, so that it is not taken for the end', async () => {
  const { client, stream } = await listen();
  stream.write(chunk(progress(1)));
  await heard(client, progress(1));
  stream.resetAndDestroy();
  await client.closed;
  expect(client.received().toString()).not.toContain(END);
  await until('the edge to let go of the client', async () => (await connectionCount(edge.app.server)) === 0);
  expect((await edge.ask('/v1/gateway/faults')).status).toBe(200);
});

test('streams have places of their own: who holds them all keeps nobody else from an answer', async () => {
  const open: Awaited<ReturnType<typeof listen>>[] = [];
  for (let n = 0; n < FEW_STREAMS; n++) {
    open.push(await listen());
    await heard(open[n]?.client as RawClient, '\r\n\r\n');
  }
  const oneMore = await listen();
  await heard(oneMore.client, 'HTTP/1.1 503');
  await until('the service to be told', () => oneMore.stream.destroyed);
  expect((await edge.ask('/v1/gateway/faults')).status).toBe(200);
  open[0]?.stream.write(END);
  await heard(open[0]?.client as RawClient, END);
  const next = await listen();
  await heard(next.client, 'HTTP/1.1 200');
  for (const { client } of [...open.slice(1), next]) client.socket.resetAndDestroy();
  await until('all places', () => [...open.slice(1), next].every(({ stream }) => stream.destroyed));
});
