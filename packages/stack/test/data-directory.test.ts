import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openDataDirectory } from '../src/data-directory.ts';
import { claimPort, releasePort } from '../src/ports.ts';
import { identifyProcess } from '../src/process-identity.ts';

const parent = process.env.TEST_DIRECTORY ?? '';

test('what an owner killed by SIGKILL left running is ended by the next owner', async () => {
  const path = join(parent, 'stack-orphans');
  const script = join(import.meta.dirname, 'fixtures/orphan-maker.ts');
  const owner = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const orphan = Number(line.toString());
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  expect(identifyProcess(orphan)).toBeDefined();
  const directory = await openDataDirectory(path);
  expect(identifyProcess(orphan)).toBeUndefined();
  directory.release();
});

test('a second owner is refused with the process id of the first', async () => {
  const path = join(parent, 'stack-owned');
  const first = await openDataDirectory(path);
  await expect(openDataDirectory(path)).rejects.toThrow(`already running here (process ${process.pid}`);
  first.release();
  (await openDataDirectory(path)).release();
});

test('ports and secrets are the same next time, unless a port was taken', async () => {
  const path = join(parent, 'stack-kept');
  const first = await openDataDirectory(path);
  const [port, other] = [await first.port('one'), await first.port('two')];
  const secret = first.secret('token');
  first.release();
  const stranger = createServer().listen(other, '127.0.0.1');
  await once(stranger, 'listening');
  const second = await openDataDirectory(path);
  expect(await second.port('one')).toBe(port);
  expect(await second.port('two')).not.toBe(other);
  expect(second.secret('token')).toBe(secret);
  second.release();
  stranger.close();
});

test('a port that is claimed goes to nobody else, though nobody listens on it yet; of a process that died it is free', async () => {
  const path = join(parent, 'stack-claims');
  const first = await openDataDirectory(path);
  const port = await first.port('one');
  expect(await claimPort(port)).not.toBe(port);
  const heir = join(import.meta.dirname, '../src/ports.ts');
  const claimElsewhere = async () => {
    const script = `import { claimPort } from ${JSON.stringify(heir)}; process.stdout.write(String(await claimPort(${port})))`;
    const elsewhere = spawn(process.execPath, ['--input-type=module-typescript', '-e', script]);
    const [chunk] = (await once(elsewhere.stdout, 'data')) as [Buffer];
    await once(elsewhere, 'exit');
    return Number(chunk.toString());
  };
  expect(await claimElsewhere()).not.toBe(port);
  first.release();
  expect(await claimElsewhere()).toBe(port);
  // Its process has ended.
  expect(await claimPort(port)).toBe(port);
  releasePort(port);
});
