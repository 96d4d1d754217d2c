import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Edge, type KitService, openEdge, rawClient, startKitService, until } from './rig.ts';

/** Longer than a busy machine takes from a connection to the first byte on it. */
const SILENCE_TIMEOUT_MS = 2_000;
/** The route table lets this many requests of one address be with the service, on these routes. */
const IN_FLIGHT = 128;
let plans: KitService;
let edge: Edge;
/** Requests that reached the service, and the gate behind which some of them wait. */
let asked = 0;
let gate = Promise.withResolvers<void>();

beforeAll(async () => {
  plans = await startKitService((app) => {
    app.get('/v1/plans', async () => ({ data: [] }));
    app.get('/v1/plans/large', async () => ({ text: 'x'.repeat(1_000_000) }));
    app.all('/v1/plans/gated', async () => {
      asked++;
      await gate.promise;
      return {};
    });
  });
  edge = await openEdge({ subscriptions: plans.url }, { silenceTimeoutMs: SILENCE_TIMEOUT_MS });
});
afterAll(async () => {
  gate.resolve();
  await edge?.close();
  await plans?.app.close();
});

const requestOf = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
/** With a body: when it has been read, Node does not call the request aborted any more. */
const postOf = (path: string) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
const asksWell = async () => (await edge.ask('/v1/plans')).status === 200;

/** A client that never reads, and the edge's end of its connection. */
async function deafClient(): Promise<{ client: Socket; inside: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  edge.app.server.once('connection', resolve);
  const { socket: client } = rawClient(edge.port);
  client.pause();
  return { client, inside: await promise };
}

test('hundreds of POSTs whose clients hang up while the service works take no place for good', async () => {
  asked = 0;
  gate = Promise.withResolvers();
  const clients = Array.from({ length: 300 }, () => rawClient(edge.port));
  for (const { socket } of clients) socket.write(postOf('/v1/plans/gated'));
  await until('all places to be taken', () => asked === IN_FLIGHT);
  expect((await edge.ask('/v1/plans/gated')).status).toBe(503);
  for (const { socket } of clients) socket.resetAndDestroy();
  // They count until the service is done with them.
  await until('the clients to be gone', () => clients.every(({ socket }) => socket.destroyed));
  expect((await edge.ask('/v1/plans/gated')).status).toBe(503);
  gate.resolve();
  await until('room for as many again', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => edge.ask('/v1/plans/gated', { method: 'POST' })),
    );
    return answers.every(({ status }) => status === 200);
  });
});

test('a connection with a thousand requests at once is cut, and takes no place for good', async () => {
  asked = 0;
  gate = Promise.withResolvers();
  // One after the other, as each has to know its own end inside.
  const deaf = [await deafClient(), await deafClient(), await deafClient(), await deafClient()];
  for (const { client } of deaf) client.write(requestOf('/v1/plans/gated').repeat(1_000));
  await until('the cut', () => deaf.every(({ inside }) => inside.destroyed));
  expect(asked).toBeLessThanOrEqual(16);
  gate.resolve();
  expect(await asksWell()).toBe(true);
});

test('so is one that asks for the whole document over and over', async () => {
  const { client, inside } = await deafClient();
  client.write(requestOf('/openapi.json').repeat(1_500));
  await until('the cut', () => inside.destroyed);
  expect(await asksWell()).toBe(true);
});

test('four requests at once are answered in their order', async () => {
  const client = rawClient(edge.port);
  const paths = ['/v1/plans', '/one', '/v1/plans', '/two'];
  client.socket.write(paths.map((path) => requestOf(path)).join(''));
  await until('all answers', () => client.received().toString().includes('"/two"'));
  const statuses = [
    ...client
      .received()
      .toString()
      .matchAll(/HTTP\/1\.1 (\d+)/g),
  ].map(([, status]) => status);
  expect(statuses).toEqual(['200', '404', '200', '404']);
  client.socket.destroy();
});

test('an answer that nobody reads is thrown away in the end', async () => {
  const { client, inside } = await deafClient();
  await until('the cut', () => {
    // The next question follows when the network has taken the answer before, until it takes no more.
    if (inside.writableLength === 0 && client.writable) client.write(requestOf('/v1/plans/large'));
    return inside.destroyed;
  });
  expect(await asksWell()).toBe(true);
});

test('silence while the service works is no reason to cut', async () => {
  asked = 0;
  gate = Promise.withResolvers();
  const startedAt = performance.now();
  const answer = edge.ask('/v1/plans/gated');
  await until('more silence than allowed', () => performance.now() - startedAt > 1.5 * SILENCE_TIMEOUT_MS);
  gate.resolve();
  expect((await answer).status).toBe(200);
});

test('a connection that says nothing is closed', async () => {
  const client = rawClient(edge.port);
  const startedAt = performance.now();
  await client.closed;
  expect(performance.now() - startedAt).toBeGreaterThan(SILENCE_TIMEOUT_MS - 50);
});
