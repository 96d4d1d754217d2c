import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { afterCommit, inTransaction } from '../src/database.ts';
import { createTestDatabase, registered, type TestDatabase } from './rig.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const INSERT = 'INSERT INTO effect (message_id) VALUES ($1)';
const isThere = async (id: string): Promise<boolean> =>
  (await database.pool.query('SELECT 1 FROM effect WHERE message_id = $1', [id])).rowCount === 1;

test('what is committed is answered so, whatever is called back; the next callback is called all the same', async () => {
  const { id } = registered();
  const called: string[] = [];
  const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
  const answer = await inTransaction(database.pool, async (client) => {
    await client.query(INSERT, [id]);
    afterCommit(client, () => {
      called.push('first');
      throw new Error('it cannot count');
    });
    afterCommit(client, () => called.push('second'));
    return 'done';
  });
  expect(answer).toBe('done');
  expect(called).toEqual(['first', 'second']);
  expect(await isThere(id)).toBe(true);
  expect(warn.mock.calls).toEqual([['what was to follow a commit failed: it cannot count']]);
  warn.mockRestore();
});

test('nothing is called back for a transaction that failed', async () => {
  const { id } = registered();
  let called = 0;
  const failing = inTransaction(database.pool, async (client) => {
    await client.query(INSERT, [id]);
    afterCommit(client, () => called++);
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  expect(called).toBe(0);
  expect(await isThere(id)).toBe(false);
});
