import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createUsers } from './broker.ts';
import { findChromium } from './chromium.ts';
import { openDataDirectory, sweepAbandoned } from './data-directory.ts';
import { prepareTemplates } from './databases.ts';
import { type Servers, startInfrastructure } from './infrastructure.ts';
import { readJson } from './json-file.ts';
import { evergreenDirectory, repositoryRoot } from './paths.ts';
import { runCommand, step } from './progress.ts';
import { dropOutdatedVhosts } from './rabbitmq-management.ts';
import { findSecretsInLogs } from './secret-search.ts';

// `npm test [jest arguments]`: all tests on a Postgres and a RabbitMQ of their own, or those the environment names.

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that failed before any of their tests ran. */
  numRuntimeErrorTestSuites: number;
}

const keptFailures = 5;
const jestGraceMs = 10_000;

await runCommand(async (signal, onStop) => {
  const startedAt = performance.now();
  await sweepAbandoned(evergreenDirectory, 'test-');
  const path = join(evergreenDirectory, `test-${process.pid}`);
  const directory = await openDataDirectory(path);
  onStop(() => {
    directory.release();
    rmSync(path, { recursive: true, force: true });
  });
  const infrastructure = await step('Postgres, RabbitMQ and template databases', (say) =>
    startInfrastructure({ directory, throwaway: true, say, signal, prepare: prepareTemplates }),
  );
  onStop(() => infrastructure.stop());
  await dropOutdatedVhosts(infrastructure.managementUrl);
  await createUsers(infrastructure);
  // Runs before the servers stop, and ends the services of stacks whose test process was killed.
  onStop(() => sweepAbandoned(path, 'stack-'));
  const args = process.argv.slice(2);
  // Worth installing only for runs that reach browser tests: all tests, or those of a path in e2e.
  const isTrial = args.some((arg) => arg.includes('trials'));
  const wantsBrowser =
    !isTrial && (args.every((arg) => arg.startsWith('-')) || args.some((arg) => arg.includes('e2e')));
  const chromium = await findChromium(wantsBrowser, (detail) => console.log(`    ${detail}`));
  const reportFile = join(path, 'jest.json');
  const jestCode = await runJest(args, { reportFile, path, infrastructure, chromium, signal });
  const report = readJson<JestReport>(reportFile);
  if (!report) {
    console.log('\nThe test run ended before it could report.');
    return jestCode || 1;
  }
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const skipped = report.numPendingTests + report.numTodoTests;
  const leaks = findSecretsInLogs(path);
  for (const { file, line, what, text } of leaks.slice(0, 20)) console.log(`\n${file}:${line} holds ${what}: ${text}`);
  if (leaks.length > 0) console.log(`\nLogs hold secrets, in ${leaks.length} line(s).`);
  if (jestCode !== 0 || failed > 0 || leaks.length > 0) console.log(`\nLogs of this run: ${keepLogs(path)}`);
  if (passed + failed === 0) console.log('\nNo test ran.');
  if (wantsBrowser && !chromium)
    console.log('\nBrowser tests were skipped: there is no Chromium. Set CHROMIUM, or install the package.');
  console.log(`\nTested on ${infrastructure.provider} infrastructure in ${seconds(startedAt)} s.`);
  console.log(`Evergreen: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return jestCode !== 0 || failed > 0 || passed === 0 || leaks.length > 0 ? jestCode || 1 : 0;
});

interface JestRun {
  reportFile: string;
  path: string;
  infrastructure: Servers;
  chromium: string | undefined;
  signal: AbortSignal;
}

/** Settings of the person's shell that are for the servers, which are started by now, or would change what services do. */
function isForOthers(name: string): boolean {
  return (
    ['DATABASE_URL', 'AMQP_URL', 'RABBITMQ_MANAGEMENT_URL', 'LOG_FORMAT'].includes(name) || name.startsWith('OTEL_')
  );
}

function runJest(args: string[], { reportFile, path, infrastructure, chromium, signal }: JestRun): Promise<number> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForOthers(name)));
  const jest = join(repositoryRoot, 'node_modules/jest/bin/jest.js');
  const nodeArgs = ['--experimental-vm-modules', '--no-warnings', jest, '--config', 'jest.config.js'];
  const child = spawn(process.execPath, [...nodeArgs, '--json', '--outputFile', reportFile, ...args], {
    cwd: repositoryRoot,
    // Jest prints its report to stderr; with --json its stdout holds a note about the report file only.
    stdio: ['inherit', 'ignore', 'inherit'],
    env: {
      ...inherited,
      NODE_ENV: 'test',
      TEST_DATABASE_ADMIN_URL: infrastructure.databaseUrl,
      TEST_AMQP_URL: infrastructure.amqpUrl,
      TEST_RABBITMQ_MANAGEMENT_URL: infrastructure.managementUrl,
      TEST_DIRECTORY: path,
      ...(chromium && { TEST_CHROMIUM: chromium }),
    },
  });
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    signal.addEventListener('abort', () => {
      child.kill('SIGTERM');
      timer = setTimeout(() => child.kill('SIGKILL'), jestGraceMs);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}

/** Copies the logs of the servers and of every test stack out of the directory that is about to be removed. */
function keepLogs(path: string): string {
  const failures = join(evergreenDirectory, 'failed-tests');
  mkdirSync(failures, { recursive: true });
  const older = readdirSync(failures)
    .sort()
    .slice(0, -(keptFailures - 1));
  for (const name of older) rmSync(join(failures, name), { recursive: true, force: true });
  const target = join(failures, new Date().toISOString().replaceAll(':', '-'));
  cpSync(join(path, 'logs'), join(target, 'servers'), { recursive: true });
  for (const name of readdirSync(path).filter((entry) => entry.startsWith('stack-'))) {
    const logs = join(path, name, 'logs');
    if (existsSync(logs)) cpSync(logs, join(target, name), { recursive: true });
  }
  return target;
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
