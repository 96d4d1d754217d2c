import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { dataPath } from './data-directory.ts';
import { readJson } from './json-file.ts';
import { repositoryRoot, type ServiceName } from './paths.ts';

// `npm run create-operator`, `npm run rotate-keys`: the commands of auth, on the database of the last `npm start` unless
// DATABASE_URL names another.

const commands: Record<string, string> = {
  'create-operator': 'services/auth/src/create-operator.ts',
  'rotate-keys': 'services/auth/src/rotate-keys.ts',
};

const [name = ''] = process.argv.slice(2);
const file = commands[name];
if (!file) throw new Error(`There is no command ${name}; there are ${Object.keys(commands).join(' and ')}`);
const known = readJson<Record<ServiceName, string>>(join(dataPath(), 'databases.json'))?.auth;
const databaseUrl = process.env.DATABASE_URL || known;
const child = spawn(process.execPath, [join(repositoryRoot, file)], {
  stdio: 'inherit',
  env: { ...process.env, ...(databaseUrl && { DATABASE_URL: databaseUrl }) },
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
