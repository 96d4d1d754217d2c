import { existsSync } from 'node:fs';
import { chown, copyFile, lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/*
 * Physical back-ups of a whole Postgres server, all databases at one point in time: what pg_basebackup does, by the functions of
 * the server it is built on, for machines that have no client programs of Postgres.
 *
 *   the server archives its log (archiveSettings) -> backUp, while it serves -> ... -> restoreBackup into an empty folder,
 *   and a server started there with restoreSettings replays the log
 */

/** Contents that belong to the server that runs, and would be wrong or useless in a copy. */
const LEFT_OUT = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const LEFT_OUT_FILES = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'backup_label',
  'recovery.signal',
  'standby.signal',
]);

/**
 * Never overwrites, and never leaves half a file under a segment's name. A crash may come between the move and the server's note of it, so
 * the same segment once more is well, and another one of its name is not.
 */
const archiveCommand = (archive: string): string =>
  `if test -f "${archive}/%f"; then cmp -s "%p" "${archive}/%f"; ` +
  `else cp "%p" "${archive}/%f.tmp" && sync "${archive}/%f.tmp" && mv "${archive}/%f.tmp" "${archive}/%f"; fi`;

/** Makes a server keep every segment of its log in `archive`, a folder that the server's account may write to: after a minute at the latest. */
export const archiveSettings = (archive: string): Record<string, string> => ({
  wal_level: 'replica',
  archive_mode: 'on',
  archive_timeout: '60',
  archive_command: archiveCommand(archive),
});

/** Makes a server that starts on a restored folder replay the log: up to the end of the back-up, or of the archive. */
export const restoreSettings = (archive: string, upTo: 'backup' | 'end'): Record<string, string> => ({
  restore_command: `cp "${archive}/%f" "%p"`,
  recovery_target_action: 'promote',
  ...(upTo === 'backup' && { recovery_target: 'immediate' }),
});

/** A folder of the same owner as another, for the server to write to. */
export async function folderLike(path: string, like: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, gid } = await stat(like);
  await chown(path, uid, gid);
  return path;
}

/**
 * Copies the server's data folder `cluster` to `target`, which must not be there, while the server goes on. The moment that is
 * restored later is that of the answer: by then all log that is needed is in the archive.
 * @param adminUrl of a superuser, not through a pooler: the back-up is the session's
 */
export async function backUp(adminUrl: string, cluster: string, target: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('evergreen', fast => true)`);
    await copyFolder(cluster, target);
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => true)',
    );
    await writeLike(join(target, 'backup_label'), rows[0]?.labelfile ?? '', cluster);
  } finally {
    await client.end();
  }
}

/** Puts a back-up where a server is to start; `target` must not be there. */
export async function restoreBackup(backup: string, target: string): Promise<void> {
  const label = join(backup, 'backup_label');
  if (!existsSync(label)) throw new Error(`${backup} is no complete back-up`);
  await copyFolder(backup, target);
  await copyOwned(label, join(target, 'backup_label'));
  await writeLike(join(target, 'recovery.signal'), '', backup);
}

/** The server renames and removes these two, so they have to be its own. */
async function writeLike(file: string, text: string, like: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  const { uid, gid } = await stat(like);
  await chown(file, uid, gid);
}

/**
 * Brings the log that a dead server had not yet archived into the archive, if its disk can still be read. A segment is there once all of it is:
 * one that is shorter was being copied when the machine died.
 */
export async function saveLastLog(cluster: string, archive: string): Promise<void> {
  const segments = (await readdir(join(cluster, 'pg_wal'))).filter((file) => /^[0-9A-F]{24}$/.test(file));
  for (const name of segments) {
    const [source, target] = [join(cluster, 'pg_wal', name), join(archive, name)];
    const isThere = existsSync(target) && (await stat(target)).size === (await stat(source)).size;
    if (isThere) continue;
    await copyOwned(source, `${target}.tmp`);
    await rename(`${target}.tmp`, target);
  }
}

async function copyFolder(from: string, to: string, isTop = true): Promise<void> {
  const { uid, gid } = await stat(from);
  await mkdir(to, { mode: 0o700 });
  await chown(to, uid, gid);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      if (isTop && LEFT_OUT.has(entry.name)) await folderLike(copy, source);
      else await copyFolder(source, copy, false);
    } else if (entry.isFile() && !(isTop && LEFT_OUT_FILES.has(entry.name))) await copyOwned(source, copy);
  }
}

/** Copies what is there. A file that goes meanwhile is of a table that was dropped, which the log knows. */
async function copyOwned(source: string, copy: string): Promise<void> {
  try {
    const { uid, gid } = await lstat(source);
    await copyFile(source, copy);
    await chown(copy, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await rm(copy, { force: true });
  }
}
