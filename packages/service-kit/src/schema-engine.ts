import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
} from '@prisma/driver-adapter-utils';
import type { MigrationDirectory, MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

const enginePackage = '@prisma/schema-engine-wasm/schema_engine_bg';

/**
 * Runs `work` on Prisma's own schema engine as WebAssembly, over the `pg` driver. It is loaded by hand because Node
 * still warns about an import of a .wasm file. Timers of the engine keep a process alive for 10 s after the work.
 */
export async function withSchemaEngine<T>(databaseUrl: string, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const bindings = await loadBindings();
  const pool = openPool(databaseUrl);
  const adapter = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => connectAdapter(pool),
    connectToShadowDb: () => connectToShadowDatabase(pool, databaseUrl),
  });
  const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
  try {
    return await work(engine);
  } finally {
    engine.free();
    // The engine's advisory lock lasts as long as the connection: left idle, it would hold up the next run for 10 s.
    await pool.end();
  }
}

function openPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'evergreen-migrate',
    connectionTimeoutMillis: 10_000,
  });
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Prisma's adapter with two repairs. It cuts a script at every semicolon, also inside a function's body; here a script
 * goes to the server whole, as the engine's native build sends it, and so is one transaction too. And it refuses the
 * catalogue's type "char", which the engine reads when it compares schemas; here that is a character.
 */
async function connectAdapter(pool: pg.Pool): Promise<SqlDriverAdapter> {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<pg.QueryResult>;
  // The engine works on one statement at a time, so these are always the columns of the last result.
  let characterColumns: number[] = [];
  const repairedQuery = async (...args: unknown[]): Promise<pg.QueryResult> => {
    const result = await query(...args);
    const fields = result.fields ?? [];
    characterColumns = fields.flatMap((field, index) => (field.dataTypeID === pg.types.builtins.CHAR ? [index] : []));
    for (const field of fields)
      if (field.dataTypeID === pg.types.builtins.CHAR) field.dataTypeID = pg.types.builtins.TEXT;
    return result;
  };
  pool.query = repairedQuery as typeof pool.query;
  const adapter = await new PrismaPg(pool).connect();
  const { onError } = adapter as unknown as { onError(error: unknown): never };
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (statement) => {
    const result = await queryRaw(statement);
    for (const index of characterColumns) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  adapter.executeScript = async (script) => {
    await query(script).catch((error) => onError.call(adapter, error));
  };
  return adapter;
}

/** An empty database in which the engine replays migrations. The adapter's own way would land in the real one. */
async function connectToShadowDatabase(pool: pg.Pool, databaseUrl: string): Promise<SqlDriverAdapter> {
  const name = `evergreen_shadow_${randomBytes(6).toString('hex')}`;
  await pool.query(`CREATE DATABASE ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  const shadowPool = openPool(url.href);
  const adapter = await connectAdapter(shadowPool);
  adapter.dispose = async () => {
    await shadowPool.end();
    await pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
  };
  return adapter;
}

/** Reads prisma/migrations as the engine wants it: every folder's migration.sql, in the order of the names. */
export async function readMigrations(directory: string): Promise<MigrationList> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = names.sort().map(async (name): Promise<MigrationDirectory> => {
    const value = await readFile(join(directory, name, 'migration.sql'), 'utf8');
    return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value } } };
  });
  const lockfile = await readFile(join(directory, 'migration_lock.toml'), 'utf8').catch(() => null);
  return {
    baseDir: directory,
    lockfile: { path: 'migration_lock.toml', content: lockfile },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

/** The part of the engine's error that helps people: the migration's name and the database's own words. */
export function engineErrorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const migration = /migration_name="([^"]+)"/.exec(message)?.[1];
  // A trace of the engine's own functions follows, of use only to its developers.
  const [text = message] = message.split(/\n\s+0: /);
  return migration ? `${migration}: ${text}` : text;
}

interface Bindings {
  SchemaEngine: typeof SchemaEngine;
  __wbg_set_wasm(exports: unknown): void;
}

/** What is used of WebAssembly, which the language's own type library has only together with the browser's. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, unknown>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

let loading: Promise<Bindings> | undefined;

function loadBindings(): Promise<Bindings> {
  loading ??= (async () => {
    const bindings = (await import(enginePackage)) as Bindings;
    const script = createRequire(import.meta.url).resolve(enginePackage);
    const bytes = readFileSync(join(dirname(script), 'schema_engine_bg.wasm'));
    const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': bindings });
    // Without this the engine's panic would hide behind an error about the missing registry.
    Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (text: string) => console.error(text) } });
    bindings.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return bindings;
  })();
  return loading;
}
