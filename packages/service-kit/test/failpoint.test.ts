import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const PROGRAM = `
  import { writeSync } from 'node:fs';
  import { failpoint } from ${JSON.stringify(new URL('../src/failpoint.ts', import.meta.url).href)};
  writeSync(1, 'before ');
  failpoint('after-commit');
  writeSync(1, 'after');`;
const DIED = { signal: 'SIGKILL', status: null, said: 'before ' };
const PASSED = { signal: null, status: 0, said: 'before after' };

let directory: string;
let markers = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'failpoint-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const newMarker = () => join(directory, `marker:${++markers}`);

/** Runs a process that passes the failpoint 'after-commit' between two words. */
function run(env: { FAILPOINT?: string; NODE_ENV?: string }) {
  const { FAILPOINT: _failpoint, NODE_ENV: _nodeEnv, ...inherited } = process.env;
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { ...inherited, ...env },
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { signal, status, said: stdout, stderr };
}

test('the process dies by SIGKILL at that line, once per marker file', () => {
  const FAILPOINT = `after-commit:${newMarker()}`;
  expect(run({ FAILPOINT, NODE_ENV: 'test' })).toMatchObject(DIED);
  expect(run({ FAILPOINT, NODE_ENV: 'test' })).toMatchObject(PASSED);
  expect(run({ FAILPOINT: `after-commit:${newMarker()}`, NODE_ENV: 'development' })).toMatchObject(DIED);
});

test.each([['production'], [' production '], [''], [undefined]])(
  'NODE_ENV %j counts as production: it passes',
  (NODE_ENV) => {
    const marker = newMarker();
    expect(run({ FAILPOINT: `after-commit:${marker}`, ...(NODE_ENV !== undefined && { NODE_ENV }) })).toMatchObject(
      PASSED,
    );
    expect(existsSync(marker)).toBe(false);
  },
);

test('another name, or a value that is no failpoint, does nothing', () => {
  const marker = newMarker();
  for (const FAILPOINT of [`before-commit:${marker}`, 'after-commit', 'after-commit:', `:${marker}`, marker, '']) {
    expect(run({ FAILPOINT, NODE_ENV: 'test' })).toMatchObject(PASSED);
  }
  expect(existsSync(marker)).toBe(false);
});

test('a marker file that cannot be created is an error, not a silent pass', () => {
  const FAILPOINT = `after-commit:${join(directory, 'nowhere', 'marker')}`;
  const { status, stderr } = run({ FAILPOINT, NODE_ENV: 'test' });
  expect(status).toBe(1);
  expect(stderr).toContain('ENOENT');
});
