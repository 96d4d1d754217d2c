import { EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import { brokerNodes, changeEachNode } from '@evergreen/service-kit/broker-nodes.ts';
import { brokerRights } from '@evergreen/service-kit/broker-rights.ts';
import { setUpTopology } from '@evergreen/service-kit/topology.ts';
import { derivedPassword } from './derived-password.ts';
import { type ServiceName, serviceNames } from './paths.ts';
import { type RabbitmqManagement, rabbitmqManagement } from './rabbitmq-management.ts';
import { ReadableError } from './readable-error.ts';

/**
 * A broker and its administrator, whose URLs carry user and password; `amqpUrl` names the virtual host. Of a cluster it may name several
 * nodes, separated by commas, which share users and virtual hosts; the services are then given all of them.
 */
export interface AdministeredBroker {
  amqpUrl: string;
  managementUrl: string;
}

/** How each service signs in to a virtual host. */
export type BrokerUrls = Record<ServiceName, string>;

type PasswordOf = (service: ServiceName) => string;

const userOf = (service: ServiceName): string => `evergreen_${service}`;

/** Passwords that follow from the administrator's, as those of the database roles do: the same in every virtual host. */
function derivedFrom(amqpUrl: string): PasswordOf {
  const server = firstNode(amqpUrl);
  server.pathname = '';
  return (service) => derivedPassword(server.href, userOf(service));
}

/**
 * Makes the virtual host of `amqpUrl` ready for services: the topology, and a user for each service with the rights it
 * needs. Idempotent. Where users cannot be made, `say` is told why, and all services share the user of `amqpUrl`.
 */
export async function prepareBroker(broker: AdministeredBroker, say: (detail: string) => void): Promise<BrokerUrls> {
  await setUpTopology(broker.amqpUrl);
  const obstacle = await rabbitmqManagement(broker.managementUrl).obstacle();
  if (obstacle !== undefined) {
    say(`all services share the user of AMQP_URL, as ${obstacle}`);
    return brokerUrls(broker.amqpUrl, undefined);
  }
  await createUsers(broker, derivedFrom(broker.amqpUrl));
  await grantRights(broker);
  return brokerUrls(broker.amqpUrl, derivedFrom(broker.amqpUrl));
}

/**
 * As `prepareBroker`, with passwords that somebody else has chosen.
 * @throws ReadableError where users cannot be made
 */
export async function setUpBroker(broker: AdministeredBroker, passwordOf: PasswordOf): Promise<void> {
  const obstacle = await rabbitmqManagement(broker.managementUrl).obstacle();
  if (obstacle !== undefined) throw new ReadableError(`Users cannot be made, as ${obstacle}.`);
  await setUpTopology(broker.amqpUrl);
  await createUsers(broker, passwordOf);
  await grantRights(broker);
}

/** Makes the services' users, who may do nothing yet. Those that exist get their password again. */
export async function createUsers(
  broker: AdministeredBroker,
  passwordOf: PasswordOf = derivedFrom(broker.amqpUrl),
): Promise<void> {
  const management = rabbitmqManagement(broker.managementUrl);
  for (const service of serviceNames) await management.createUser(userOf(service), passwordOf(service));
}

/** Makes a virtual host for tests, for users that `createUsers` has made. */
export async function createVhost(
  broker: AdministeredBroker,
  name: string,
): Promise<{ amqpUrl: string; urls: BrokerUrls }> {
  const management = rabbitmqManagement(broker.managementUrl);
  await management.createVhost(name, decodeURIComponent(firstNode(broker.amqpUrl).username) || 'guest');
  const amqpUrl = changeEachNode(broker.amqpUrl, (url) => {
    url.pathname = `/${name}`;
  });
  await Promise.all([setUpTopology(amqpUrl), grantRights({ ...broker, amqpUrl })]);
  return { amqpUrl, urls: brokerUrls(amqpUrl, derivedFrom(broker.amqpUrl)) };
}

async function grantRights({ amqpUrl, managementUrl }: AdministeredBroker): Promise<void> {
  const management: RabbitmqManagement = rabbitmqManagement(managementUrl);
  const vhost = decodeURIComponent(firstNode(amqpUrl).pathname.slice(1)) || '/';
  await Promise.all(
    serviceNames.map(async (service) => {
      const { topics, ...rights } = brokerRights(service);
      // First the topics: where none are set, every routing key is allowed.
      await management.grantTopics(vhost, userOf(service), { exchange: EVENT_EXCHANGE, ...topics });
      await management.grant(vhost, userOf(service), rights);
    }),
  );
}

function brokerUrls(adminUrl: string, passwordOf: PasswordOf | undefined): BrokerUrls {
  const urlOf = (service: ServiceName) =>
    changeEachNode(adminUrl, (url) => {
      if (!passwordOf) return;
      url.username = userOf(service);
      url.password = passwordOf(service);
    });
  return Object.fromEntries(serviceNames.map((service) => [service, urlOf(service)])) as BrokerUrls;
}

const firstNode = (amqpUrl: string): URL => new URL(brokerNodes(amqpUrl)[0] ?? amqpUrl);
