import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';

const firstPort = 20_000;
// Below 32768, where Linux' own ephemeral ports begin: an outgoing connection never takes a port chosen here.
const lastPort = 31_999;
const attempts = 100;

/*
 * A port is chosen some time before its server listens, and a server that is started again leaves it for a moment. That it is free
 * says nothing then, so stacks of one machine claim their ports: a file each, with the process that owns the stack.
 */
const claims = join(tmpdir(), `evergreen-ports-${userInfo().username}`);

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
  const self = identifyProcess(process.pid);
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(claimOf(port), JSON.stringify(self), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = readJson<ProcessIdentity>(claimOf(port));
  if (!owner || isRunning(owner)) return false;
  writeJson(claimOf(port), self);
  return true;
}

function randomPort(): number {
  return firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
}
