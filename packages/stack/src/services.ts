import { join } from 'node:path';
import { serviceCaller } from '@evergreen/service-kit/service-callers.ts';
import type { BrokerUrls } from './broker.ts';
import type { ServiceDatabase } from './databases.ts';
import { evergreenDirectory, type ProcessName, type ServiceName, serviceEntry, serviceNames } from './paths.ts';
import type { ProcessSpec } from './supervisor.ts';

/** What the processes of one stack are told about each other. */
export interface StackSettings {
  nodeEnv: 'development' | 'test';
  ports: Record<ProcessName, number>;
  databases: Record<ServiceName, ServiceDatabase>;
  brokerUrls: BrokerUrls;
  /** With which subscriptions asks the other services what they have in hand. */
  serviceToken: string;
  /** With which the wallet signs in to the payment gateway. */
  gatewayApiKey: string;
  /** The folder with the built web app; without it the edge has none. */
  webRoot?: string | undefined;
  /** Added to a process' environment last. */
  extraEnvironment?: Partial<Record<ProcessName, Record<string, string>>>;
}

export const processNames: ProcessName[] = [...serviceNames, 'edge'];

/** Settings of the person's shell that are meant for the stack itself and must not reach a service. */
const notInherited = ['DATABASE_URL', 'AMQP_URL', 'RABBITMQ_MANAGEMENT_URL', 'DEMO_PASSWORD', 'INFRA', 'NODE_OPTIONS'];

/** Every process of the stack, ready for the supervisor. The edge is stopped before what it passes requests on to. */
export function describeProcesses(settings: StackSettings, names: ProcessName[] = processNames): ProcessSpec[] {
  return names.map((name) => ({
    name,
    args: [serviceEntry(name)],
    port: settings.ports[name],
    env: { ...inheritedEnvironment(), ...environmentOf(name, settings), ...settings.extraEnvironment?.[name] },
    stopStage: name === 'edge' ? 0 : 1,
  }));
}

function environmentOf(name: ProcessName, settings: StackSettings): Record<string, string> {
  const urlOf = (process: ProcessName) => `http://127.0.0.1:${settings.ports[process]}`;
  const edgeOrigins = [`http://localhost:${settings.ports.edge}`, urlOf('edge')].join(',');
  const common = {
    NODE_ENV: settings.nodeEnv,
    LOG_LEVEL: process.env.LOG_LEVEL || 'info',
    HOST: '127.0.0.1',
    PORT: String(settings.ports[name]),
    AUTH_JWKS_URL: `${urlOf('auth')}/.well-known/jwks.json`,
    AUTH_ISSUER: 'evergreen',
    // The edge runs on this machine, and tells where requests come from.
    TRUSTED_PROXIES: 'loopback',
  };
  const owning = (service: ServiceName) => ({
    ...common,
    DATABASE_URL: settings.databases[service].url,
    AMQP_URL: settings.brokerUrls[service],
    SERVICE_CALLERS: serviceCaller('subscriptions', settings.serviceToken),
  });
  const simulatedClock = { SIMULATED_CLOCK: 'true' };
  const gatewayApiKey = { GATEWAY_API_KEY: settings.gatewayApiKey };
  switch (name) {
    case 'auth':
      return owning(name);
    case 'gateway':
      return { ...owning(name), ...gatewayApiKey };
    case 'wallet':
      return { ...owning(name), ...gatewayApiKey, ...simulatedClock, GATEWAY_URL: urlOf('gateway') };
    case 'subscriptions':
      return {
        ...owning(name),
        ...simulatedClock,
        SERVICE_TOKEN: settings.serviceToken,
        ACTIVITY_URLS: [urlOf('auth'), urlOf('wallet'), urlOf('gateway'), urlOf('notifier')].join(','),
      };
    case 'notifier':
      return { ...owning(name), ...simulatedClock, ALLOWED_ORIGINS: edgeOrigins };
    case 'edge':
      return {
        ...common,
        AUTH_URL: urlOf('auth'),
        WALLET_URL: urlOf('wallet'),
        SUBSCRIPTIONS_URL: urlOf('subscriptions'),
        GATEWAY_URL: urlOf('gateway'),
        NOTIFIER_URL: urlOf('notifier'),
        ...(settings.webRoot && { WEB_ROOT: settings.webRoot, DEMO_SIGN_IN: 'true' }),
      };
    default:
      return name satisfies never;
  }
}

function inheritedEnvironment(): NodeJS.ProcessEnv {
  const inherited = { ...process.env };
  for (const name of Object.keys(inherited)) {
    if (notInherited.includes(name) || name.startsWith('PG') || name.startsWith('TEST_')) delete inherited[name];
  }
  // Compiled code is kept between starts, which spares a third of the time a service needs to load.
  return { ...inherited, NODE_COMPILE_CACHE: join(evergreenDirectory, 'compile-cache') };
}
