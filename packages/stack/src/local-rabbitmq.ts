import { join } from 'node:path';
import type { InfrastructureOptions } from './infrastructure.ts';
import { end, endedUnasked, launch, type OwnedProcess, type StopManner } from './processes.ts';
import { amqpUrlOf, awaitReady, managementUrlOf, type RabbitmqNode, writeConfiguration } from './rabbitmq-node.ts';
import { findRabbitmq, type RabbitmqProgram } from './rabbitmq-program.ts';

export interface LocalRabbitmq {
  amqpUrl: string;
  managementUrl: string;
  /** Resolves with a sentence when the server ends unasked. */
  failed: Promise<string>;
  stop(): Promise<void>;
}

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
  // The name is remembered, not derived from the path: the data stays the broker's when the checkout is moved.
  const name = directory.secret('rabbitmqNode', () => `evergreen-${process.pid}-${Date.now().toString(36)}`);
  const home = join(directory.path, 'rabbitmq');
  const node: RabbitmqNode = {
    name: `${name}@localhost`,
    folder: home,
    home,
    ports: {
      amqp: await directory.port('amqp'),
      management: await directory.port('rabbitmqManagement'),
      distribution: await directory.port('rabbitmqDistribution'),
      epmd: await directory.port('epmd'),
    },
    password: directory.secret('amqpPassword'),
  };
  const env = writeConfiguration(node, program);
  // The broker's stop can hang for seconds after everything is written; confirmed messages survive SIGKILL anyway.
  const brokerStop: StopManner = throwaway
    ? { signal: 'SIGKILL', graceMs: 1_000 }
    : { signal: 'SIGTERM', graceMs: 3_000 };
  const epmd = await startEpmd(directory.path, program, env);
  let broker: OwnedProcess | undefined;
  const stop = async () => {
    if (broker) await end(broker, brokerStop);
    await epmd.stop();
  };
  try {
    broker = await launch(
      { directory: directory.path, name: 'rabbitmq', command: program.server, args: [], env, cwd: '/' },
      brokerStop,
    );
    await awaitReady(node, broker, signal);
    return { amqpUrl: amqpUrlOf(node), managementUrl: managementUrlOf(node), failed: endedUnasked(broker), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts Erlang's port mapper, by which nodes of one machine find each other, on the port that `env` names. */
export async function startEpmd(
  directory: string,
  program: RabbitmqProgram,
  env: NodeJS.ProcessEnv,
): Promise<{ stop(): Promise<void> }> {
  const args = ['-port', String(env.ERL_EPMD_PORT)];
  const epmd = await launch({ directory, name: 'epmd', command: program.epmd, args, env, cwd: '/' }, epmdStop);
  return { stop: () => end(epmd, epmdStop) };
}
