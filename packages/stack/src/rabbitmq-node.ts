import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitCondition } from './await-condition.ts';
import { logTail, type OwnedProcess } from './processes.ts';
import { rabbitmqManagement } from './rabbitmq-management.ts';
import type { RabbitmqProgram } from './rabbitmq-program.ts';

export interface RabbitmqPorts {
  amqp: number;
  management: number;
  distribution: number;
  epmd: number;
}

/** One RabbitMQ on loopback, beside any other. */
export interface RabbitmqNode {
  /** Its Erlang name, as in evergreen-1@localhost. */
  name: string;
  /** Its folder: configuration, data and crash dumps. */
  folder: string;
  /** The folder with Erlang's cookie, which nodes of one cluster share. */
  home: string;
  ports: RabbitmqPorts;
  password: string;
  /** Lines of rabbitmq.conf beyond those every node has. */
  settings?: readonly string[];
}

/** The administrator of nodes that are started here. */
export const rabbitmqUser = 'evergreen';

const readyTimeoutMs = 90_000;

/** Writes the node's configuration, and answers the environment it is started in. */
export function writeConfiguration(node: RabbitmqNode, program: RabbitmqProgram): NodeJS.ProcessEnv {
  const { folder, ports } = node;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const configuration = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    `default_user = ${rabbitmqUser}`,
    `default_pass = ${node.password}`,
    'log.console = true',
    'log.console.level = info',
    'log.file = false',
    // Statistics of queues are at most this old; tests and the operator console read them.
    'collect_statistics_interval = 1000',
    ...(node.settings ?? []),
    '',
  ];
  writeFileSync(join(folder, 'rabbitmq.conf'), configuration.join('\n'), { mode: 0o600 });
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_management].\n');
  return {
    PATH: process.env.PATH,
    ...program.env,
    HOME: node.home,
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: node.name,
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/nonexistent',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // Makes the start script become the broker instead of waiting beside it, so signals reach the broker itself.
    RUNNING_UNDER_SYSTEMD: 'true',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP: join(folder, 'erl_crash.dump'),
  };
}

export const amqpUrlOf = ({ ports, password }: RabbitmqNode): string =>
  `amqp://${rabbitmqUser}:${password}@127.0.0.1:${ports.amqp}`;

export const managementUrlOf = ({ ports, password }: RabbitmqNode): string =>
  `http://${rabbitmqUser}:${password}@127.0.0.1:${ports.management}`;

/**
 * Waits until the node serves clients.
 * @throws Error when it has not in 90 s, or ended
 */
export async function awaitReady(node: RabbitmqNode, broker: OwnedProcess, signal?: AbortSignal): Promise<void> {
  const management = rabbitmqManagement(managementUrlOf(node));
  await awaitCondition(async () => ((await management.isListening(node.ports.amqp)) ? true : undefined), {
    what: `Starting RabbitMQ (log: ${broker.logFile})`,
    timeoutMs: readyTimeoutMs,
    giveUp: () => {
      signal?.throwIfAborted();
      if (broker.exit()) throw new Error(`RabbitMQ did not start:\n${logTail(broker.logFile, 10)}`);
    },
  });
}
