import pg from 'pg';
import { engineErrorText, readMigrations, withSchemaEngine } from './schema-engine.ts';

/** Any number will do, as long as nothing else in the same database takes an advisory lock with it. */
const migrationLock = 7_208_316_552n;
const lockTimeoutMs = 60_000;

/**
 * Applies what is missing of `migrationsDir` (prisma/migrations) with Prisma's own engine and answers the names of
 * the migrations it applied. The outcome, `_prisma_migrations` included, is what `prisma migrate deploy` makes.
 * Safe when several processes run it at once: they wait for one another, at most 60 s.
 *
 * @param databaseUrl of the role that owns the tables
 * @throws when a migration fails; the database then holds what came before it, and the failed one is recorded
 */
export async function migrate(databaseUrl: string, migrationsDir: string): Promise<string[]> {
  const migrationsList = await readMigrations(migrationsDir);
  const guard = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  guard.on('error', () => undefined);
  await guard.connect();
  try {
    await guard.query(`SET lock_timeout = ${lockTimeoutMs}`);
    await guard.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const filters = { externalTables: [], externalEnums: [] };
    return await withSchemaEngine(databaseUrl, async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters });
      return appliedMigrationNames;
    });
  } catch (error) {
    throw new Error(`migrations of ${migrationsDir} failed: ${engineErrorText(error)}`, { cause: error });
  } finally {
    await guard.end();
  }
}
