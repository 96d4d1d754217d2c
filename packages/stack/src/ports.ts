import { lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJson } from './json-file.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
import { ReadableError } from './readable-error.ts';

const firstPort = 20_000;
// Below 32768, where Linux' own ephemeral ports begin: an outgoing connection never takes a port chosen here.
const lastPort = 31_999;
const attempts = 100;

/*
 * A port is chosen some time before its server listens, and a server that is started again leaves it for a moment. That it is free
 * says nothing then, so stacks of one machine claim their ports: a file each, with the process that owns the stack.
 */
const claims = join(tmpdir(), `evergreen-ports-${process.getuid?.() ?? ''}`);

/**
 * Chooses a port on 127.0.0.1 that no other stack has claimed and nobody listens on, and claims it for this process.
 * @param wanted tried first, such as the one of last time
 * @throws Error when none was free in 100 attempts
 */
export async function claimPort(wanted?: number): Promise<number> {
  let candidate = wanted ?? randomPort();
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (claim(candidate)) {
      if (await isPortFree(candidate)) return candidate;
      releasePort(candidate);
    }
    candidate = randomPort();
  }
  throw new Error(`no free port between ${firstPort} and ${lastPort} after ${attempts} attempts`);
}

/** Gives back a port that this process has claimed. */
export const releasePort = (port: number): void => rmSync(claimOf(port), { force: true });

/** Tells whether a server could listen on 127.0.0.1 at this moment. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

const claimOf = (port: number): string => join(claims, `${port}.json`);

/** Answers whether the port is this process' now; what a process that has died had claimed is free. */
function claim(port: number): boolean {
  openClaims();
  if (writeClaim(port)) return true;
  const owner = readJson<ProcessIdentity>(claimOf(port));
  if (!owner || isRunning(owner)) return false;
  releasePort(port);
  return writeClaim(port);
}

/** Anybody may make a folder in the machine's temporary one, and could lead files astray that are written below it. */
function openClaims(): void {
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(claims);
  const isOwn = uid === (process.getuid?.() ?? uid) && (mode & 0o022) === 0;
  if (!isOwn) throw new ReadableError(`${claims} is somebody else's, or others may write to it. Remove it.`);
}

function writeClaim(port: number): boolean {
  try {
    writeFileSync(claimOf(port), JSON.stringify(identifyProcess(process.pid)), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function randomPort(): number {
  return firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
}
