import { ConfigError, readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import pg from 'pg';
import { KEY_CONFIG } from './config.ts';
import { rotateSigningKeys } from './signing-keys.ts';

/*
 * Lets the next signing key take over. Every replica follows within seconds, and tokens of the key before go on counting until
 * they expire, so nobody notices. Running it again before the new key has begun is refused.
 *
 *   DATABASE_URL=... node services/auth/src/rotate-keys.ts
 */

const { KEY_PUBLISHED_AHEAD_SECONDS } = KEY_CONFIG;

async function run(): Promise<void> {
  const config = readConfig({ DATABASE_URL: SERVICE_CONFIG.DATABASE_URL, KEY_PUBLISHED_AHEAD_SECONDS });
  const pool = new pg.Pool({ connectionString: config.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 });
  // A query that was running fails by itself; without a listener the process would end in the middle.
  pool.on('error', () => undefined);
  try {
    const publishedAheadMs = config.KEY_PUBLISHED_AHEAD_SECONDS * 1_000;
    const { kid, signsFrom } = await rotateSigningKeys(pool, { now: new Date(), publishedAheadMs });
    process.stdout.write(`${kid} signs from ${signsFrom.toISOString()}\n`);
  } finally {
    await pool.end();
  }
}

await run().catch((error: unknown) => {
  process.stderr.write(`no key was rotated: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
});
