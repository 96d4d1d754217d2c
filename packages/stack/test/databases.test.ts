import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@evergreen/service-kit/migrate.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrationsDirectory, serviceNames } from '../src/paths.ts';
import { createTestDatabase, createTestVhost, type TestDatabase } from '../src/testing.ts';

const services = serviceNames.filter((name) => migrationsDirectory(name));
const databases = new Map<string, TestDatabase>();

beforeAll(async () => {
  // All at once on purpose: clones of one server must not get in each other's way.
  await Promise.all(services.map(async (name) => databases.set(name, await createTestDatabase(name))));
});
afterAll(() => Promise.all([...databases.values()].map((database) => database.drop())));

function database(name: string | undefined): TestDatabase {
  const found = databases.get(name ?? '');
  if (!found) throw new Error(`there is no database for ${name}`);
  return found;
}

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

test("no service's role can connect to another service's database", async () => {
  expect(services.length).toBeGreaterThan(1);
  for (const name of services) {
    for (const other of services.filter((one) => one !== name)) {
      for (const url of [database(name).url, database(name).ownerUrl]) {
        const trespass = new URL(url);
        trespass.pathname = `/${database(other).name}`;
        const error = await query(trespass.href, 'SELECT 1').catch((refusal: unknown) => refusal);
        expect(error).toMatchObject({
          code: '42501',
          message: expect.stringContaining('permission denied for database'),
        });
      }
    }
  }
});

test('no role of a service is anything special on the server, or a member of another', async () => {
  const roles = services.flatMap((name) => [`evergreen_${name}`, `evergreen_${name}_owner`]);
  const { url } = database(services[0]);
  const special = await query(
    url,
    `SELECT rolname FROM pg_roles WHERE rolname LIKE 'evergreen\\_%'
     AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)`,
  );
  expect(special.rows).toEqual([]);
  const known = await query(url, `SELECT rolname FROM pg_roles WHERE rolname LIKE 'evergreen\\_%'`);
  expect(known.rows.map(({ rolname }) => rolname)).toEqual(expect.arrayContaining(roles));
  const members = await query(
    url,
    `SELECT member::regrole::text FROM pg_auth_members WHERE member::regrole::text LIKE 'evergreen\\_%'`,
  );
  expect(members.rows).toEqual([]);
});

test('a service can neither change its schema nor rewrite the history of its migrations', async () => {
  for (const name of services) {
    const { url, ownerUrl } = database(name);
    const tables = await query(ownerUrl, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    const onTables = tables.rows.flatMap(({ tablename }) => [
      `ALTER TABLE ${tablename} ADD COLUMN intruder int`,
      `ALTER TABLE ${tablename} DISABLE TRIGGER ALL`,
      `DROP TABLE ${tablename}`,
      `TRUNCATE ${tablename}`,
      `CREATE INDEX ON ${tablename} ((1))`,
    ]);
    expect(onTables.length).toBeGreaterThan(10);
    const anywhere = [
      'CREATE TABLE intruder (id int)',
      'CREATE TEMPORARY TABLE intruder (id int)',
      'CREATE SCHEMA intruder',
      'CREATE FUNCTION intruder() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'CREATE DATABASE intruder',
      'CREATE ROLE intruder',
      'SELECT * FROM _prisma_migrations',
      'DELETE FROM _prisma_migrations',
      'SET session_replication_role = replica',
      `SET ROLE evergreen_${name}_owner`,
      `ALTER ROLE evergreen_${name} SUPERUSER`,
      "COPY (SELECT 1) TO PROGRAM 'true'",
    ];
    for (const text of [...onTables, ...anywhere]) {
      const error = await query(url, text).catch((refusal: unknown) => refusal);
      expect({ text, error }).toMatchObject({ text, error: { code: '42501' } });
    }
  }
});

test('a service reads and writes rows of tables that the owner creates later', async () => {
  const { url, ownerUrl } = database(services[0]);
  await query(ownerUrl, 'CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, note text)');
  await query(url, "INSERT INTO later (note) VALUES ('kept')");
  expect((await query(url, 'SELECT note FROM later')).rows).toEqual([{ note: 'kept' }]);
  await expect(query(url, 'TRUNCATE later')).rejects.toMatchObject({ code: '42501' });
});

test('twenty clones of one template at once all succeed', async () => {
  const name = services[0];
  if (!name) throw new Error('no service has migrations');
  const clones = await Promise.all(Array.from({ length: 20 }, () => createTestDatabase(name)));
  expect(new Set(clones.map((clone) => clone.name)).size).toBe(20);
  await Promise.all(clones.map((clone) => clone.drop()));
});

test('migrations with several statements in a function body apply once, also when two processes apply them', async () => {
  const directory = join(process.env.TEST_DIRECTORY ?? '', 'migrations');
  mkdirSync(join(directory, '20260101000000_guard'), { recursive: true });
  writeFileSync(
    join(directory, '20260101000000_guard', 'migration.sql'),
    `CREATE TABLE guarded (id int);
     CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RAISE EXCEPTION 'refused; always'; END $$;
     CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();`,
  );
  const { ownerUrl } = database(services[1]);
  await query(ownerUrl, 'DROP TABLE _prisma_migrations');
  const empty = await query(
    ownerUrl,
    "SELECT string_agg(format('DROP TABLE %I CASCADE', tablename), ';') AS sql FROM pg_tables WHERE schemaname = 'public'",
  );
  await query(ownerUrl, empty.rows[0].sql ?? 'SELECT 1');
  const applied = await Promise.all([migrate(ownerUrl, directory), migrate(ownerUrl, directory)]);
  expect(applied.flat()).toEqual(['20260101000000_guard']);
  await query(ownerUrl, 'INSERT INTO guarded VALUES (1)');
  await expect(query(ownerUrl, 'UPDATE guarded SET id = 2')).rejects.toThrow('refused; always');
});

test('a failing migration leaves nothing of itself and is named in the error', async () => {
  const directory = join(process.env.TEST_DIRECTORY ?? '', 'failing-migrations');
  mkdirSync(join(directory, '20260101000000_half'), { recursive: true });
  writeFileSync(join(directory, '20260101000000_half', 'migration.sql'), 'CREATE TABLE half (id int); SELECT 1 / 0;');
  const target = await createTestDatabase(services[0] ?? 'wallet');
  await query(
    target.ownerUrl,
    'DROP TABLE _prisma_migrations CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
  );
  await expect(migrate(target.ownerUrl, directory)).rejects.toThrow(/20260101000000_half[\s\S]*division by zero/);
  expect((await query(target.ownerUrl, "SELECT to_regclass('half') AS half")).rows).toEqual([{ half: null }]);
  await target.drop();
});

test('a virtual host is its own until it is dropped', async () => {
  const vhost = await createTestVhost();
  for (const url of [vhost.amqpUrl, ...Object.values(vhost.urls)]) expect(url).toMatch(new RegExp(`/${vhost.name}$`));
  expect(new Set(Object.values(vhost.urls).map((url) => new URL(url).username)).size).toBe(services.length);
  await vhost.drop();
  await vhost.drop();
});
