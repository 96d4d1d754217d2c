import { expect, test } from '@jest/globals';
import { createLogger } from '../src/log.ts';

const SETTINGS = {
  DATABASE_URL: 'postgres://evergreen_wallet:the%2Fpassword@db.internal:5432/evergreen_wallet',
  AMQP_URL:
    'amqp://evergreen_wallet:first-password@rabbit-1:5672/evergreen, amqp://evergreen_wallet:second%2Fpassword@rabbit-2:5672/evergreen',
  SERVICE_TOKEN: 'a-token-between-services',
  GATEWAY_API_KEY: 'key-of-the-gateway-0123',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-key=of-the-collector',
  OPERATOR_PASSWORD: 'short',
};

function logged(write: (logger: ReturnType<typeof createLogger>) => void, env: NodeJS.ProcessEnv = {}): string {
  const lines: string[] = [];
  write(createLogger('tester', { ...SETTINGS, ...env }, { write: (line) => void lines.push(line) }));
  return lines.join('');
}

test.each([
  ['a password of the configuration', 'cannot connect as the%2Fpassword'],
  ['the same, decoded', 'cannot connect as the/password'],
  ['a password of the first node of a cluster', 'refused first-password'],
  ['a password of the second', 'refused second%2Fpassword and second/password'],
  ['a token of the configuration', 'a-token-between-services'],
  ['an API key', 'key-of-the-gateway-0123 was refused'],
  ['a header for the collector', 'sent x-key=of-the-collector'],
  ["somebody's access token", 'refused eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
  ['a header', 'authorization: Bearer abcdef.123456 was sent'],
  ['another header', 'Authorization: Basic dXNlcjpwYXNz'],
  ['a URL', 'connecting to amqp://evergreen_auth:unheard-of@rabbit:5672/evergreen'],
])('%s is blanked, in a text, a field, an error and its stack', (_what, text) => {
  const written = logged((logger) => {
    logger.info(text);
    logger.info({ field: text, nested: { list: [text] } }, 'fields');
    logger.error({ err: new Error(text, { cause: new Error(text) }) }, 'an error');
  });
  for (const line of written.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ name: 'tester' });
  expect(written).not.toMatch(
    /the%2Fpassword|the\/password|first-password|second%2F|second\/|between-services|key-of-the|of-the-collector/,
  );
  expect(written).not.toMatch(/eyJ|abcdef|dXNlc|unheard-of/);
  expect(written.match(/\[hidden\]/g)?.length).toBeGreaterThanOrEqual(5);
});

test('what is no secret is left as it is', () => {
  const text =
    'subscription 0193b6f8-7f2a-7c3e-8a54-1f2e3d4c5b6a moved, at http://127.0.0.1:8080/v1/plans, in short order';
  expect(logged((logger) => logger.info(text))).toContain(text);
});

test('a header in a field is blanked and leaves JSON, and a plan that is called Basic is no header', () => {
  const written = logged((logger) =>
    logger.info({ authorization: 'Basic dXNlcjpwYXNz', planName: 'Basic subscription' }),
  );
  expect(JSON.parse(written)).toMatchObject({ authorization: '[hidden]', planName: 'Basic subscription' });
});

test('an error of Postgres is told without the values of its row', () => {
  const error = Object.assign(new Error('violates check constraint "account_balance_check"'), {
    code: '23514',
    detail: 'Failing row contains (1, somebody@evergreen.test, $argon2id$v=19$m=19456)',
    where: 'COPY account, line 1: "argon2id"',
  });
  const written = logged((logger) => logger.error({ err: error }, 'it failed'));
  expect(written).toContain('23514');
  expect(written).toContain('account_balance_check');
  expect(written).not.toContain('argon2id');
});

test('for people a line is a time, a level, a text and its fields, and an error has its stack below', () => {
  const env = { LOG_FORMAT: 'pretty', LOG_LEVEL: 'debug' };
  const written = logged((logger) => {
    logger.debug({ queue: 'wallet.charges', events: 3 }, 'handled');
    logger.warn({ err: new Error('no answer') }, 'it failed');
  }, env);
  const [first, second, third] = written.split('\n');
  expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} DEBUG handled queue=wallet\.charges events=3$/);
  expect(second).toMatch(/^[\d:.]+ WARN {2}it failed$/);
  expect(third).toBe('  Error: no answer');
});
