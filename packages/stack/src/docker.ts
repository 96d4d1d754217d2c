import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { awaitCondition } from './await-condition.ts';
import { type DataDirectory, shortHash } from './data-directory.ts';
import type { Infrastructure, InfrastructureOptions } from './infrastructure.ts';
import { throwawaySettings } from './local-postgres.ts';
import { rabbitmqManagement } from './rabbitmq-management.ts';

const postgresImage = 'postgres:18';
const rabbitmqImage = 'rabbitmq:4-management';
const engineTimeoutMs = 3_000;
const pullTimeoutMs = 120_000;
const commandTimeoutMs = 60_000;
const readyTimeoutMs = 90_000;
const user = 'evergreen';

/** Says why Docker cannot be used, or undefined when an engine answers and has, or could pull, both images. */
export async function dockerAbsence(say: (detail: string) => void): Promise<string | undefined> {
  const engine = await docker(['info', '--format', '{{.ServerVersion}}'], engineTimeoutMs).catch(() => undefined);
  if (!engine) return 'no Docker engine answers';
  for (const image of [postgresImage, rabbitmqImage]) {
    if (await docker(['image', 'inspect', '--format', '{{.Id}}', image], commandTimeoutMs).catch(() => undefined))
      continue;
    say(`pulling ${image}`);
    try {
      await docker(['pull', '--quiet', image], pullTimeoutMs);
    } catch (error) {
      return `Docker has no image ${image} and could not pull it (${(error as Error).message})`;
    }
  }
  return undefined;
}

/**
 * Starts both servers as containers with random ports on 127.0.0.1. Names and volumes derive from the data directory,
 * so that a second start finds its data and replaces containers that a killed owner left behind.
 */
