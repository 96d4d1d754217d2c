import { closeSync, openSync } from 'node:fs';

interface ArmedFailpoint {
  name: string;
  markerFile: string;
}

const armed = armedFailpoint(process.env);

/**
 * For crash tests only: ends the process at this line, as `kill -9` would, when FAILPOINT is `<name>:<path of a marker file>`.
 * It happens once per marker file, which is created first, so the restarted process passes. Without FAILPOINT, with another
 * name, and where NODE_ENV is `production` or not set (which counts as production), it does nothing. Both are read at start.
 * @throws Error when the marker file can be neither created nor found, as in a folder that does not exist
 */
export function failpoint(name: string): void {
  if (armed?.name !== name) return;
  try {
    // Of replicas that get here together only one creates the file.
    closeSync(openSync(armed.markerFile, 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  process.kill(process.pid, 'SIGKILL');
}

/** A value that is not of the form arms nothing. The path may have colons of its own. */
function armedFailpoint({ NODE_ENV, FAILPOINT }: NodeJS.ProcessEnv): ArmedFailpoint | undefined {
  if ((NODE_ENV?.trim() || 'production') === 'production') return undefined;
  const [, name, markerFile] = /^([a-z0-9-]+):(.+)$/.exec(FAILPOINT?.trim() ?? '') ?? [];
  return name && markerFile ? { name, markerFile } : undefined;
}
