import { ConfigError, readConfig } from '@evergreen/service-kit/config.ts';
import { messageOf } from '@evergreen/service-kit/error-message.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import { Type } from 'typebox';
import { playHistory } from './demo-history.ts';
import { operatorEmail, seed } from './seed.ts';
import { signInLinks } from './sign-in-links.ts';

// The last container of docker-compose.yml: says where the system is, once it is up. With DEMO=true it fills a new one before, with
// a customer, plans and four months of history. The operator's account is auth's work.

const CONFIG = {
  DEMO: Type.Boolean({ default: false, description: 'true or false' }),
  EVERGREEN_URL: Type.String({ pattern: '^https?://', description: "the edge's http:// URL" }),
  PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://[^/]+$', description: 'an origin, without a path' })),
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 8080 }),
  OPERATOR_EMAIL: Type.String({ default: operatorEmail }),
  OPERATOR_PASSWORD: Type.String({ minLength: 1 }),
};

try {
  const config = readConfig(CONFIG);
  const publicUrl = config.PUBLIC_URL ?? `http://localhost:${config.PORT}`;
  if (config.DEMO) {
    const demo = {
      baseUrl: config.EVERGREEN_URL,
      operatorEmail: config.OPERATOR_EMAIL,
      password: config.OPERATOR_PASSWORD,
    };
    await seed(demo);
    console.log('Demo accounts and plans are there. Now four months of history, played on the billing clock.');
    await playHistory(demo);
    console.log(`\n${signInLinks({ ...demo, baseUrl: publicUrl })}`);
  } else {
    console.log(`\nEvergreen is ready at ${publicUrl}; its operator is ${config.OPERATOR_EMAIL}.`);
  }
} catch (error) {
  console.error(`The demo cannot be made: ${messageOf(error)}`);
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
}
