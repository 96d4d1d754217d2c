import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import { serveMetrics } from '../src/metrics-server.ts';
import { startRawService, until } from './rig.ts';

/** The edge as a process of its own. */
function startEdge(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], { env, timeout: 25_000 });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk;
  });
  return { child, output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

test('a wrong configuration is one readable line', async () => {
  const { ended, output } = startEdge({ PORT: '0', AUTH_URL: 'auth:3000', WALLET_URL: 'http://wallet/api' });
  expect({ code: await ended, stderr: output.stderr }).toEqual({
    code: 78,
    stderr:
      'evergreen edge cannot start: SUBSCRIPTIONS_URL is missing; GATEWAY_URL is missing; NOTIFIER_URL is missing; ' +
      'AUTH_URL must be an http:// or https:// URL without a path; WALLET_URL must be an http:// or https:// URL without a path\n',
  });
});

test('a proxy that is no address is refused by name', async () => {
  const url = 'http://127.0.0.1:1';
  const urls = { AUTH_URL: url, WALLET_URL: url, SUBSCRIPTIONS_URL: url, GATEWAY_URL: url, NOTIFIER_URL: url };
  for (const wrong of ['proxy.internal', '10.0.0.0/33', '10.0.0.0/x', '::1/129']) {
    const { ended, output } = startEdge({ PORT: '0', ...urls, FRONT_PROXIES: `10.0.0.1, ${wrong}` });
    expect({ code: await ended, stderr: output.stderr }).toEqual({
      code: 78,
      stderr:
        'evergreen edge cannot start: FRONT_PROXIES must be IP addresses or networks such as 10.0.0.0/8, separated by commas\n',
    });
  }
});

test('it stops in order with a long poll in hand', async () => {
  let polls = 0;
  const notifier = await startRawService(() => {
    polls++;
  });
  const urls = ['AUTH_URL', 'WALLET_URL', 'SUBSCRIPTIONS_URL', 'GATEWAY_URL', 'NOTIFIER_URL'];
  const { child, output, ended } = startEdge({
    PORT: '0',
    ...Object.fromEntries(urls.map((name) => [name, notifier.url.href])),
  });
  await until('the edge to listen', () => output.stdout.includes('listening at'), 20_000);
  const origin = /listening at (http:[^"]+)/.exec(output.stdout)?.[1] ?? '';
  const poll = fetch(`${origin}/socket.io/?EIO=4&transport=polling`).then(
    () => 'answered',
    () => 'cut',
  );
  await until('the poll', () => polls > 0);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(await poll).toBe('cut');
  expect(output.stdout).toContain('"msg":"stopped"');
  await notifier.kill();
});

test('metrics are on a port of their own', async () => {
  const metrics = new Registry();
  new Counter({ name: 'tests_total', help: 'Tests', registers: [metrics] }).inc();
  const server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
  });
  expect(await answer.text()).toContain('tests_total 1');
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  server.close();
});
