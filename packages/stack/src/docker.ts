import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join, sep } from 'node:path';
import { within } from '@evergreen/service-kit/backoff.ts';
import pg from 'pg';
import {
  type ContainerRuntimeClient,
  GenericContainer,
  getContainerRuntimeClient,
  getReaper,
  ImageName,
  type StartedTestContainer,
  Wait,
} from 'testcontainers';
import { awaitCondition } from './await-condition.ts';
import { type DataDirectory, isAbandoned, shortHash } from './data-directory.ts';
import type { Infrastructure, InfrastructureOptions } from './infrastructure.ts';
import { throwawaySettings } from './local-postgres.ts';
import { evergreenDirectory } from './paths.ts';
import { rabbitmqManagement } from './rabbitmq-management.ts';

const postgresImage = 'postgres:18';
const rabbitmqImage = 'rabbitmq:4-management';
const engineTimeoutMs = 3_000;
const pullTimeoutMs = 120_000;
const readyTimeoutMs = 90_000;
const stopTimeoutMs = 5_000;
const user = 'evergreen';
const [dataLabel, hostLabel] = ['evergreen.data', 'evergreen.host'];
const servers = ['postgres', 'rabbitmq'] as const;

/** Says why Docker cannot be used, or undefined when an engine answers and has, or could pull, both images. */
export async function dockerAbsence(say: (detail: string) => void): Promise<string | undefined> {
  const client = await within(engineTimeoutMs, getContainerRuntimeClient()).catch(() => undefined);
  if (!client) return 'no Docker engine answers';
  for (const image of [postgresImage, rabbitmqImage]) {
    const name = ImageName.fromString(image);
    if (await client.image.exists(name)) continue;
    say(`pulling ${image}`);
    try {
      await within(pullTimeoutMs, client.image.pull(name));
    } catch (error) {
      return `Docker has no image ${image} and could not pull it (${(error as Error).message})`;
    }
  }
  return undefined;
}

/**
 * Starts both servers as containers with random ports. Data that are to be kept are in volumes whose names derive from the data
 * directory, so that a second start finds them.
 */
export async function startDockerInfrastructure<Prepared>(
  options: InfrastructureOptions<Prepared>,
): Promise<Infrastructure<Prepared>> {
  const { directory, throwaway, signal, say } = options;
  const postgresPassword = directory.secret('dockerPostgresPassword');
  const amqpPassword = directory.secret('dockerAmqpPassword');
  const client = await getContainerRuntimeClient();
  await removeLeftovers(client, directory);
  if (throwaway) await startReaper(client, say);
  const settings = { max_connections: '300', ...(throwaway ? throwawaySettings : {}) };
  const postgres = describe(options, 'postgres', { image: postgresImage, volume: '/var/lib/postgresql' })
    .withExposedPorts(5432)
    .withEnvironment({ POSTGRES_PASSWORD: postgresPassword })
    .withCommand(['postgres', ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])]);
  const rabbitmq = describe(options, 'rabbitmq', { image: rabbitmqImage, volume: '/var/lib/rabbitmq' })
    .withExposedPorts(5672, 15672)
    .withEnvironment({ RABBITMQ_DEFAULT_USER: user, RABBITMQ_DEFAULT_PASS: amqpPassword });

  const started: StartedTestContainer[] = [];
  const start = async (container: GenericContainer) => {
    const running = await container.start();
    started.push(running);
    return running;
  };
  const stop = async () => {
    const how = { timeout: throwaway ? 0 : stopTimeoutMs, remove: true, removeVolumes: throwaway };
    await Promise.all(started.splice(0).map((container) => container.stop(how)));
  };
  const startPostgres = async () => {
    const url = await urlOf('postgresql', `postgres:${postgresPassword}`, await start(postgres), 5432);
    const databaseUrl = `${url}/postgres`;
    await awaitPostgres(databaseUrl, signal);
    return { databaseUrl, prepared: await options.prepare(databaseUrl) };
  };
  const startRabbitmq = async () => {
    const container = await start(rabbitmq);
    const managementUrl = await urlOf('http', `${user}:${amqpPassword}`, container, 15672);
    await awaitRabbitmq(managementUrl, signal);
    return { managementUrl, amqpUrl: await urlOf('amqp', `${user}:${amqpPassword}`, container, 5672) };
  };
  // Both are waited for in any case: what comes up while the other one fails is to be stopped as well.
  const [database, broker] = await Promise.allSettled([startPostgres(), startRabbitmq()]);
  if (database.status === 'rejected' || broker.status === 'rejected') {
    await stop();
    throw database.status === 'rejected' ? database.reason : (broker as PromiseRejectedResult).reason;
  }
  // Docker looks after its containers itself.
  const failed = new Promise<string>(() => undefined);
  return { provider: 'docker', ...database.value, ...broker.value, failed, stop };
}

