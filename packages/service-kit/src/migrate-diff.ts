import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DiffTarget } from '@prisma/schema-engine-wasm';
import { engineErrorText, readMigrations, withSchemaEngine } from './schema-engine.ts';

// node packages/service-kit/src/migrate-diff.ts services/wallet add_refunds
//
// Writes prisma/migrations/<time>_add_refunds/migration.sql: the step from what the existing migrations make to what
// schema.prisma says. DATABASE_URL names a server on which a throwaway database may be made; `npm run infra` has one.

try {
  console.log(await writeMigration(process.argv.slice(2), process.env.DATABASE_URL));
  // The engine's own timers would hold the process for another 10 s.
  process.exit(0);
} catch (error) {
  console.error(engineErrorText(error));
  process.exit(1);
}

async function writeMigration([service, name]: string[], databaseUrl: string | undefined): Promise<string> {
  if (!service || !/^[a-z0-9_]+$/.test(name ?? '')) {
    throw new Error('usage: node packages/service-kit/src/migrate-diff.ts services/<service> <name_in_snake_case>');
  }
  const schemaFile = resolve(service, 'prisma/schema.prisma');
  const directory = resolve(service, 'prisma/migrations');
  await mkdir(directory, { recursive: true });
  const migrations = await readMigrations(directory);
  const isFirst = migrations.migrationDirectories.length === 0;
  if (!databaseUrl) throw new Error('DATABASE_URL is missing: run `npm run infra` and `. .evergreen/infra.env`');
  const from: DiffTarget = isFirst ? { tag: 'empty' } : { tag: 'migrations', ...migrations };
  const schema = { path: schemaFile, content: await readFile(schemaFile, 'utf8') };
  const filters = { externalTables: [], externalEnums: [] };
  const { stdout } = await withSchemaEngine(databaseUrl, (engine) =>
    engine.diff({ from, to: { tag: 'schemaDatamodel', files: [schema] }, script: true, exitCode: null, filters }),
  );
  const sql = stdout?.trim() ?? '';
  if (sql === '' || sql === '-- This is an empty migration.')
    return 'The migrations already make what schema.prisma says.';
  const time = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const folder = join(directory, `${time}_${name}`);
  await mkdir(folder);
  await writeFile(join(folder, 'migration.sql'), `${sql}\n`);
  await writeFile(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
  return `Wrote ${join(folder, 'migration.sql')}. Read it, and add what a schema cannot say: checks, triggers, grants.`;
}
