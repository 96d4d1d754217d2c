import { ConfigError, readConfig } from '@evergreen/service-kit/config.ts';
import { messageOf } from '@evergreen/service-kit/error-message.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import { Type } from 'typebox';
import { prepareDatabases } from './databases.ts';
import { derivedPassword } from './derived-password.ts';

// Makes a database and its two roles for each service on a server, and applies all migrations, where no `npm start` does it.
// Run it before the services start, and with each new version. What is there stays, but for the passwords of the roles, which are
// set to these. Those of the roles that own the databases follow from the administrator's: nobody but this command needs them.

const Password = Type.String({ minLength: 16, description: 'a secret of at least 16 characters' });

const CONFIG = {
  DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://', description: "the administrator's postgresql:// URL" }),
  AUTH_DATABASE_PASSWORD: Password,
  GATEWAY_DATABASE_PASSWORD: Password,
  WALLET_DATABASE_PASSWORD: Password,
  SUBSCRIPTIONS_DATABASE_PASSWORD: Password,
  NOTIFIER_DATABASE_PASSWORD: Password,
};

try {
  const config = readConfig(CONFIG);
  const passwords: Record<string, string> = {
    evergreen_auth: config.AUTH_DATABASE_PASSWORD,
    evergreen_gateway: config.GATEWAY_DATABASE_PASSWORD,
    evergreen_wallet: config.WALLET_DATABASE_PASSWORD,
    evergreen_subscriptions: config.SUBSCRIPTIONS_DATABASE_PASSWORD,
    evergreen_notifier: config.NOTIFIER_DATABASE_PASSWORD,
  };
  await prepareDatabases(config.DATABASE_URL, (role) => passwords[role] ?? derivedPassword(config.DATABASE_URL, role));
  console.log('The databases are set up: one for each service, with its roles and all migrations.');
} catch (error) {
  console.error(`The databases cannot be set up: ${messageOf(error)}`);
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
}
