import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repositoryRoot = resolve(import.meta.dirname, '../../..');

/** Everything the stack writes lives below this git-ignored folder. */
export const evergreenDirectory = join(repositoryRoot, '.evergreen');

/** The services that own a database, in the order in which they start. */
export const serviceNames = ['auth', 'gateway', 'wallet', 'subscriptions', 'notifier'] as const;

export type ServiceName = (typeof serviceNames)[number];

export type ProcessName = ServiceName | 'edge';

export function serviceEntry(name: ProcessName): string {
  return join(repositoryRoot, 'services', name, 'src', 'main.ts');
}

/** The folder with the service's migrations, or undefined when the service has none yet. */
export function migrationsDirectory(name: ServiceName): string | undefined {
  const directory = join(repositoryRoot, 'services', name, 'prisma', 'migrations');
  if (!existsSync(directory)) return undefined;
  return readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory()) ? directory : undefined;
}
