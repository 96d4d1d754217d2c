import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.ts';
import { evergreenDirectory } from './paths.ts';
import { claimPort, releasePort } from './ports.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
import { endLeftovers } from './processes.ts';
import { ReadableError } from './readable-error.ts';
import { SECRET_MARKER } from './secret-search.ts';

/**
 * One stack's files: secrets.json, ports.json, pids.json, owner.json, logs/, postgres/ and rabbitmq/.
 * Owned by one process at a time; what a killed owner left running is ended when the next one opens it.
 */
export interface DataDirectory {
  path: string;
  logs: string;
  /** A random secret, made on first use and kept in secrets.json. */
  secret(name: string, make?: () => string): string;
  /** A port on 127.0.0.1 for this stack alone, the same one as last time if nobody else has taken it. */
  port(name: string): Promise<number>;
  /** Gives up ownership; every process must have ended before. */
  release(): void;
}

/** Where `npm start` keeps its data. */
export const dataPath = (): string => process.env.EVERGREEN_DATA || join(evergreenDirectory, 'start');

export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const logs = join(path, 'logs');
  mkdirSync(logs, { recursive: true });
  takeOwnership(path);
  try {
    await endLeftovers(path);
  } catch (error) {
    rmSync(join(path, 'owner.json'), { force: true });
    throw error;
  }
  const ports: number[] = [];
  return {
    path,
    logs,
    secret: (name, make = randomSecret) => remember(join(path, 'secrets.json'), name, make),
    port: async (name) => {
      const file = join(path, 'ports.json');
      const port = await claimPort(readJson<Record<string, number>>(file)?.[name]);
      ports.push(port);
      // Read again: another port may have been written while this one was probed.
      writeJson(file, { ...readJson<Record<string, number>>(file), [name]: port });
      return port;
    },
    release: () => {
      for (const port of ports.splice(0)) releasePort(port);
      rmSync(join(path, 'owner.json'), { force: true });
    },
  };
}

/**
 * Removes the data directories below `parent` whose name starts with `prefix` and whose owner has died, after ending
 * what they and the data directories directly inside them left running.
 */
export async function sweepAbandoned(parent: string, prefix: string): Promise<void> {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(prefix))) {
    const path = join(parent, name);
    const owner = readJson<ProcessIdentity>(join(path, 'owner.json'));
    if (!owner || isRunning(owner)) continue;
    const within = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const directory of [path, ...within.map((entry) => join(path, entry.name))]) {
      if (existsSync(join(directory, 'pids.json'))) await endLeftovers(directory);
    }
    rmSync(path, { recursive: true, force: true });
  }
}

/** Whether the process that owned a data directory has ended; where the directory is gone, it has. */
export function isAbandoned(path: string): boolean {
  const owner = readJson<ProcessIdentity>(join(path, 'owner.json'));
  return owner === undefined || !isRunning(owner);
}

export function randomSecret(): string {
  return SECRET_MARKER + randomBytes(24).toString('base64url');
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function takeOwnership(path: string): void {
  const file = join(path, 'owner.json');
  const self = identifyProcess(process.pid);
  if (!self) throw new Error('cannot read the start time of this process');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, JSON.stringify(self), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = readJson<ProcessIdentity>(file);
      if (owner && isRunning(owner)) {
        throw new ReadableError(
          `Evergreen is already running here (process ${owner.pid}, data in ${path}). To stop it, press Ctrl-C in its terminal.`,
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new ReadableError(`Another process is starting in ${path} at this moment. Try again.`);
}

function remember(file: string, name: string, make: () => string): string {
  const known = readJson<Record<string, string>>(file) ?? {};
  const existing = known[name];
  if (existing !== undefined) return existing;
  const made = make();
  writeJson(file, { ...known, [name]: made });
  return made;
}
