import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '@evergreen/service-kit/migrate.ts';
import pg from 'pg';
import { derivedPassword } from './derived-password.ts';
import { migrationsDirectory, type ServiceName, serviceNames } from './paths.ts';

/** How one service reaches one database. */
export interface ServiceDatabase {
  name: string;
  /** The role of the running service: it reads and writes rows, and changes no schema. */
  url: string;
  /** The role that owns the database and runs its migrations. */
  ownerUrl: string;
}

/** One lock for all changes of roles and templates on a server: Postgres fails concurrent ones. */
const setUpLock = 4_471_920_336n;
const cloneAttempts = 20;
const templateMaxAgeMs = 7 * 24 * 3_600_000;
const cloneMaxAgeMs = 6 * 3_600_000;

/** The password of a role; by default it follows from the administrator's. */
type PasswordOf = (role: string) => string;

const derivedFrom =
  (adminUrl: string): PasswordOf =>
  (role) =>
    derivedPassword(adminUrl, role);

/**
 * Creates what is missing of every service's roles and database, and applies its migrations. Idempotent; roles that exist get
 * their password again.
 */
export async function prepareDatabases(
  adminUrl: string,
  passwordOf = derivedFrom(adminUrl),
): Promise<Record<ServiceName, ServiceDatabase>> {
  return withAdmin(adminUrl, async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [setUpLock]);
    const prepared = {} as Record<ServiceName, ServiceDatabase>;
    for (const service of serviceNames) {
      const database = databaseOf(adminUrl, service, `evergreen_${service}`, passwordOf);
      await ensureRoles(admin, passwordOf, service);
      if (!(await databaseExists(admin, database.name))) {
        await admin.query(`CREATE DATABASE ${database.name} OWNER evergreen_${service}_owner`);
      }
      await restrictAccess(admin, adminUrl, service, database.name);
      await migrateDatabase(adminUrl, service, database);
      prepared[service] = database;
    }
    return prepared;
  });
}

/**
 * Makes a migrated database for every service that has migrations, from which tests clone theirs. Its name holds a
 * hash of the migrations, so changed migrations get a template of their own and runs at the same time share one.
 */
export async function prepareTemplates(adminUrl: string): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [setUpLock]);
    await dropOutdated(admin);
    for (const service of serviceNames) {
      await ensureRoles(admin, derivedFrom(adminUrl), service);
      const template = templateName(service);
      if (!template || (await databaseExists(admin, template))) continue;
      // The name is given last: what bears it is complete, also after a crash in the middle.
      const unfinished = databaseOf(adminUrl, service, `${template}_unfinished`);
      await admin.query(`DROP DATABASE IF EXISTS ${unfinished.name} WITH (FORCE)`);
      await admin.query(`CREATE DATABASE ${unfinished.name} OWNER evergreen_${service}_owner`);
      await restrictAccess(admin, adminUrl, service, unfinished.name);
      await migrateDatabase(adminUrl, service, unfinished);
      await admin.query(`COMMENT ON DATABASE ${unfinished.name} IS 'evergreen template ${new Date().toISOString()}'`);
      await admin.query(`ALTER DATABASE ${unfinished.name} WITH ALLOW_CONNECTIONS false`);
      await admin.query(`ALTER DATABASE ${unfinished.name} RENAME TO ${template}`);
    }
  });
}

/** Clones the service's template. Throws when `prepareTemplates` has not made one for its migrations. */
export async function cloneTemplate(adminUrl: string, service: ServiceName): Promise<ServiceDatabase> {
  const template = templateName(service);
  if (!template) throw new Error(`the service ${service} has no migrations`);
  const suffix = randomBytes(5).toString('hex');
  const database = databaseOf(adminUrl, service, `evergreen_${service}_t_${suffix}`);
  await withAdmin(adminUrl, async (admin) => {
    await createFromTemplate(admin, database.name, template, service);
    await admin.query(`COMMENT ON DATABASE ${database.name} IS 'evergreen clone ${new Date().toISOString()}'`);
    // Privileges on the database itself are not part of what a template passes on.
    await restrictDatabase(admin, service, database.name);
  });
  return database;
}

