import { ConfigError, readConfig } from '@evergreen/service-kit/config.ts';
import { messageOf } from '@evergreen/service-kit/error-message.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import { Type } from 'typebox';
import { playHistory } from './demo-history.ts';
import { KNOWN_SECRET } from './known-secret.ts';
import { demoEmail, OtherPasswordError, operatorEmail, seed } from './seed.ts';
import { signInLinks } from './sign-in-links.ts';

// The last container of docker-compose.yml: says where the system is, once it is up. With DEMO=true it fills a new one before, with
// a customer, plans and four months of history. The operator's account is auth's work. Once its password has been changed in the web app,
// nothing more is made.

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
  }
  // A password of one's own stands in .env, and in no log.
  if (config.DEMO && config.OPERATOR_PASSWORD === KNOWN_SECRET) {
    const { OPERATOR_EMAIL: operatorEmail, OPERATOR_PASSWORD: password } = config;
    console.log(`\n${signInLinks({ baseUrl: publicUrl, operatorEmail, password })}`);
  } else {
    const accounts = config.DEMO ? `${demoEmail} and its operator ${config.OPERATOR_EMAIL}` : config.OPERATOR_EMAIL;
    console.log(
      `\nEvergreen is ready at ${publicUrl}. OPERATOR_PASSWORD of .env is that of ${accounts}, until it is changed there.`,
    );
  }
} catch (error) {
  if (error instanceof OtherPasswordError) console.log(`Nothing is added to the demo: ${error.message}`);
  else console.error(`The demo cannot be made: ${messageOf(error)}`);
  process.exitCode = error instanceof OtherPasswordError ? 0 : error instanceof ConfigError ? EXIT_CONFIG : 1;
}
