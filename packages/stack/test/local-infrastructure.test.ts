import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { openDataDirectory } from '../src/data-directory.ts';
import { startInfrastructure } from '../src/infrastructure.ts';
import { identifyProcess } from '../src/process-identity.ts';
import { rabbitmqManagement } from '../src/rabbitmq-management.ts';

const env = { INFRA: 'local' };
const say = () => undefined;
const prepare = async () => 'prepared';

test('local servers keep their data over a restart and leave no process behind', async () => {
  const directory = await openDataDirectory(join(process.env.TEST_DIRECTORY ?? '', 'stack-local'));
  const first = await startInfrastructure({ directory, throwaway: false, say, prepare, env });
  const client = new pg.Client({ connectionString: first.databaseUrl });
  await client.connect();
  const settings = await client.query(
    "SELECT current_setting('fsync') AS fsync, current_setting('max_connections') AS max",
  );
  expect(settings.rows).toEqual([{ fsync: 'on', max: '300' }]);
  await client.query('CREATE TABLE kept (id int)');
  await client.query("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
  for (const database of ['postgres', 'template1']) {
    const url = Object.assign(new URL(first.databaseUrl), { username: 'stranger', password: 'stranger' });
    url.pathname = `/${database}`;
    const stranger = new pg.Client({ connectionString: url.href });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '42501' });
  }
  await client.end();
  await rabbitmqManagement(first.managementUrl).createVhost('kept', 'evergreen');
  expect(await firstBytes(first.amqpUrl)).toBe('AMQP');
  const pids = runningPids(directory.path);
  expect(Object.keys(pids).sort()).toEqual(['epmd', 'postgres', 'rabbitmq']);
  await first.stop();
  expect(Object.values(pids).map(identifyProcess)).toEqual([undefined, undefined, undefined]);

  const second = await startInfrastructure({ directory, throwaway: true, say, prepare, env });
  const again = new pg.Client({ connectionString: second.databaseUrl });
  await again.connect();
  expect((await again.query("SELECT to_regclass('kept')::text AS kept")).rows).toEqual([{ kept: 'kept' }]);
  await again.end();
  const vhosts = await rabbitmqManagement(second.managementUrl).vhosts();
  expect(vhosts.map(({ name }) => name)).toContain('kept');
  await second.stop();
  directory.release();
}, 60_000);

test('a start that is given up leaves no process behind', async () => {
  const directory = await openDataDirectory(join(process.env.TEST_DIRECTORY ?? '', 'stack-given-up'));
  const giveUp = new AbortController();
  const starting = startInfrastructure({ directory, throwaway: true, say, prepare, env, signal: giveUp.signal });
  setTimeout(() => giveUp.abort(), 300);
  await expect(starting).rejects.toThrow();
  expect(runningPids(directory.path)).toEqual({});
  directory.release();
}, 30_000);

test('half a configuration is refused, not completed by guessing', async () => {
  const directory = await openDataDirectory(join(process.env.TEST_DIRECTORY ?? '', 'stack-half'));
  const half = { directory, throwaway: true, say, prepare, env: { AMQP_URL: 'amqp://localhost' } };
  await expect(startInfrastructure(half)).rejects.toThrow('AMQP_URL is set and DATABASE_URL is not');
  const wrong = { directory, throwaway: true, say, prepare, env: { INFRA: 'cloud' } };
  await expect(startInfrastructure(wrong)).rejects.toThrow('INFRA is "cloud"');
  directory.release();
});

function runningPids(path: string): Record<string, number> {
  const recorded = JSON.parse(readFileSync(join(path, 'pids.json'), 'utf8')) as Record<string, { pid: number }>;
  return Object.fromEntries(Object.entries(recorded).map(([name, { pid }]) => [name, pid]));
}

/** A broker answers a wrong protocol header with the one it speaks. */
function firstBytes(amqpUrl: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(amqpUrl).port), '127.0.0.1', () => socket.write('NOTAMQP!'));
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1', 0, 4));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