export async function startDockerInfrastructure<Prepared>(
  options: InfrastructureOptions<Prepared>,
): Promise<Infrastructure<Prepared>> {
  const { directory, throwaway, signal } = options;
  const name = `evergreen-${shortHash(directory.path)}`;
  const postgresPassword = directory.secret('dockerPostgresPassword');
  const amqpPassword = directory.secret('dockerAmqpPassword');
  const stop = () => removeContainers(directory, name, throwaway);
  await docker(['rm', '--force', `${name}-postgres`, `${name}-rabbitmq`], commandTimeoutMs).catch(() => undefined);
  try {
    const settings = { max_connections: '300', ...(throwaway ? throwawaySettings : {}) };
    await runContainer(directory, `${name}-postgres`, {
      image: postgresImage,
      port: 5432,
      volume: '/var/lib/postgresql',
      environment: { POSTGRES_PASSWORD: postgresPassword },
      command: ['postgres', ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    });
    await runContainer(directory, `${name}-rabbitmq`, {
      image: rabbitmqImage,
      port: 5672,
      otherPort: 15672,
      volume: '/var/lib/rabbitmq',
      environment: { RABBITMQ_DEFAULT_USER: user, RABBITMQ_DEFAULT_PASS: amqpPassword },
      command: [],
    });
    const databasePort = await publishedPort(`${name}-postgres`, 5432);
    const amqpPort = await publishedPort(`${name}-rabbitmq`, 5672);
    const managementPort = await publishedPort(`${name}-rabbitmq`, 15672);
    const databaseUrl = `postgresql://postgres:${postgresPassword}@127.0.0.1:${databasePort}/postgres`;
    const managementUrl = `http://${user}:${amqpPassword}@127.0.0.1:${managementPort}`;
    const [prepared] = await Promise.all([
      awaitPostgres(databaseUrl, signal).then(() => options.prepare(databaseUrl)),
      awaitRabbitmq(managementUrl, signal),
    ]);
    const amqpUrl = `amqp://${user}:${amqpPassword}@127.0.0.1:${amqpPort}`;
    // Docker looks after its containers itself.
    const failed = new Promise<string>(() => undefined);
    return { provider: 'docker', databaseUrl, amqpUrl, managementUrl, prepared, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Container {
  image: string;
  port: number;
  otherPort?: number;
  volume: string;
  environment: Record<string, string>;
  command: string[];
}

async function runContainer(directory: DataDirectory, name: string, container: Container): Promise<void> {
  const ports = [container.port, container.otherPort].filter((port) => port !== undefined);
  const args = ['run', '--detach', '--name', name, '--label', `evergreen.data=${directory.path}`];
  // RabbitMQ's node name holds the host name, and its data belong to that name.
  args.push('--restart', 'on-failure:5', '--hostname', 'evergreen', '--volume', `${name}:${container.volume}`);
  args.push(...ports.flatMap((port) => ['--publish', `127.0.0.1::${port}`]));
  // A name alone takes the value from the environment of this call, where a list of processes does not show it.
  args.push(...Object.keys(container.environment).flatMap((variable) => ['--env', variable]));
  await docker([...args, container.image, ...container.command], commandTimeoutMs, container.environment);
}

async function publishedPort(container: string, port: number): Promise<number> {
  const lines = await docker(['port', container, `${port}/tcp`], commandTimeoutMs);
  const published = /:(\d+)\s*$/m.exec(lines)?.[1];
  if (!published) throw new Error(`${container} published no port for ${port}`);
  return Number(published);
}

async function removeContainers(directory: DataDirectory, name: string, throwaway: boolean): Promise<void> {
  await Promise.all(
    ['postgres', 'rabbitmq'].map(async (server) => {
      const container = `${name}-${server}`;
      const logs = await docker(['logs', '--tail', '2000', container], commandTimeoutMs, {}, true).catch(() => '');
      if (logs) writeFileSync(join(directory.logs, `${server}.log`), logs);
      if (!throwaway) await docker(['stop', '--time', '5', container], commandTimeoutMs).catch(() => undefined);
      await docker(['rm', '--force', container], commandTimeoutMs).catch(() => undefined);
      if (throwaway) await docker(['volume', 'rm', '--force', container], commandTimeoutMs).catch(() => undefined);
    }),
  );
}

/** Removes the data of a stack that is not running, for a fresh start. */
export async function removeDockerData(directory: DataDirectory): Promise<void> {
  const name = `evergreen-${shortHash(directory.path)}`;
  await docker(['rm', '--force', `${name}-postgres`, `${name}-rabbitmq`], commandTimeoutMs).catch(() => undefined);
  await docker(['volume', 'rm', '--force', `${name}-postgres`, `${name}-rabbitmq`], commandTimeoutMs).catch(
    () => undefined,
  );
}

async function awaitPostgres(databaseUrl: string, signal?: AbortSignal): Promise<void> {
  await awaitCondition(
    async () => {
      const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 2_000 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return true;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    {
      what: `Starting ${postgresImage} in Docker`,
      timeoutMs: readyTimeoutMs,
      intervalMs: 200,
      giveUp: () => signal?.throwIfAborted(),
    },
  );
}

async function awaitRabbitmq(managementUrl: string, signal?: AbortSignal): Promise<void> {
  const management = rabbitmqManagement(managementUrl);
  await awaitCondition(async () => ((await management.isListening(5672)) ? true : undefined), {
    what: `Starting ${rabbitmqImage} in Docker`,
    timeoutMs: readyTimeoutMs,
    intervalMs: 200,
    giveUp: () => signal?.throwIfAborted(),
  });
}

/** Runs one command of the Docker CLI and answers its stdout; rejects with the last line of stderr. */
function docker(
  args: string[],
  timeoutMs: number,
  environment: Record<string, string> = {},
  stderrToo = false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stderrToo ? stdout + stderr : stdout.trim());
      else reject(new Error(signal ? `no answer in ${timeoutMs / 1000} s` : (stderr.trim().split('\n').at(-1) ?? '')));
    });
  });
}
