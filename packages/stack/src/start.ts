import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type BrokerUrls, prepareBroker } from './broker.ts';
import { type DataDirectory, dataPath, openDataDirectory } from './data-directory.ts';
import { prepareDatabases } from './databases.ts';
import { playHistory } from './demo-history.ts';
import { type Infrastructure, startInfrastructure } from './infrastructure.ts';
import { readJson, writeJson } from './json-file.ts';
import { type ProcessName, repositoryRoot } from './paths.ts';
import { isPortFree } from './ports.ts';
import { announce, runCommand, step, untilStopped } from './progress.ts';
import { ReadableError } from './readable-error.ts';
import { operatorEmail, seed } from './seed.ts';
import { describeProcesses, processNames, type StackSettings } from './services.ts';
import { signInLinks } from './sign-in-links.ts';
import { supervise } from './supervisor.ts';
import { buildWebApp } from './web-app.ts';

// `npm start [-- --fresh]`: the whole system for people, on data that the next start finds again.

const defaultPort = 8080;

await runCommand(async (signal, onStop) => {
  const startedAt = performance.now();
  const { fresh } = readArguments(process.argv.slice(2));
  const edgePort = readPort(process.env.PORT);
  const directory = await openDataDirectory(dataPath());
  onStop(() => directory.release());
  if (!(await isPortFree(edgePort))) {
    throw new ReadableError(
      `Port ${edgePort} is taken by another program. Choose another: PORT=${edgePort + 1} npm start`,
    );
  }
  if (fresh) await step('Removing the data of earlier starts', () => startOver(directory));
  const infrastructure = await step('Postgres, RabbitMQ, databases and migrations', (say) =>
    startInfrastructure({ directory, throwaway: false, say, signal, prepare: prepareDatabases }),
  );
  onStop(() => step('Stopped Postgres and RabbitMQ', () => infrastructure.stop()));
  signal.throwIfAborted();
  writeJson(join(directory.path, 'databases.json'), urlsOf(infrastructure.prepared));
  const brokerUrls = await step('Queues and broker users', (say) => prepareBroker(infrastructure, say));
  const webRoot = await step('Web app', () => buildWebApp(signal));
  const settings = { ...(await describeStack(directory, infrastructure, brokerUrls, edgePort)), webRoot };
  const supervisor = supervise({ directory: directory.path, specs: describeProcesses(settings), say: announce });
  onStop(() => step('Stopped the services', () => supervisor.stop()));
  const interrupted = rejectWhenInterrupted(signal, infrastructure.failed);
  await step('Services', () => Promise.race([supervisor.start(), interrupted]));
  const baseUrl = `http://localhost:${edgePort}`;
  const seeding = seedOnce(directory, `http://127.0.0.1:${edgePort}`, infrastructure.prepared.auth.url);
  const password = await Promise.race([seeding, interrupted]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`
${signInLinks({ baseUrl, operatorEmail, password })}
  Logs      ${relative(repositoryRoot, directory.logs)}

Started in ${seconds} s. Ctrl-C stops everything.`);
  return untilStopped(signal, infrastructure.failed);
});

/** For the commands that work on a database while, or after, the services run. */
function urlsOf(databases: StackSettings['databases']): Record<string, string> {
  return Object.fromEntries(Object.entries(databases).map(([service, { url }]) => [service, url]));
}

function readArguments(args: string[]): { fresh: boolean } {
  const unknown = args.find((arg) => arg !== '--fresh');
  if (unknown) throw new ReadableError(`Unknown option ${unknown}. There is one: npm start -- --fresh`);
  return { fresh: args.includes('--fresh') };
}

function readPort(text: string | undefined): number {
  const port = text ? Number(text) : defaultPort;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new ReadableError(`PORT is "${text}"; it must be a number from 1 to 65535.`);
  }
  return port;
}

async function startOver(directory: DataDirectory): Promise<void> {
  if (process.env.DATABASE_URL && !process.env.INFRA) {
    throw new ReadableError(
      '--fresh removes nothing from servers that DATABASE_URL and AMQP_URL name. Empty them yourself.',
    );
  }
  const { removeDockerData } = await import('./docker.ts');
  await removeDockerData(directory);
  for (const name of readdirSync(directory.path).filter((entry) => entry !== 'owner.json' && entry !== 'logs')) {
    rmSync(join(directory.path, name), { recursive: true, force: true });
  }
}

async function describeStack(
  directory: DataDirectory,
  infrastructure: Infrastructure<StackSettings['databases']>,
  brokerUrls: BrokerUrls,
  edgePort: number,
): Promise<StackSettings> {
  const ports = { edge: edgePort } as Record<ProcessName, number>;
  for (const name of processNames.filter((process) => process !== 'edge')) ports[name] = await directory.port(name);
  return {
    nodeEnv: 'development',
    ports,
    databases: infrastructure.prepared,
    brokerUrls,
    serviceToken: directory.secret('serviceToken'),
    gatewayApiKey: directory.secret('gatewayApiKey'),
  };
}

/** Seeds a new stack and answers the demo accounts' password; an earlier start's seeds and password stay. */
async function seedOnce(directory: DataDirectory, baseUrl: string, authDatabaseUrl: string): Promise<string> {
  const file = join(directory.path, 'seeded.json');
  const wanted = process.env.DEMO_PASSWORD;
  if (existsSync(file)) {
    const password = readJson<{ demoPassword: string }>(file)?.demoPassword ?? '(see the first start)';
    if (wanted && wanted !== password)
      console.log('    DEMO_PASSWORD counts on a new database only: npm start -- --fresh');
    return password;
  }
  const password = wanted || directory.secret('demoPassword', () => randomBytes(12).toString('base64url'));
  await step('Demo accounts and plans', () => seed({ baseUrl, authDatabaseUrl, password }));
  await step('Four months of history, played on the billing clock', () => playHistory({ baseUrl, password }));
  writeJson(file, { demoPassword: password });
  return password;
}

/** Ends a step early when it has become pointless. */
function rejectWhenInterrupted(signal: AbortSignal, failed: Promise<string>): Promise<never> {
  const interrupted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
    void failed.then((sentence) => reject(new ReadableError(sentence)));
  });
  // It may also be rejected when nobody is waiting any more.
  interrupted.catch(() => undefined);
  return interrupted;
}
