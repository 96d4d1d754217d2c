import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServiceDatabase } from '@evergreen/stack/databases.ts';
import { repositoryRoot } from '@evergreen/stack/paths.ts';

/** `npm run say-again -- --days 1` on these databases; answers what it says, on one line. @throws Error with what it complains of */
export async function sayAgain(databases: Record<string, ServiceDatabase>, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const urls = Object.fromEntries(Object.entries(databases).map(([service, { url }]) => [service, url]));
  writeFileSync(join(folder, 'databases.json'), JSON.stringify(urls), { mode: 0o600 });
  const child = spawn(process.execPath, [join(repositoryRoot, 'packages/stack/src/say-again.ts'), '--days', '1'], {
    env: { PATH: process.env.PATH, EVERGREEN_DATA: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if ((await closed) !== 0) throw new Error(stderr);
  return stdout.trim().replaceAll('\n', '; ');
}
