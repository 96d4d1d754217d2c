import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { repositoryRoot } from '../src/paths.ts';

const KNOWN = 'known-to-everybody';
const example = readFileSync(join(repositoryRoot, '.env.example'), 'utf8');
const compose = readFileSync(join(repositoryRoot, 'docker-compose.yml'), 'utf8');

const settingsOf = (file: string): Record<string, string> =>
  Object.fromEntries([...file.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name, value]) => [name, value]));

/** Runs a command of the image to its end. */
async function run(file: string, settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(repositoryRoot, 'packages/stack/src', file)], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await closed, stdout, stderr };
}

test('.env.example names every setting of docker-compose.yml, with the value that counts without it', () => {
  const defaults = Object.fromEntries(
    [...compose.matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)].map(([, name = '', value]) => [name, value]),
  );
  // Its default is where the system is without any .env.
  expect(defaults.PUBLIC_URL).toBeDefined();
  expect({ ...settingsOf(example), PUBLIC_URL: defaults.PUBLIC_URL }).toEqual(defaults);
});

test('a system that others can reach is refused while one secret is known to everybody', async () => {
  const own = settingsOf((await run('new-env.ts')).stdout);
  const settings = {
    ...own,
    BIND_ADDRESS: '0.0.0.0',
    DATABASE_URL: `postgresql://postgres:${KNOWN}@postgres:5432/postgres`,
    AMQP_URL: `amqp://evergreen:${own.RABBITMQ_PASSWORD}@rabbitmq:5672`,
    WALLET_AMQP_PASSWORD: KNOWN,
  };
  const refused = await run('set-up.ts', settings);
  expect(refused.code).toBe(78);
  expect(refused.stderr).toContain(
    `BIND_ADDRESS is 0.0.0.0, and these are still ${KNOWN}: WALLET_AMQP_PASSWORD, POSTGRES_PASSWORD.`,
  );
  const behindProxy = { ...settings, BIND_ADDRESS: '127.0.0.1', PUBLIC_URL: 'https://shop.example' };
  expect((await run('set-up.ts', behindProxy)).stderr).toContain('PUBLIC_URL is https://shop.example, and these');
  const otherHash = { ...own, SERVICE_TOKEN_SHA256: settingsOf(example).SERVICE_TOKEN_SHA256 ?? '' };
  expect(await run('set-up.ts', otherHash)).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('is not the SHA-256'),
  });
});

test('a new .env has a secret of its own in every place, and the hash of its service token', async () => {
  const { code, stdout } = await run('new-env.ts');
  const [own, known] = [settingsOf(stdout), settingsOf(example)];
  expect(code).toBe(0);
  expect(Object.keys(own)).toEqual(Object.keys(known));
  const secrets = Object.keys(known).filter((name) => known[name] === KNOWN);
  expect(secrets.length).toBeGreaterThan(14);
  const made = secrets.map((name) => own[name] ?? '');
  expect(new Set(made).size).toBe(secrets.length);
  for (const secret of made) expect(secret).toMatch(/^[A-Za-z0-9_-]{40,}$/);
  const hash = (token = '') => createHash('sha256').update(token).digest('hex');
  expect(own.SERVICE_TOKEN_SHA256).toBe(hash(own.SERVICE_TOKEN));
  expect(known.SERVICE_TOKEN_SHA256).toBe(hash(KNOWN));
  const rest = Object.keys(known).filter((name) => !secrets.includes(name) && name !== 'SERVICE_TOKEN_SHA256');
  for (const name of rest) expect(own[name]).toBe(name === 'DEMO' ? 'false' : known[name]);
});