/** Removes the data of a stack that is not running, for a fresh start. Without an engine there are none to remove. */
export async function removeDockerData(directory: DataDirectory): Promise<void> {
  const client = await within(engineTimeoutMs, getContainerRuntimeClient()).catch(() => undefined);
  if (!client) return;
  await removeLeftovers(client, directory);
  for (const server of servers) {
    const volume = client.container.dockerode.getVolume(volumeName(directory, server));
    // There is none before the first start.
    await volume.remove().catch(() => undefined);
  }
}

/** Testcontainers publishes ports on every address of the machine. On an engine of this machine these are for it alone. */
class OwnContainer extends GenericContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    const bindings = Object.values<{ HostIp?: string }[]>(this.hostConfig.PortBindings ?? {}).flat();
    const client = await getContainerRuntimeClient();
    if (await isHere(client.info.containerRuntime.host)) for (const binding of bindings) binding.HostIp = '127.0.0.1';
    this.hostConfig.RestartPolicy = { Name: 'on-failure', MaximumRetryCount: 5 };
  }
}

/** Whether an engine's host is this machine, by whatever name or address: only then can one listen there. */
function isHere(host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}

/** What both servers have in common. */
function describe<Prepared>(
  { directory, throwaway }: InfrastructureOptions<Prepared>,
  server: (typeof servers)[number],
  { image, volume }: { image: string; volume: string },
): GenericContainer {
  const container = new OwnContainer(image)
    .withLabels({ [dataLabel]: directory.path, [hostLabel]: hostname() })
    // RabbitMQ's node name holds the host name, and its data belong to that name.
    .withHostname('evergreen')
    // Whether they serve yet is asked of them below.
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    // Those of `npm start` outlive a process that is killed: its data are in them.
    .withAutoCleanup(throwaway)
    .withLogConsumer((stream) => stream.pipe(createWriteStream(join(directory.logs, `${server}.log`))));
  return throwaway ? container : container.withBindMounts([{ source: volumeName(directory, server), target: volume }]);
}

const volumeName = (directory: DataDirectory, server: string) => `evergreen-${shortHash(directory.path)}-${server}`;

async function urlOf(protocol: string, credentials: string, container: StartedTestContainer, port: number) {
  const host = (await isHere(container.getHost())) ? '127.0.0.1' : container.getHost();
  return `${protocol}://${credentials}@${host}:${container.getMappedPort(port)}`;
}

/** Ryuk removes the containers of a test run that is killed. Where it cannot be had, the next run does. */
async function startReaper(client: ContainerRuntimeClient, say: (detail: string) => void): Promise<void> {
  try {
    await within(pullTimeoutMs, getReaper(client));
  } catch {
    process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
    say('without Ryuk, whose image cannot be had; the next run removes what a killed one leaves');
  }
}

/** Removes the containers of this data directory, which nobody else uses, and what killed processes of this checkout left behind. */
async function removeLeftovers({ container }: ContainerRuntimeClient, directory: DataDirectory): Promise<void> {
  const filters = { label: [`${hostLabel}=${hostname()}`, dataLabel] };
  const found = await container.dockerode.listContainers({ all: true, filters });
  const left = found.filter(({ Labels }) => {
    const path = Labels[dataLabel] ?? '';
    // Those of other checkouts are others' business, and whether they are abandoned may not be seen from here.
    return path === directory.path || (path.startsWith(evergreenDirectory + sep) && isAbandoned(path));
  });
  await Promise.all(left.map(({ Id }) => container.getById(Id).remove({ force: true, v: true })));
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
