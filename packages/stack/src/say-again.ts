import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { dataPath } from './data-directory.ts';
import { readJson } from './json-file.ts';
import { repositoryRoot, type ServiceName } from './paths.ts';

// `npm run say-again -- --days 3`, after a restore whose broker was lost: the commands say-again.ts of those services that have one,
// on the server of DATABASE_URL, as `npm run set-up-databases` has made it, or else on the databases of the last `npm start`.

const { DATABASE_URL } = process.env;
const known = DATABASE_URL ? undefined : readJson<Record<ServiceName, string>>(join(dataPath(), 'databases.json'));

/** Undefined where the service itself is to say what is missing. */
function databaseOf(service: ServiceName): string | undefined {
  if (!DATABASE_URL || !URL.canParse(DATABASE_URL)) return known?.[service];
  return Object.assign(new URL(DATABASE_URL), { pathname: `/evergreen_${service}` }).href;
}

for (const service of ['subscriptions', 'wallet'] as const) {
  const databaseUrl = databaseOf(service);
  const file = join(repositoryRoot, 'services', service, 'src/say-again.ts');
  const child = spawn(process.execPath, [file, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ...(databaseUrl && { DATABASE_URL: databaseUrl }) },
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) process.exitCode = code ?? 1;
}
