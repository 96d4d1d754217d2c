import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awaitCondition } from '../src/await-condition.ts';
import { type DataDirectory, openDataDirectory } from '../src/data-directory.ts';
import { identifyProcess } from '../src/process-identity.ts';
import { type ProcessSpec, supervise } from '../src/supervisor.ts';

const script = join(import.meta.dirname, 'fixtures/tiny-service.ts');
let directory: DataDirectory;

beforeAll(async () => {
  directory = await openDataDirectory(join(process.env.TEST_DIRECTORY ?? '', 'stack-supervisor'));
});
afterAll(() => directory.release());

async function tiny(name: string, env: Record<string, string> = {}, stopStage = 1): Promise<ProcessSpec> {
  const port = await directory.port(name);
  return { name, args: [script], port, env: { ...env, PORT: String(port) }, stopStage };
}

test('a killed process is started again, says so, and the others are left alone', async () => {
  const said: string[] = [];
  const specs = [await tiny('killed'), await tiny('neighbour')];
  const supervisor = supervise({ directory: directory.path, specs, say: (line) => said.push(line) });
  try {
    await supervisor.start();
    const before = supervisor.pid('killed');
    const neighbour = supervisor.pid('neighbour');
    supervisor.kill('killed', 'SIGKILL');
    await awaitCondition(async () => (supervisor.starts('killed') === 2 ? true : undefined), {
      what: 'the second start',
      timeoutMs: 5_000,
    });
    await supervisor.awaitReady('killed');
    expect(supervisor.pid('killed')).not.toBe(before);
    expect(supervisor.pid('neighbour')).toBe(neighbour);
    expect(said[0]).toMatch(/^killed ended \(SIGKILL\); starting it again in 0\.\d s/);
  } finally {
    await supervisor.stop();
  }
});

test('a process that refuses its configuration is not started again, and its line is the error', async () => {
  const specs = [await tiny('refusing', { REFUSE: '1' })];
  const supervisor = supervise({ directory: directory.path, specs, say: () => undefined });
  await expect(supervisor.start()).rejects.toThrow('evergreen tiny cannot start: COLOUR is missing');
  expect(supervisor.starts('refusing')).toBe(1);
  expect(supervisor.pid('refusing')).toBeUndefined();
  await supervisor.stop();
});

test('stopOne and startOne keep the port, and stop leaves no process', async () => {
  const specs = [await tiny('one'), await tiny('two', {}, 0)];
  const supervisor = supervise({ directory: directory.path, specs, say: () => undefined });
  await supervisor.start();
  await supervisor.stopOne('one');
  expect(supervisor.pid('one')).toBeUndefined();
  await supervisor.startOne('one');
  const pids = ['one', 'two'].map((name) => supervisor.pid(name) ?? 0);
  expect(pids.map((pid) => identifyProcess(pid)?.pid)).toEqual(pids);
  await supervisor.stop();
  expect(pids.map(identifyProcess)).toEqual([undefined, undefined]);
  expect(readFileSync(join(directory.path, 'pids.json'), 'utf8').trim()).toBe('{}');
});

test('stop during the pause before a restart ends the matter', async () => {
  const specs = [{ ...(await tiny('dying')), args: ['-e', 'process.exit(1)'] }];
  const said: string[] = [];
  const supervisor = supervise({ directory: directory.path, specs, say: (line) => said.push(line) });
  const starting = supervisor.start().catch((error: Error) => error.message);
  await awaitCondition(async () => (said.length > 0 ? true : undefined), { what: 'the first exit', timeoutMs: 5_000 });
  await supervisor.stop();
  const starts = supervisor.starts('dying');
  expect(await starting).toMatch(/dying was stopped before it was ready/);
  expect(supervisor.pid('dying')).toBeUndefined();
  expect(supervisor.starts('dying')).toBe(starts);
});
