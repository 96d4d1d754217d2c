import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { repositoryRoot } from '@evergreen/stack/paths.ts';

/*
 * The commands of Docker that the compose test needs. Compose itself takes project, files and ports from the environment that
 * run.ts sets.
 */

const COMMAND_TIMEOUT_MS = 900_000;
const HEALTHY_TIMEOUT_MS = 180_000;

/** Runs a command to its end and answers with what it wrote to stdout. @throws Error with its last lines */
export function command(name: string, args: string[]): Promise<string> {
  const child = spawn(name, args, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk}`.slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout.trim());
      else reject(new Error(`${name} ${args.join(' ')} ended with ${signal ?? code}:\n${stderr.trim()}`));
    });
  });
}

export const docker = (...args: string[]) => command('docker', args);

let found: Promise<string[]> | undefined;

/** `docker compose`, or `docker-compose` where there is no other. */
export async function compose(...args: string[]): Promise<string> {
  found ??= docker('compose', 'version').then(
    () => ['docker', 'compose'],
    () => ['docker-compose'],
  );
  const [program = '', ...first] = await found;
  // Known settings, whatever the checkout's own .env says.
  return command(program, [...first, '--env-file', join(repositoryRoot, '.env.example'), ...args]);
}

export interface Container {
  id: string;
  service: string;
  running: boolean;
  exitCode: number;
  /** Undefined where the image has no health check. */
  health: string | undefined;
}

/** All containers of the project, those that have ended too. */
export async function containers(): Promise<Container[]> {
  const label = `label=com.docker.compose.project=${process.env.COMPOSE_PROJECT_NAME}`;
  const ids = (await docker('ps', '--all', '--quiet', '--filter', label)).split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  const inspected = JSON.parse(await docker('inspect', ...ids)) as {
    Id: string;
    Config: { Labels: Record<string, string> };
    State: { Running: boolean; ExitCode: number; Health?: { Status: string } };
  }[];
  return inspected.map(({ Id, Config, State }) => ({
    id: Id,
    service: Config.Labels['com.docker.compose.service'] ?? '',
    running: State.Running,
    exitCode: State.ExitCode,
    health: State.Health?.Status,
  }));
}

export const containersOf = async (service: string) =>
  (await containers()).filter((container) => container.service === service);

/** Waits until every container that has a health check is healthy. */
export async function awaitHealthy(): Promise<void> {
  await awaitCondition(
    async () => {
      const checked = (await containers()).filter(({ health }) => health !== undefined);
      const ill = checked.filter(({ running, health }) => !running || health !== 'healthy');
      if (ill.length > 0) throw new Error(`not healthy: ${ill.map(({ service }) => service).join(', ')}`);
      return true;
    },
    { what: 'Waiting for all containers to be healthy', timeoutMs: HEALTHY_TIMEOUT_MS, intervalMs: 500 },
  );
}

/** Waits until a container that runs once has ended. @throws Error with its log when it failed */
export async function awaitEnd(service: string): Promise<void> {
  const ended = await awaitCondition(async () => (await containersOf(service)).find(({ running }) => !running), {
    what: `Waiting for ${service} to end`,
    timeoutMs: HEALTHY_TIMEOUT_MS,
    intervalMs: 500,
  });
  if (ended.exitCode !== 0) throw new Error(`${service} failed:\n${await docker('logs', '--tail', '20', ended.id)}`);
}