/**
 * Keeps services out of the databases every server comes with. It is for servers that are ours alone: it takes from
 * everybody what Postgres gives everybody.
 */
export async function closeServer(adminUrl: string): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    await admin.query('REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC');
  });
}

export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
}

async function createFromTemplate(admin: pg.Client, name: string, template: string, service: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER evergreen_${service}_owner`);
      return;
    } catch (error) {
      // 55006: somebody, such as autovacuum, is in the template at this moment.
      if ((error as pg.DatabaseError).code !== '55006' || attempt === cloneAttempts) throw error;
      await delay(50 + Math.random() * 150);
    }
  }
}

/** The name of the template for the migrations as they are on disk, or undefined for a service without any. */
function templateName(service: ServiceName): string | undefined {
  const directory = migrationsDirectory(service);
  if (!directory) return undefined;
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()) {
    hash.update(`${name}\0`).update(readFileSync(join(directory, name, 'migration.sql')));
  }
  return `evergreen_${service}_${hash.digest('hex').slice(0, 8)}`;
}

async function ensureRoles(admin: pg.Client, passwordOf: PasswordOf, service: ServiceName): Promise<void> {
  for (const role of [`evergreen_${service}_owner`, `evergreen_${service}`]) {
    const known = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (known.rowCount === 0) await admin.query(`CREATE ROLE ${role}`);
    await admin.query(
      `ALTER ROLE ${role} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${pg.escapeLiteral(passwordOf(role))}`,
    );
  }
}

/** Sets who may connect, and what the service may do with tables that later migrations create. */
async function restrictAccess(
  admin: pg.Client,
  adminUrl: string,
  service: ServiceName,
  database: string,
): Promise<void> {
  await restrictDatabase(admin, service, database);
  const owner = `evergreen_${service}_owner`;
  const app = `evergreen_${service}`;
  await withAdmin(inDatabase(adminUrl, database), async (client) => {
    await client.query(`
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public TO ${app};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${app};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public GRANT USAGE ON SEQUENCES TO ${app};`);
  });
}

async function restrictDatabase(admin: pg.Client, service: ServiceName, database: string): Promise<void> {
  await admin.query(`
    REVOKE CONNECT, TEMPORARY ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO evergreen_${service};`);
}

async function migrateDatabase(adminUrl: string, service: ServiceName, database: ServiceDatabase): Promise<void> {
  const directory = migrationsDirectory(service);
  if (!directory) return;
  await migrate(database.ownerUrl, directory);
  // The default privileges covered this table too, and a service has no business in the history of its schema.
  await withAdmin(inDatabase(adminUrl, database.name), async (client) => {
    await client.query(`REVOKE ALL ON _prisma_migrations FROM evergreen_${service}`);
  });
}

/** Drops templates and clones that no run can still be using, as left by runs that were killed. */
async function dropOutdated(admin: pg.Client): Promise<void> {
  const marked = await admin.query<{ name: string; mark: string }>(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS mark FROM pg_database
     WHERE datname LIKE 'evergreen\\_%' AND shobj_description(oid, 'pg_database') LIKE 'evergreen %'`,
  );
  for (const { name, mark } of marked.rows) {
    const [, kind, madeAt = ''] = mark.split(' ');
    const ageMs = Date.now() - Date.parse(madeAt);
    const maxAgeMs = kind === 'template' ? templateMaxAgeMs : cloneMaxAgeMs;
    if (ageMs > maxAgeMs) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}

function databaseOf(
  adminUrl: string,
  service: ServiceName,
  name: string,
  passwordOf = derivedFrom(adminUrl),
): ServiceDatabase {
  const urlFor = (role: string) => {
    const url = new URL(adminUrl);
    url.username = role;
    url.password = encodeURIComponent(passwordOf(role));
    url.pathname = `/${name}`;
    return url.href;
  };
  return { name, url: urlFor(`evergreen_${service}`), ownerUrl: urlFor(`evergreen_${service}_owner`) };
}

function inDatabase(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function databaseExists(admin: pg.Client, name: string): Promise<boolean> {
  return (await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).rowCount === 1;
}

async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, statement_timeout: 120_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
