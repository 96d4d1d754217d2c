import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readJson } from '@evergreen/stack/json-file.ts';
import { evergreenDirectory, repositoryRoot } from '@evergreen/stack/paths.ts';
import { claimPort } from '@evergreen/stack/ports.ts';
import { runCommand, step } from '@evergreen/stack/progress.ts';
import { awaitEnd, awaitHealthy, compose, docker } from './engine.ts';
import { expectKept, readStatements } from './statements.ts';

// `npm run test:compose`: docker-compose.yml as its users run it, on a project and ports of its own, from nothing to nothing.

const ALL = ['postgres', 'rabbitmq', 'auth', 'wallet', 'subscriptions', 'gateway', 'notifier', 'edge'];
const SCALABLE = ['wallet', 'subscriptions', 'notifier'];
const IMAGES = ['set-up', 'auth', 'gateway', 'wallet', 'subscriptions', 'notifier', 'edge'];
const operator = { email: 'operator@evergreen.test', password: 'known-to-everybody' };

await runCommand(async (signal, onStop) => {
  const [port, auditPort] = [await claimPort(), await claimPort()];
  const url = `http://localhost:${port}`;
  Object.assign(process.env, {
    COMPOSE_PROJECT_NAME: 'evergreen-compose-test',
    COMPOSE_FILE: ['docker-compose.yml', 'e2e/compose/published.yml'].join(':'),
    PORT: String(port),
    AUDIT_POSTGRES_PORT: String(auditPort),
    TEST_SYSTEM_URL: url,
    TEST_OPERATOR_EMAIL: operator.email,
    TEST_OPERATOR_PASSWORD: operator.password,
    AUDIT_DATABASE_URL: `postgresql://postgres:known-to-everybody@127.0.0.1:${auditPort}/postgres`,
  });
  const remove = () => compose('down', '--volumes', '--remove-orphans', '--timeout', '15');
  const up = (scale: string[] = []) => compose('up', '--detach', '--no-build', ...scale);
  const next = <T>(title: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return step(title, work);
  };

  await next('Removed what an earlier run left', remove);
  await next('Built the images', () => compose('build'));
  console.log(`    ${await sizes()}`);
  onStop(() => step('Removed everything', remove));
  await next('From nothing to ready', async () => {
    await up();
    await awaitHealthy();
  });
  await next('Demo accounts, plans and four months of history', () => awaitEnd('demo'));
  await next('One journey', () => runTests('journey.test.ts'));
  await next('Scaled to two replicas', async () => {
    await up(SCALABLE.flatMap((service) => ['--scale', `${service}=2`]));
    await awaitHealthy();
  });
  await next('One journey, with two replicas', () => runTests('journey.test.ts'));
  await next('One of two replicas killed', () => runTests('kills.test.ts', SCALABLE));
  await next('Scaled down again', async () => {
    await up(SCALABLE.flatMap((service) => ['--scale', `${service}=1`]));
    await awaitHealthy();
  });
  await next('Each container killed in turn', () => runTests('kills.test.ts', ALL));
  const before = await readStatements(url, operator);
  await next('Down', () => compose('down', '--timeout', '15'));
  await next('Up again', async () => {
    await up();
    await awaitHealthy();
    await awaitEnd('demo');
  });
  await next('What was there is there', async () => {
    expectKept(before, await readStatements(url, operator));
  });
  console.log(`\n${before.length} statements with ${before.flatMap(({ lines }) => lines).length} lines were kept.`);
  return 0;
});

async function sizes(): Promise<string> {
  const of = async (image: string) => Number(await docker('image', 'inspect', '--format', '{{.Size}}', image));
  const base = await of('node:26-slim');
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  const lines = await Promise.all(
    IMAGES.map(async (name) => `${name} ${megabytes((await of(`evergreen/${name}`)) - base)}`),
  );
  return `MB on top of node:26-slim (${megabytes(base)}): ${lines.join(', ')}`;
}

interface Report {
  testResults: { message: string; assertionResults: { title: string; status: string; duration: number | null }[] }[];
}

/** Runs one test file against the running system, and prints a line for each of its tests. */
async function runTests(file: string, victims: string[] = []): Promise<void> {
  mkdirSync(evergreenDirectory, { recursive: true });
  const report = join(evergreenDirectory, 'compose-test.json');
  rmSync(report, { force: true });
  const jest = join(repositoryRoot, 'node_modules/jest/bin/jest.js');
  const nodeArgs = ['--experimental-vm-modules', '--no-warnings', jest, '--config', 'e2e/compose/jest.config.js'];
  const child = spawn(process.execPath, [...nodeArgs, '--json', '--outputFile', report, '--bail', file], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_ENV: 'test', COMPOSE_VICTIMS: victims.join(',') },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const output = await text(child.stderr);
  const code = await ended;
  const results = (readJson<Report>(report)?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults);
  for (const { title, status, duration } of results.filter(({ status }) => status !== 'pending')) {
    console.log(`    ${status === 'passed' ? '✓' : '✗'} ${title} (${((duration ?? 0) / 1000).toFixed(1)} s)`);
  }
  if (code !== 0 || results.length === 0) throw new Error(output);
}
