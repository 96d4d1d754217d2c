import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Resolve, rememberAnswers, replicaOf } from '../src/replicas.ts';
import { type Edge, openEdge } from './rig.ts';

const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const resolveTo =
  (addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: 4 }));

let replicas: Server[];
let edge: Edge;
let found: string[];
/** Requests that are answered all at once, when so many are there; each of them has a connection of its own by then. */
let together: number;
let waiting: (() => void)[];

/** Listens on the first port that is free on the first address, and on the same one elsewhere. */
async function startReplica(address: string, port: number): Promise<Server> {
  const server = createServer((_request, response) => {
    waiting.push(() => response.end(JSON.stringify({ address })));
    if (waiting.length >= together) for (const answer of waiting.splice(0)) answer();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, address, resolve);
  await promise;
  return server;
}

const portOf = (server: Server | undefined): number => (server?.address() as AddressInfo | undefined)?.port ?? 0;

beforeEach(async () => {
  [replicas, waiting, together] = [[], [], 1];
  for (const address of ADDRESSES) {
    replicas.push(await startReplica(address, portOf(replicas[0])));
  }
  const url = new URL(`http://replicated.test:${portOf(replicas[0])}`);
  found = [...ADDRESSES];
  edge = await openEdge({ wallet: url, notifier: url }, { resolve: async (name) => resolveTo(found)(name) });
});
afterEach(async () => {
  await edge.close();
  for (const replica of replicas) replica.closeAllConnections();
  await Promise.all(replicas.map((replica) => new Promise((done) => replica.close(done))));
});

const ask = async (path: string): Promise<string> => {
  const answer = await edge.ask(path);
  expect(answer.status).toBe(200);
  return answer.json().address;
};
const askAtOnce = (path: string, times: number): Promise<string[]> => {
  together = times;
  return Promise.all(Array.from({ length: times }, () => ask(path)));
};

test('connections go to every replica behind a name', async () => {
  expect(new Set(await askAtOnce('/v1/wallet', 60))).toEqual(new Set(ADDRESSES));
});

test('where one replica does not answer, the next is asked', async () => {
  const [gone] = replicas;
  await new Promise((done) => gone?.close(done));
  const answered = await askAtOnce('/v1/wallet', 30);
  expect(new Set(answered)).toEqual(new Set(ADDRESSES.slice(1)));
});

test('a connection that was kept open to a replica that died is not used again', async () => {
  const [, ...others] = ADDRESSES;
  found = ADDRESSES.slice(0, 1);
  expect(await ask('/v1/wallet')).toBe(ADDRESSES[0]);
  found = others;
  replicas[0]?.closeAllConnections();
  await new Promise((done) => replicas[0]?.close(done));
  expect(others).toContain(await ask('/v1/wallet'));
});

test('a replica that came later gets requests too, though a connection to another is open and busy', async () => {
  found = ADDRESSES.slice(0, 1);
  expect(await ask('/v1/wallet')).toBe(ADDRESSES[0]);
  found = ADDRESSES.slice(1);
  const answered: string[] = [];
  while (answered.length < 150) answered.push(await ask('/v1/wallet'));
  expect(answered[0]).toBe(ADDRESSES[0]);
  expect(found).toContain(answered.at(-1));
});

test('the long polls of one client all reach the same replica', async () => {
  const answered = await askAtOnce('/socket.io/?EIO=4&transport=polling', 30);
  expect(new Set(answered).size).toBe(1);
});

test('clients are spread over the replicas, and most stay where they are when one goes', async () => {
  const upstream = new URL('http://replicated.test:3000');
  const clients = Array.from({ length: 300 }, (_, n) => `198.51.100.${n}`);
  const at = (addresses: string[]) =>
    Promise.all(clients.map((client) => replicaOf(upstream, client, resolveTo(addresses))));
  const before = await at(ADDRESSES);
  for (const address of ADDRESSES) {
    expect(before.filter((one) => one === `http://${address}:3000`).length).toBeGreaterThan(60);
  }
  const after = await at(ADDRESSES.slice(1));
  const gone = `http://${ADDRESSES[0]}:3000`;
  expect(after.every((origin, n) => before[n] === gone || origin === before[n])).toBe(true);
  expect(await replicaOf(upstream, 'somebody', resolveTo(['127.0.0.9']))).toBe(upstream.origin);
  expect(await replicaOf(new URL('http://[::1]:3000'), 'somebody', resolveTo(ADDRESSES))).toBe('http://[::1]:3000');
});

test('a name is asked for once at a time, and an answer is kept for a second', async () => {
  const asked: PromiseWithResolvers<Awaited<ReturnType<Resolve>>>[] = [];
  const resolve = rememberAnswers(() => {
    const question = Promise.withResolvers<Awaited<ReturnType<Resolve>>>();
    asked.push(question);
    return question.promise;
  });
  const [first, second] = [[{ address: '127.0.0.2', family: 4 }], [{ address: '127.0.0.3', family: 4 }]];
  const answers = Array.from({ length: 50 }, () => resolve('replicated.test'));
  asked[0]?.resolve(first);
  expect(await Promise.all(answers)).toEqual(answers.map(() => first));
  const startedAt = performance.now();
  while (asked.length === 1) {
    void resolve('replicated.test');
    await new Promise(setImmediate);
  }
  expect(performance.now() - startedAt).toBeGreaterThan(800);
  asked[1]?.resolve(second);
  expect(await resolve('replicated.test')).toEqual(second);
  expect(asked).toHaveLength(2);
});

test('a name that is not answered for, or not in time, is what it was last, and unknown if it never was anything', async () => {
  let answer: () => ReturnType<Resolve> = () => resolveTo(['127.0.0.2'])('');
  let asked = 0;
  const resolve = rememberAnswers(() => {
    asked++;
    return answer();
  });
  expect(await resolve('replicated.test')).toHaveLength(1);
  answer = () => Promise.reject(new Error('EAI_AGAIN'));
  await expect(resolve('other.test')).rejects.toThrow('EAI_AGAIN');
  while (asked === 2) expect(await resolve('replicated.test')).toHaveLength(1);
  answer = () => new Promise(() => undefined);
  const startedAt = performance.now();
  expect(await resolve('replicated.test')).toHaveLength(1);
  expect(performance.now() - startedAt).toBeGreaterThan(1_900);
  // It still hangs, so nobody waits for it again, nor asks another time.
  expect(await resolve('replicated.test')).toHaveLength(1);
  await expect(resolve('other.test')).rejects.toThrow('no answer within 2000 ms');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(asked).toBe(5);
});
