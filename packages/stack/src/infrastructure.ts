import { brokerNodes } from '@evergreen/service-kit/broker-nodes.ts';
import type { DataDirectory } from './data-directory.ts';
import { closeServer } from './databases.ts';
import { type LocalPostgres, startLocalPostgres } from './local-postgres.ts';
import { startLocalRabbitmq } from './local-rabbitmq.ts';
import { ReadableError } from './readable-error.ts';

/** A Postgres server and a RabbitMQ broker to build on. */
export interface Servers {
  provider: 'environment' | 'docker' | 'local';
  /** A Postgres role that may create roles and databases. */
  databaseUrl: string;
  /** A user with all rights in the virtual host. */
  amqpUrl: string;
  /** The management API of the broker, with user and password in the URL. */
  managementUrl: string;
  /** Resolves with a sentence when a server that was started here ends unasked. */
  failed: Promise<string>;
  /** Ends what was started; servers that the environment named go on. */
  stop(): Promise<void>;
}

export type Infrastructure<Prepared> = Servers & { prepared: Prepared };

export interface InfrastructureOptions<Prepared> {
  directory: DataDirectory;
  /** Nothing is kept: durability is traded for speed. */
  throwaway: boolean;
  /** Told what is going on and why, one short line each. */
  say: (detail: string) => void;
  /** What is to be done on the database; it begins as soon as Postgres is up, while RabbitMQ is still starting. */
  prepare: (databaseUrl: string) => Promise<Prepared>;
  /** Gives up a start that is under way. */
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
}

/** Takes what the environment names, else Docker, else programs on this machine; INFRA=docker|local decides. */
export async function startInfrastructure<Prepared>(
  options: InfrastructureOptions<Prepared>,
): Promise<Infrastructure<Prepared>> {
  const { say, prepare } = options;
  const env = options.env ?? process.env;
  const forced = env.INFRA || undefined;
  if (forced !== undefined && forced !== 'docker' && forced !== 'local') {
    throw new ReadableError(`INFRA is "${forced}"; it must be docker or local, or left out.`);
  }
  const named = forced ? undefined : namedByEnvironment(env);
  if (named) {
    say('Postgres and RabbitMQ on the servers that DATABASE_URL and AMQP_URL name');
    return { ...named, prepared: await prepare(named.databaseUrl) };
  }
  const onOwnServer: typeof options = {
    ...options,
    prepare: async (databaseUrl) => {
      await closeServer(databaseUrl);
      return prepare(databaseUrl);
    },
  };
  if (forced === 'local') {
    say('Postgres and RabbitMQ from programs of this machine, because INFRA=local');
    return startLocalInfrastructure(onOwnServer);
  }
  // Loaded only where it may be of use: it takes a moment.
  const { dockerAbsence, startDockerInfrastructure } = await import('./docker.ts');
  const absence = await dockerAbsence(say);
  if (!absence) {
    say('Postgres and RabbitMQ in Docker, by Testcontainers');
    return startDockerInfrastructure(onOwnServer);
  }
  if (forced) throw new ReadableError(`INFRA=docker, but ${absence}.`);
  say(`Postgres and RabbitMQ from programs of this machine, because ${absence}`);
  return startLocalInfrastructure(onOwnServer);
}

function namedByEnvironment(env: NodeJS.ProcessEnv): Servers | undefined {
  const { DATABASE_URL: databaseUrl, AMQP_URL: amqpUrl, RABBITMQ_MANAGEMENT_URL: managementUrl } = env;
  if (!databaseUrl && !amqpUrl) return undefined;
  if (!databaseUrl || !amqpUrl) {
    const [present, missing] = databaseUrl ? ['DATABASE_URL', 'AMQP_URL'] : ['AMQP_URL', 'DATABASE_URL'];
    throw new ReadableError(`${present} is set and ${missing} is not. Set both to use running servers, or neither.`);
  }
  return {
    provider: 'environment',
    databaseUrl,
    amqpUrl,
    managementUrl: managementUrl || defaultManagementUrl(amqpUrl),
    failed: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/** The management plugin's usual place: the same host and credentials, port 15672. In a cluster each node answers for all. */
function defaultManagementUrl(amqpUrl: string): string {
  const { username, password, hostname } = new URL(brokerNodes(amqpUrl)[0] ?? amqpUrl);
  return `http://${username || 'guest'}:${password || 'guest'}@${hostname}:15672`;
}

async function startLocalInfrastructure<Prepared>(
  options: InfrastructureOptions<Prepared>,
): Promise<Infrastructure<Prepared>> {
  const [postgres, rabbitmq] = await Promise.allSettled([startPreparedPostgres(options), startLocalRabbitmq(options)]);
  if (postgres.status === 'fulfilled' && rabbitmq.status === 'fulfilled') {
    const { databaseUrl, prepared } = postgres.value;
    const { amqpUrl, managementUrl } = rabbitmq.value;
    const failed = Promise.race([postgres.value.failed, rabbitmq.value.failed]);
    const stop = async () => {
      await Promise.all([postgres.value.stop(), rabbitmq.value.stop()]);
    };
    return { provider: 'local', databaseUrl, amqpUrl, managementUrl, prepared, failed, stop };
  }
  const started = [postgres, rabbitmq].filter((result) => result.status === 'fulfilled');
  await Promise.all(started.map((result) => result.value.stop()));
  const failures = [postgres, rabbitmq].filter((result) => result.status === 'rejected').map((result) => result.reason);
  throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'Postgres and RabbitMQ did not start');
}

async function startPreparedPostgres<Prepared>(
  options: InfrastructureOptions<Prepared>,
): Promise<LocalPostgres & { prepared: Prepared }> {
  const postgres = await startLocalPostgres(options);
  try {
    return { ...postgres, prepared: await options.prepare(postgres.databaseUrl) };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
