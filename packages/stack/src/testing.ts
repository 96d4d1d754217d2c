import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AdministeredBroker, type BrokerUrls, createVhost } from './broker.ts';
import { openDataDirectory } from './data-directory.ts';
import { cloneTemplate, dropDatabase, type ServiceDatabase } from './databases.ts';
import { type ProcessName, type ServiceName, serviceNames } from './paths.ts';
import { rabbitmqManagement } from './rabbitmq-management.ts';
import { createOperator } from './seed.ts';
import { describeProcesses, processNames } from './services.ts';
import { type Supervisor, supervise } from './supervisor.ts';
import { buildWebApp } from './web-app.ts';

export interface TestDatabase extends ServiceDatabase {
  drop(): Promise<void>;
}

export interface TestVhost {
  /** For the test itself: a user with all rights. */
  amqpUrl: string;
  /** For the services: a user each, with the rights it has in earnest. */
  urls: BrokerUrls;
  name: string;
  drop(): Promise<void>;
}

export interface TestStackOptions {
  /** Added to the environment of single processes. */
  env?: Partial<Record<ProcessName, Record<string, string>>>;
  /** Which processes to start; all of them by default. */
  services?: ProcessName[];
  /** Whether the edge serves the web app, which is built when it is not yet; false if left out. */
  web?: boolean;
  /** Another broker than that of the test run, on which `createUsers` has made the services' users. */
  broker?: AdministeredBroker;
  /** Databases that outlive the stack, in place of new ones. */
  databases?: Partial<Record<ServiceName, ServiceDatabase>>;
}

