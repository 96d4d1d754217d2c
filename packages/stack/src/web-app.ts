import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, relative } from 'node:path';
import { evergreenDirectory, repositoryRoot } from './paths.ts';
import { ReadableError } from './readable-error.ts';

const source = join(repositoryRoot, 'apps/web');
const builds = join(evergreenDirectory, 'web');
const buildTimeoutMs = 180_000;
const keptBuilds = 3;
const maxOutputBytes = 20_000;

/**
 * The folder with the web app as its sources are now. Each state of them has a folder of its own, named by their hash: nothing is
 * built twice, and an edge that serves an older build is left in peace. Two builds at once do no harm: the first to end is kept.
 * @throws ReadableError with what the build said
 */
export async function buildWebApp(signal?: AbortSignal): Promise<string> {
  const folder = join(builds, hashOfSources());
  if (!existsSync(folder)) {
    const work = `${folder}.${process.pid}`;
    mkdirSync(builds, { recursive: true });
    try {
      await runVite(['build', '--outDir', work, '--emptyOutDir', '--logLevel', 'warn'], signal);
      renameSync(work, folder);
    } catch (error) {
      rmSync(work, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  utimesSync(folder, new Date(), new Date());
  removeOldBuilds();
  return folder;
}

/** Of every file that has a part in the build. */
function hashOfSources(): string {
  const roots = [
    ...['src', 'public', 'index.html', 'vite.config.ts', 'package.json'].map((name) => join(source, name)),
    join(repositoryRoot, 'packages/client/src'),
    join(repositoryRoot, 'package-lock.json'),
  ];
  const hash = createHash('sha256');
  for (const file of roots.flatMap(filesBelow).sort()) {
    hash.update(relative(repositoryRoot, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

function removeOldBuilds(): void {
  const byAge = readdirSync(builds)
    .map((name) => ({ path: join(builds, name), usedAtMs: statSync(join(builds, name)).mtimeMs }))
    .sort((one, other) => other.usedAtMs - one.usedAtMs);
  for (const { path } of byAge.slice(keptBuilds)) rmSync(path, { recursive: true, force: true });
}

function runVite(args: string[], signal?: AbortSignal): Promise<void> {
  const vite = join(repositoryRoot, 'node_modules/vite/bin/vite.js');
  const child = spawn(process.execPath, [vite, ...args], {
    cwd: source,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production' },
    timeout: buildTimeoutMs,
    ...(signal && { signal }),
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-maxOutputBytes);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, endSignal) => {
      if (code === 0) resolve();
      else reject(new ReadableError(`The web app could not be built (${endSignal ?? code}).\n${output.trim()}`));
    });
  });
}
