import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitCondition } from './await-condition.ts';
import type { DataDirectory } from './data-directory.ts';
import { startEpmd } from './local-rabbitmq.ts';
import { end, launch, type OwnedProcess, type StopManner } from './processes.ts';
import { rabbitmqManagement } from './rabbitmq-management.ts';
import { amqpUrlOf, awaitReady, managementUrlOf, type RabbitmqNode, writeConfiguration } from './rabbitmq-node.ts';
import { findRabbitmq, type RabbitmqProgram } from './rabbitmq-program.ts';

/** A RabbitMQ of several nodes on loopback whose nodes can be killed and started again, for trials. */
export interface RabbitmqCluster {
  /** The URLs of all nodes, of a user with all rights, separated by commas. */
  amqpUrl: string;
  /** The management API of the first node that runs, which answers for all. */
  managementUrl(): string;
  /** Erlang names, as in evergreen-1@localhost. */
  names: readonly string[];
  /** Ends a node as a power cut would, with SIGKILL, and answers when it is gone. */
  kill(name: string): Promise<void>;
  /** Starts a node that was killed, and answers when it serves clients and all that run see each other. */
  start(...names: string[]): Promise<void>;
  stop(): Promise<void>;
}

const stopManner: StopManner = { signal: 'SIGKILL', graceMs: 1_000 };
const joinTimeoutMs = 60_000;

/** Starts `size` nodes with one cookie, and waits until each sees all others. */
export async function startRabbitmqCluster(options: {
  directory: DataDirectory;
  size: number;
  say: (detail: string) => void;
}): Promise<RabbitmqCluster> {
  const { directory, size, say } = options;
  const program = await findRabbitmq(say);
  const nodes = await describeNodes(directory, size);
  const environments = new Map(nodes.map((node) => [node.name, writeConfiguration(node, program)]));
  const epmd = await startEpmd(directory.path, program, environments.values().next().value ?? {});
  const running = new Map<string, OwnedProcess>();
  const managementUrl = (): string => {
    const node = nodes.find(({ name }) => running.has(name));
    if (!node) throw new Error('no node of the cluster runs');
    return managementUrlOf(node);
  };
  const kill = async (name: string) => {
    const broker = running.get(name);
    if (!broker) throw new Error(`${name} does not run`);
    running.delete(name);
    await end(broker, stopManner);
  };
  const start = async (...names: string[]) => {
    // All at once: nodes that were killed together may wait for each other.
    const those = nodes.filter(({ name }) => names.includes(name));
    for (const node of those)
      running.set(node.name, await launchNode(directory, program, node, environments.get(node.name)));
    await Promise.all(those.map((node) => awaitReady(node, running.get(node.name) as OwnedProcess)));
    await awaitCondition(
      async () => {
        const seen = await Promise.all(
          nodes
            .filter(({ name }) => running.has(name))
            .map(async (node) =>
              (await rabbitmqManagement(managementUrlOf(node)).nodes()).filter((one) => one.running),
            ),
        );
        return seen.every((list) => list.length === running.size) || undefined;
      },
      { what: `${names.join(' and ')} to join the cluster`, timeoutMs: joinTimeoutMs },
    );
  };
  const stop = async () => {
    await Promise.all([...running.keys()].map(kill));
    await epmd.stop();
  };
  try {
    await start(...nodes.map(({ name }) => name));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    amqpUrl: nodes.map(amqpUrlOf).join(','),
    managementUrl,
    names: nodes.map(({ name }) => name),
    kill,
    start,
    stop,
  };
}

async function describeNodes(directory: DataDirectory, size: number): Promise<RabbitmqNode[]> {
  const home = join(directory.path, 'rabbitmq-cluster');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  // Whoever has it may do anything on any node.
  writeFileSync(join(home, '.erlang.cookie'), directory.secret('erlangCookie'), { mode: 0o400 });
  const suffix = directory.secret('rabbitmqCluster', () => `${process.pid}-${Date.now().toString(36)}`);
  const names = Array.from({ length: size }, (_, index) => `evergreen-${suffix}-${index + 1}@localhost`);
  const epmd = await directory.port('epmd');
  const settings = [
    'cluster_formation.peer_discovery_backend = classic_config',
    ...names.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
    // A node that sees no majority ends its clients' connections, and they go to one that does.
    'cluster_partition_handling = pause_minority',
    // Else all queues are led by the node they were declared on.
    'queue_leader_locator = balanced',
  ];
  const nodes: RabbitmqNode[] = [];
  for (const [index, name] of names.entries()) {
    const of = (what: string) => directory.port(`${what}${index + 1}`);
    nodes.push({
      name,
      folder: join(home, String(index + 1)),
      home,
      ports: {
        amqp: await of('amqp'),
        management: await of('rabbitmqManagement'),
        distribution: await of('rabbitmqDistribution'),
        epmd,
      },
      password: directory.secret('amqpPassword'),
      settings,
    });
  }
  return nodes;
}

function launchNode(
  directory: DataDirectory,
  program: RabbitmqProgram,
  { name }: RabbitmqNode,
  env: NodeJS.ProcessEnv = {},
): Promise<OwnedProcess> {
  const label = `rabbitmq-${name.replace(/^.*-(\d+)@.*$/, '$1')}`;
  return launch(
    { directory: directory.path, name: label, command: program.server, args: [], env, cwd: '/' },
    stopManner,
  );
}