/** A whole system of real processes that nobody else uses. */
export interface TestStack {
  /** The edge's origin, as in http://127.0.0.1:23456. */
  baseUrl: string;
  /** The origin of each process. */
  urls: Record<ProcessName, string>;
  /** Of the services that were to be started. */
  databases: Record<ServiceName, ServiceDatabase>;
  /** For the test itself: of a user with all rights, where the services have but their own. */
  amqpUrl: string;
  /** Of each service's own broker user. */
  brokerUrls: BrokerUrls;
  /** What subscriptions says to the others' internal routes. */
  serviceToken: string;
  gatewayApiKey: string;
  supervisor: Supervisor;
  /** The file with a process' log. */
  logFile(name: ProcessName): string;
  /** Creates an operator's account, which no public route can. */
  createOperator(email: string, password: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Keeps a log line of a service that runs within a test, among the logs of the run: they are searched for secrets when it has ended.
 */
export function keepLogLine(service: ServiceName | 'edge', line: string): void {
  appendFileSync(join(setting('TEST_DIRECTORY'), 'logs', `${service}-in-tests.log`), line);
}

/** An empty, migrated database of the service, cloned from the template that `npm test` has prepared. */
export async function createTestDatabase(service: ServiceName): Promise<TestDatabase> {
  const adminUrl = setting('TEST_DATABASE_ADMIN_URL');
  const database = await cloneTemplate(adminUrl, service);
  return { ...database, drop: () => dropDatabase(adminUrl, database.name) };
}

/** A virtual host of its own on the broker, with the topology, so that queues of the same name do not meet. */
export async function createTestVhost(broker: AdministeredBroker = brokerOfRun()): Promise<TestVhost> {
  const name = `evergreen-test-${randomBytes(5).toString('hex')}`;
  const vhost = await createVhost(broker, name);
  return { ...vhost, name, drop: () => rabbitmqManagement(broker.managementUrl).deleteVhost(name) };
}

const brokerOfRun = (): AdministeredBroker => ({
  amqpUrl: setting('TEST_AMQP_URL'),
  managementUrl: setting('TEST_RABBITMQ_MANAGEMENT_URL'),
});

/** Starts the services as `npm start` does, on databases, a virtual host and ports of their own, without seeds. */
export async function startTestStack(options: TestStackOptions = {}): Promise<TestStack> {
  const path = join(setting('TEST_DIRECTORY'), `stack-${randomBytes(5).toString('hex')}`);
  const directory = await openDataDirectory(path);
  const undo: (() => Promise<unknown> | unknown)[] = [() => directory.release()];
  const stop = async () => {
    const errors: unknown[] = [];
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  };
  try {
    const vhost = await createTestVhost(options.broker);
    undo.push(() => vhost.drop());
    const databases = { ...options.databases } as Record<ServiceName, ServiceDatabase>;
    const wanted = serviceNames.filter((service) => options.services?.includes(service) ?? true);
    for (const service of wanted.filter((name) => !databases[name])) {
      const database = await createTestDatabase(service);
      databases[service] = database;
      undo.push(() => database.drop());
    }
    const ports = {} as Record<ProcessName, number>;
    for (const name of processNames) ports[name] = await directory.port(name);
    const settings = {
      nodeEnv: 'test' as const,
      ports,
      databases,
      brokerUrls: vhost.urls,
      serviceToken: directory.secret('serviceToken'),
      gatewayApiKey: directory.secret('gatewayApiKey'),
      webRoot: options.web ? await buildWebApp() : undefined,
      extraEnvironment: withRoomyLimits(options.env),
    };
    const specs = describeProcesses(settings, options.services);
    const said: string[] = [];
    const supervisor = supervise({ directory: path, specs, say: (line) => said.push(line) });
    undo.push(async () => {
      await supervisor.stop();
      expectNoneEndedByItself(said, directory.logs);
    });
    await supervisor.start();
    const urls = Object.fromEntries(processNames.map((name) => [name, `http://127.0.0.1:${ports[name]}`]));
    return {
      baseUrl: `http://127.0.0.1:${ports.edge}`,
      urls: urls as Record<ProcessName, string>,
      databases,
      amqpUrl: vhost.amqpUrl,
      brokerUrls: vhost.urls,
      serviceToken: settings.serviceToken,
      gatewayApiKey: settings.gatewayApiKey,
      supervisor,
      logFile: (name) => join(directory.logs, `${name}.log`),
      createOperator: (email, password) => createOperator({ databaseUrl: databases.auth.url, email, password }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A service that ends by itself is started again, which a test that waits would not even notice. One that is killed ends by a signal. */
function expectNoneEndedByItself(said: readonly string[], logs: string): void {
  const ending = said.find((line) => line.includes(' ended (exit code '));
  if (ending === undefined) return;
  const log = join(logs, `${ending.split(' ', 1)[0]}.log`);
  const reason = readFileSync(log, 'utf8')
    .split('\n')
    .find((line) => line.startsWith('{"level":60,'));
  throw new Error(`${ending}\n${reason?.slice(0, 2_000) ?? 'It logged no error.'}`);
}

/** All people of a test share one address, and do in seconds what people do in months. What a test sets itself counts. */
function withRoomyLimits(env: TestStackOptions['env'] = {}): NonNullable<TestStackOptions['env']> {
  const roomy = '1000000/1h';
  const ofAuth = {
    LOGIN_LIMIT_PER_ADDRESS: roomy,
    PASSWORD_CHECK_LIMIT: roomy,
    REGISTER_LIMIT_PER_ADDRESS: roomy,
    REFRESH_LIMIT_PER_ACCOUNT: roomy,
    REFRESH_LIMIT_PER_ADDRESS: roomy,
  };
  const ofWallet = {
    TOP_UP_LIMIT_PER_ACCOUNT: roomy,
    TOP_UP_LIMIT_PER_ADDRESS: roomy,
    SETTINGS_LIMIT_PER_ACCOUNT: roomy,
  };
  const ofSubscriptions = { COMMAND_LIMIT_PER_ACCOUNT: roomy };
  return {
    ...env,
    auth: { ...ofAuth, ...env.auth },
    wallet: { ...ofWallet, ...env.wallet },
    subscriptions: { ...ofSubscriptions, ...env.subscriptions },
  };
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: run the tests with npm test, for example npm test -- services/wallet`);
  return value;
}
