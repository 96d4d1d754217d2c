import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitCondition } from './await-condition.ts';
import type { DataDirectory } from './data-directory.ts';
import type { InfrastructureOptions } from './infrastructure.ts';
import { end, endedUnasked, launch, logTail, type OwnedProcess, type StopManner } from './processes.ts';
import { type RabbitmqManagement, rabbitmqManagement } from './rabbitmq-management.ts';
import { findRabbitmq, type RabbitmqProgram } from './rabbitmq-program.ts';

export interface LocalRabbitmq {
  amqpUrl: string;
  managementUrl: string;
  /** Resolves with a sentence when the server ends unasked. */
  failed: Promise<string>;
  stop(): Promise<void>;
}

interface Ports {
  amqp: number;
  management: number;
  distribution: number;
  epmd: number;
}

const user = 'evergreen';
const readyTimeoutMs = 90_000;
const epmdStop: StopManner = { signal: 'SIGTERM', graceMs: 2_000 };

/**
 * Starts a private RabbitMQ with the management plugin on loopback, beside any other broker: node name, cookie,
 * ports, port mapper and data are its own, in <data>/rabbitmq.
 */
export async function startLocalRabbitmq(
  options: Omit<InfrastructureOptions<never>, 'prepare'>,
): Promise<LocalRabbitmq> {
  const { directory, throwaway, signal } = options;
  const program = await findRabbitmq(options.say, signal);
  const ports: Ports = {
    amqp: await directory.port('amqp'),
    management: await directory.port('rabbitmqManagement'),
    distribution: await directory.port('rabbitmqDistribution'),
    epmd: await directory.port('epmd'),
  };
  const password = directory.secret('amqpPassword');
  const env = writeConfiguration(directory, program, ports, password);
  // The broker's stop can hang for seconds after everything is written; confirmed messages survive SIGKILL anyway.
  const brokerStop: StopManner = throwaway
    ? { signal: 'SIGKILL', graceMs: 1_000 }
    : { signal: 'SIGTERM', graceMs: 3_000 };
  const epmd = await launch(
    {
      directory: directory.path,
      name: 'epmd',
      command: program.epmd,
      args: ['-port', String(ports.epmd)],
      env,
      cwd: '/',
    },
    epmdStop,
  );
  let broker: OwnedProcess | undefined;
  const stop = async () => {
    if (broker) await end(broker, brokerStop);
    await end(epmd, epmdStop);
  };
  try {
    broker = await launch(
      { directory: directory.path, name: 'rabbitmq', command: program.server, args: [], env, cwd: '/' },
      brokerStop,
    );
    const managementUrl = `http://${user}:${password}@127.0.0.1:${ports.management}`;
    await awaitReady(rabbitmqManagement(managementUrl), ports, broker, signal);
    return {
      amqpUrl: `amqp://${user}:${password}@127.0.0.1:${ports.amqp}`,
      managementUrl,
      failed: endedUnasked(broker),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeConfiguration(
  directory: DataDirectory,
  program: RabbitmqProgram,
  ports: Ports,
  password: string,
): NodeJS.ProcessEnv {
  const home = join(directory.path, 'rabbitmq');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const configuration = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    `default_user = ${user}`,
    `default_pass = ${password}`,
    'log.console = true',
    'log.console.level = info',
    'log.file = false',
    // Statistics of queues are at most this old; tests and the operator console read them.
    'collect_statistics_interval = 1000',
    '',
  ];
  writeFileSync(join(home, 'rabbitmq.conf'), configuration.join('\n'), { mode: 0o600 });
  writeFileSync(join(home, 'enabled_plugins'), '[rabbitmq_management].\n');
  // The name is remembered, not derived from the path: the data stays the broker's when the checkout is moved.
  const node = directory.secret('rabbitmqNode', () => `evergreen-${process.pid}-${Date.now().toString(36)}`);
  return {
    PATH: process.env.PATH,
    ...program.env,
    HOME: home,
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: `${node}@localhost`,
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_MNESIA_BASE: home,
    RABBITMQ_LOG_BASE: home,
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/nonexistent',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // Makes the start script become the broker instead of waiting beside it, so signals reach the broker itself.
    RUNNING_UNDER_SYSTEMD: 'true',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP: join(home, 'erl_crash.dump'),
  };
}

async function awaitReady(
  management: RabbitmqManagement,
  ports: Ports,
  broker: OwnedProcess,
  signal?: AbortSignal,
): Promise<void> {
  await awaitCondition(async () => ((await management.isListening(ports.amqp)) ? true : undefined), {
    what: `Starting RabbitMQ (log: ${broker.logFile})`,
    timeoutMs: readyTimeoutMs,
    giveUp: () => {
      signal?.throwIfAborted();
      if (broker.exit()) throw new Error(`RabbitMQ did not start:\n${logTail(broker.logFile, 10)}`);
    },
  });
}
