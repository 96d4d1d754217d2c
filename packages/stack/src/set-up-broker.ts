import { BROKER_NODES } from '@evergreen/service-kit/broker-nodes.ts';
import { ConfigError, readConfig } from '@evergreen/service-kit/config.ts';
import { messageOf } from '@evergreen/service-kit/error-message.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import { Type } from 'typebox';
import { setUpBroker } from './broker.ts';

// Declares queues and makes the services' users on a broker, where no `npm start` does it. Run it before the services
// start, with each new version, and again should the broker ever lose its data. What is there stays, but for the users'
// passwords, which are set to these.

const Password = Type.String({ minLength: 16, description: 'a secret of at least 16 characters' });

const CONFIG = {
  AMQP_URL: Type.String({ ...BROKER_NODES, description: "the administrator's amqp:// URL, of one node or several" }),
  RABBITMQ_MANAGEMENT_URL: Type.String({ pattern: '^https?://', description: "the administrator's http:// URL" }),
  AUTH_AMQP_PASSWORD: Password,
  GATEWAY_AMQP_PASSWORD: Password,
  WALLET_AMQP_PASSWORD: Password,
  SUBSCRIPTIONS_AMQP_PASSWORD: Password,
  NOTIFIER_AMQP_PASSWORD: Password,
};

try {
  const config = readConfig(CONFIG);
  const passwords = {
    auth: config.AUTH_AMQP_PASSWORD,
    gateway: config.GATEWAY_AMQP_PASSWORD,
    wallet: config.WALLET_AMQP_PASSWORD,
    subscriptions: config.SUBSCRIPTIONS_AMQP_PASSWORD,
    notifier: config.NOTIFIER_AMQP_PASSWORD,
  };
  const broker = { amqpUrl: config.AMQP_URL, managementUrl: config.RABBITMQ_MANAGEMENT_URL };
  await setUpBroker(broker, (service) => passwords[service]);
  console.log('The broker is set up: exchanges, queues, and a user for each service.');
} catch (error) {
  console.error(`The broker cannot be set up: ${messageOf(error)}`);
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
}
