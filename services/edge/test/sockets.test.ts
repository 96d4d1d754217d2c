import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectionCount, type Edge, openEdge, type RawService, rawClient, startRawService, until } from './rig.ts';

const PATH = '/socket.io/?EIO=4&transport=websocket';
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
let notifier: RawService;
let edge: Edge;
/** The heads of the upgrades that reached the notifier. */
let upgrades: { url: string | undefined; headers: Record<string, unknown> }[];

/** Shakes hands as RFC 6455 says, greets, and echoes every byte. */
function startNotifier(port?: number): Promise<RawService> {
  return startRawService((socket, { url, headers }) => {
    upgrades.push({ url, headers });
    if (headers.origin === 'http://evil.test') {
      socket.end(
        'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\norigin',
      );
      return;
    }
    if (headers.upgrade !== 'websocket') {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\nConnection: close\r\n\r\npoll');
      return;
    }
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${WEBSOCKET_GUID}`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello`,
    );
    socket.pipe(socket);
  }, port);
}

beforeEach(async () => {
  upgrades = [];
  notifier = await startNotifier();
  edge = await openEdge({ notifier: notifier.url });
});
afterEach(async () => {
  await edge.close();
  await notifier.kill();
});

/** Asks the edge for a WebSocket, and answers when the head of its answer is there. */
async function open(headers: Record<string, string> = {}, path = PATH) {
  const client = rawClient(edge.port);
  const lines = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  client.socket.write(`GET ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
  await until('an answer', () => client.received().includes('\r\n\r\n'));
  const status = Number(client.received().toString('latin1').split(' ')[1]);
  const rest = () => client.received().subarray(client.received().indexOf('\r\n\r\n') + 4);
  return { ...client, status, rest };
}

test('a WebSocket passes, and what comes with the handshake is not lost', async () => {
  const client = await open({ origin: 'http://localhost:8080', 'x-user-id': 'forged', 'x-forwarded-for': '10.0.0.1' });
  expect(client.status).toBe(101);
  expect(client.received().toString('latin1')).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
  await until('the greeting', () => client.rest().toString() === 'hello');
  client.socket.write('ping');
  await until('the echo', () => client.rest().toString() === 'helloping');

  expect(upgrades).toMatchObject([
    {
      url: PATH,
      headers: { origin: 'http://localhost:8080', 'x-forwarded-for': '127.0.0.1', host: notifier.url.host },
    },
  ]);
  expect(upgrades[0]?.headers).not.toHaveProperty('x-user-id');
  client.socket.destroy();
});

test('megabytes pass in both directions', async () => {
  const client = await open();
  const sent = Buffer.alloc(8 * 1_048_576, 'evergreen ');
  client.socket.write(sent);
  await until('all of it', () => client.rest().length === sent.length + 5, 20_000);
  expect(client.rest().subarray(5).equals(sent)).toBe(true);
  client.socket.destroy();
});

test('a refusal of the notifier passes as it is', async () => {
  const client = await open({ origin: 'http://evil.test' });
  await client.closed;
  expect({ status: client.status, body: client.rest().toString() }).toEqual({ status: 403, body: 'origin' });
});

test('refused clients that never close their side are closed all the same', async () => {
  const refused = await Promise.all(Array.from({ length: 30 }, () => open({ origin: 'http://evil.test' })));
  await notifier.kill();
  const away = await Promise.all(Array.from({ length: 30 }, () => open()));
  expect(new Set([...refused, ...away].map(({ status }) => status))).toEqual(new Set([403, 503]));
  await until('all to be closed', async () => (await connectionCount(edge.app.server)) === 0, 3_000);
  for (const { socket } of [...refused, ...away]) socket.destroy();
});

test('an upgrade with a body is an ordinary request', async () => {
  const client = rawClient(edge.port);
  client.socket.write(
    `GET ${PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\ncontent-length: 5\r\n\r\n`,
  );
  client.socket.write('hello');
  await until('an answer', () => client.received().includes('poll'));
  expect(client.received().toString()).toMatch(/^HTTP\/1\.1 400 /);
  expect(upgrades[0]?.headers).not.toHaveProperty('upgrade');
  client.socket.destroy();
});

test('the notifier dies and comes back: clients notice, connect again, and the edge stands', async () => {
  const clients = await Promise.all(Array.from({ length: 30 }, () => open()));
  expect(new Set(clients.map(({ status }) => status))).toEqual(new Set([101]));
  const port = Number(notifier.url.port);
  await notifier.kill();
  await Promise.all(clients.map(({ closed }) => closed));

  const away = await open();
  await away.closed;
  expect(away.status).toBe(503);
  expect(JSON.parse(away.rest().toString())).toMatchObject({ code: 'service_unavailable', status: 503 });
  expect(away.received().toString()).not.toMatch(/ECONN|127\.0\.0\.1/);

  notifier = await startNotifier(port);
  expect((await open()).status).toBe(101);
  expect((await edge.ask('/health/live')).status).toBe(200);
});

test('clients that vanish at any moment leave nothing behind', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => open()));
  for (const { socket } of clients) socket.resetAndDestroy();
  // These go in the middle of the handshake.
  for (let index = 0; index < 20; index++) {
    const { socket } = rawClient(edge.port);
    socket.write(`GET ${PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`, () =>
      socket.resetAndDestroy(),
    );
  }
  await until('the notifier to be left alone', async () => (await connectionCount(notifier.server)) === 0);
  expect((await edge.ask('/health/live')).status).toBe(200);
});

test('only the path of socket.io becomes a tunnel', async () => {
  expect((await open({}, '/socket.io/../internal/activity')).status).toBe(400);
  expect((await open({}, '/socket.iox/')).status).toBe(404);
  expect((await open({}, '/internal/activity')).status).toBe(404);
  expect(upgrades).toEqual([]);
  const polling = await edge.ask('/socket.io/?EIO=4&transport=polling');
  expect({ status: polling.status, text: polling.text }).toEqual({ status: 400, text: 'poll' });
});

test('the edge closes with tunnels open, and they with it', async () => {
  const client = await open();
  const startedAt = performance.now();
  await edge.close();
  await client.closed;
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
